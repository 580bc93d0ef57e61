"""Train a linear layer on the features of a frozen network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...core.progress import Progress, Steps, StopEarly, in_part, map_progress, to_its_end
from ...nets.checkpoint import SIZE
from ...nets.models.base import frozen
from ...nets.training.augment import dihedral, varied
from ...nets.training.linear import fit_linear
from ...nets.training.recipe import Augmentation
from ..classification.calibration import softmax
from .learner import Fitted, apply_to_crops, crop_weights, image_weights

if TYPE_CHECKING:
    import torch

    from ...nets.models.network import Network
    from ...nets.training.recipe import TrainingRecipe
    from ...nets.training.selection import KeptEpoch
    from .learner import Folds
    from .prepare import PreparedDataset

PENALTIES = (3e-3, 1e-2, 3e-2, 1e-1)

# losses that differ by less count as equal
_TIE = 1.02

_NO_AUGMENTATION = Augmentation(False, 0.0, 0.0, 0.0)


class _Turned(NamedTuple):
    """A view of every crop, 0 to 7, and its features."""

    views: np.ndarray
    features: np.ndarray


class _Views:
    """Some crops, each in one of its eight views, as an array that is made when it is read."""

    def __init__(self, crops: np.ndarray, rows: np.ndarray, views: np.ndarray) -> None:
        self._crops, self._rows, self._views = crops, rows, views

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, part: slice) -> np.ndarray:
        import torch

        chosen = zip(self._rows[part], self._views[part], strict=True)
        turned = [dihedral(torch.from_numpy(self._crops[row]), int(view)) for row, view in chosen]
        return torch.stack(turned).numpy()


class LinearProbe:
    """A `Learner` that trains the last layer only.

    Parameters
    ----------
    prepared : PreparedDataset
        Crops and classes.
    network : Network
        Pretrained network.
    recipe : TrainingRecipe
        Choices of the training.
    device : torch.device
        Device of the network.
    """

    needs_validation = False

    def __init__(
        self,
        prepared: PreparedDataset,
        network: Network,
        recipe: TrainingRecipe,
        device: torch.device,
    ) -> None:
        self.prepared, self.recipe, self.device = prepared, recipe, device
        self.architecture = network.architecture
        self.net: Any = network.build(prepared.network_input.input_px).to(device)
        # features of stretched crops hardly change with brightness, and noise costs accuracy
        self.augmentation = replace(recipe.augmentation, brightness=0.0, noise=0.0)
        self.penalty = PENALTIES[0]
        # to train with, and the views whose mean is scored; the last column is the change of the
        # pixel size
        self._features: list[np.ndarray] = []
        self._views: list[np.ndarray] = []
        # what was left out since the training was stopped
        self._left_out: list[str] = []

    def fit(self, images: np.ndarray, validation: np.ndarray | None = None) -> Steps[Fitted]:
        """Fit on crops and their variations, with the penalty of the last cross-validation.

        Parameters
        ----------
        images : (m,) int array
            Indices of the images.
        validation : (v,) int array, optional
            Not needed: the problem is convex and has one solution.
        """
        import pandas as pd
        import torch

        yield from in_part(self._compute_features(), 0, 0.8)
        # the last fit takes seconds, and there is no network without it
        steps = to_its_end(self._solve(images, self.penalty, self._features))
        weight, bias, history = yield from in_part(steps, 0.95, 1)
        width = self._features[0].shape[1] - 1
        with torch.no_grad():
            self.net.classifier.weight.copy_(weight[:, :width])
            self.net.classifier.bias.copy_(bias)
        return Fitted(
            frozen(self.net),
            self._logits(weight, bias),
            self._features[0][:, :-1].astype(np.float32),
            pd.DataFrame(history),
            {
                "augment": asdict(self.augmentation), "seed": self.recipe.seed,
                "copies": len(self._features), "penalty": self.penalty,
            },
            {} if self.prepared.log_sizes is None else {SIZE: weight[:, width].contiguous()},
            notes=tuple(f"stopped by hand: {one}" for one in self._left_out),
        )  # fmt: skip

    def cross_validate(self, folds: Folds, images: np.ndarray) -> Steps[Fitted]:
        """Choose the penalty by the loss of held-out images, then fit on all.

        Folds are trained on the crops as they are, the last fit on their variations as well. Where
        these are cropped, scaled, rotated, shifted or sheared, the folds are trained on them too:
        such a network is less sure, and must be calibrated by others like it.
        """
        yield from in_part(self._compute_features(), 0, 0.8)
        prepared, tried = self.prepared, []
        rows = self._features if self.augmentation.moves else self._features[:1]
        stops: list[StopEarly] = []
        for number, penalty in enumerate(PENALTIES):
            begin, end = (0.8 + 0.15 * k / len(PENALTIES) for k in (number, number + 1))
            phase = f"penalty {number + 1} of {len(PENALTIES)}"
            # one penalty is needed whole
            steps = to_its_end(self._held_out_logits(folds, penalty, rows), stops)
            logits = yield from in_part(steps, begin, end, phase)
            tried.append((self._loss(logits, images), penalty, logits))
            if stops:
                self._left_out.append(f"{number + 1} of {len(PENALTIES)} penalties were tried")
                break
        # smaller differences are chance, and a weaker penalty keeps more of the features
        limit = _TIE * min(loss for loss, _, _ in tried)
        _, self.penalty, held_out_logits = next(one for one in tried if one[0] <= limit)
        fitted = yield from self.fit(images)
        logits = fitted.logits.copy()
        crops = prepared.crops_of(images)
        logits[crops] = held_out_logits[crops]
        return replace(fitted, logits=logits)

    def _held_out_logits(
        self, folds: Folds, penalty: float, rows: list[np.ndarray]
    ) -> Steps[np.ndarray]:
        """Logits of each held-out crop by the layer that was trained without it."""
        prepared = self.prepared
        logits = np.zeros((len(prepared.crops), len(prepared.classes)))
        for fold, (chosen, held_out) in enumerate(folds):
            yield Progress(fold, len(folds), "cross-validation")
            part = fold / len(folds), (fold + 1) / len(folds)
            weight, bias, _ = yield from in_part(self._solve(chosen, penalty, rows), *part)
            crops = prepared.crops_of(held_out)
            logits[crops] = self._logits(weight, bias)[crops]
        return logits

    def checkpoints(self) -> Iterator[tuple[KeptEpoch, Steps[Fitted]]]:
        """None: the problem is convex and has one solution, whatever the step."""
        return iter(())

    def _loss(self, logits: np.ndarray, images: np.ndarray) -> float:
        """Weighted cross-entropy of images."""
        prepared = self.prepared
        weights = image_weights(prepared, images, self.recipe.class_weights)[images]
        probabilities = softmax(prepared.mean_by_image(logits)[images])
        right = probabilities[np.arange(len(images)), prepared.targets[images]]
        return float(-(np.log(np.maximum(right, 1e-12)) * weights).mean())

    def _compute_features(self) -> Steps[None]:
        """Features of all crops as they are, of a few random variations, and of flipped views."""
        if self._features:
            return
        count, augmentation = len(self.prepared.crops), self.augmentation
        copies = 4 if count <= 4000 else 2 if count <= 12_000 else 1
        if augmentation == _NO_AUGMENTATION:
            copies = 1
        kinds = [_NO_AUGMENTATION, *[augmentation] * (copies - 1)]
        if augmentation.moves and augmentation.flips:
            kinds += [replace(_NO_AUGMENTATION, flips=True)] * (copies - 1)
        found: list[np.ndarray] = []
        turned: list[_Turned] = []
        for number, kind in enumerate(kinds):
            note = f"computing features, {number + 1} of {len(kinds)}"
            part = number / len(kinds), (number + 1) / len(kinds)
            try:
                if kind.moves:
                    steps = self._features_of(self.prepared.crops, kind, number, note)
                    found.append((yield from in_part(steps, *part)))
                else:
                    turn = self._turned(kind, number, turned, note)
                    turned.append((yield from in_part(turn, *part)))
                    found.append(turned[-1].features)
            except StopEarly:
                if not found:
                    raise
                self._left_out.append(f"{number} of {len(kinds)} variations of the images are used")
                break
        # images are scored as `classify` does it: as they are and flipped, never cropped or rotated
        self._features = found[:copies]
        self._views = [found[0], *found[copies:]] if augmentation.moves else found

    def _turned(
        self, kind: Augmentation, copy: int, known: list[_Turned], note: str
    ) -> Steps[_Turned]:
        """Features of all crops as they are, or each in one of its eight views.

        Those that an earlier copy has are not computed again.
        """
        import torch

        crops = self.prepared.crops
        views = np.zeros(len(crops), int)
        if kind.flips:
            views = torch.randint(0, 8, (len(crops),), generator=self._generator(copy)).numpy()
        new = np.ones(len(crops), bool)
        for one in known:
            new &= one.views != views
        rows, found = np.flatnonzero(new), np.zeros((0, 0), np.float32)
        if len(rows):
            asked = _Views(crops, rows, views[rows])
            found = yield from self._features_of(asked, _NO_AUGMENTATION, copy, note)
        if len(rows) == len(crops):
            return _Turned(views, found)
        features = np.empty_like(known[0].features)
        if len(rows):
            features[rows] = found
        for one in known:
            same = one.views == views
            features[same] = one.features[same]
        return _Turned(views, features)

    def _generator(self, copy: int) -> torch.Generator:
        import torch

        return torch.Generator().manual_seed(self.recipe.seed * 1009 + copy)

    def _features_of(
        self, crops: np.ndarray | _Views, augmentation: Augmentation, copy: int, note: str
    ) -> Steps[np.ndarray]:
        """Features of one random variation of crops, and the change of the pixel size."""
        import torch

        generator = self._generator(copy)

        def features(x: torch.Tensor) -> torch.Tensor:
            parts = self.architecture.parts
            change = x.new_zeros(len(x))
            if augmentation != _NO_AUGMENTATION:
                x, change = varied(x, augmentation, generator)
            x = (x - self.architecture.mean) / self.architecture.std
            found = parts.embed(self.net, parts.features(self.net, x))
            return torch.cat([found, change.to(found)[:, None]], dim=1)

        return (yield from apply_to_crops(features, crops, self.device, note))

    def _rows(self, features: np.ndarray) -> np.ndarray:
        """Features of all crops and, if the network takes it, the pixel size."""
        sizes, change = self.prepared.log_sizes, features[:, -1]
        if sizes is None:
            return np.ascontiguousarray(features[:, :-1])
        return np.column_stack([features[:, :-1], sizes[self.prepared.image_index] + change])

    def _solve(
        self, images: np.ndarray, penalty: float, copies: list[np.ndarray]
    ) -> Steps[tuple[torch.Tensor, torch.Tensor, list[dict[str, float]]]]:
        """Fit on the crops of some images, with one set of features for each variation."""
        prepared = self.prepared
        crops, image_index, weights = crop_weights(prepared, images, self.recipe.class_weights)
        targets = np.eye(len(prepared.classes))[prepared.targets[image_index]]
        history: list[dict[str, float]] = []

        def record(progress: Progress) -> Progress:
            history.append(dict(progress.values))
            return progress

        steps = fit_linear(
            np.concatenate([self._rows(features)[crops] for features in copies]),
            np.tile(targets, (len(copies), 1)),
            weights=np.tile(weights, len(copies)),
            penalty=penalty,
            covariates=0 if prepared.log_sizes is None else 1,
        )
        weight, bias = yield from map_progress(steps, record)
        return weight, bias, history

    def _logits(self, weight: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
        # the mean over views, as `classify` averages over flipped ones
        rows = self._rows(np.mean(self._views, axis=0))
        return rows @ weight.numpy().T + bias.numpy()
