"""Train the layers of a network by gradient descent."""

from __future__ import annotations

import copy
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.progress import Progress, Steps, StopEarly, in_part, map_progress, to_its_end
from ...nets.checkpoint import SIZE
from ...nets.inference import scores_and_features, user_message
from ...nets.models.base import Architecture, frozen
from ...nets.training.checkpoints import BestEpochs
from ...nets.training.fit import fit
from ...nets.training.recipe import Stages
from ...nets.training.state import StateFile, read_folds, stored_options, write_folds
from ...nets.training.tasks import Classification, Classifier, LabelledCrops
from .learner import Fitted, apply_to_crops, crop_weights

if TYPE_CHECKING:
    import torch

    from ...nets.models.network import Network
    from ...nets.training.recipe import TrainingRecipe
    from ...nets.training.selection import KeptEpoch
    from .learner import Folds
    from .prepare import PreparedDataset


class FineTune:
    """A `Learner` that trains the layers of a network.

    Parameters
    ----------
    prepared : PreparedDataset
        Crops and classes.
    network : Network
        Network with pretrained or random weights.
    recipe : TrainingRecipe
        Choices of the training.
    device : torch.device
        Device of the network.
    """

    needs_validation = True

    def __init__(
        self,
        prepared: PreparedDataset,
        network: Network,
        recipe: TrainingRecipe,
        device: torch.device,
    ) -> None:
        self.prepared, self.network, self.recipe, self.device = prepared, network, recipe, device
        self.options = recipe.fit_options(network.architecture.rate)
        self.board = None if recipe.log is None else _board(recipe.log)
        self._kept: tuple[Classifier, BestEpochs] | None = None

    def fit(self, images: np.ndarray, validation: np.ndarray | None = None) -> Steps[Fitted]:
        """Train on images, and stop when the loss of the validation images stays.

        Parameters
        ----------
        images : (m,) int array
            Indices of the images.
        validation : (v,) int array, optional
            Indices of images that are not trained with; without them all epochs are run.
        """
        state = StateFile(self.recipe.state, self._mark(images, validation), self.recipe.finish)
        return (yield from self._fit(images, validation, state, self.board))

    def checkpoints(self) -> Iterator[tuple[KeptEpoch, Steps[Fitted]]]:
        """Give the best epochs and the last one; none where no image monitored the training."""
        if self._kept is None:
            return
        classifier, best = self._kept
        for kept, weights in best.epochs():
            one = copy.deepcopy(classifier)
            one.load_state_dict(weights)
            yield kept, self._fitted(one, [])

    def _fit(
        self, images: np.ndarray, validation: np.ndarray | None, state: StateFile, board: Any
    ) -> Steps[Fitted]:
        import torch

        prepared, architecture = self.prepared, self.network.architecture
        size = None if prepared.log_sizes is None else torch.zeros(len(prepared.classes))
        net = self.network.build(prepared.network_input.input_px)
        classifier = Classifier(net, architecture.mean, architecture.std, size).to(self.device)
        held_out = None if validation is None else self._crops(validation)
        best = BestEpochs(Classification.monitor, self.recipe.checkpoints)
        try:
            steps = fit(
                Classification(), classifier, self._crops(images), held_out, self.options,
                stages=_stages(architecture), state=state, kept=best,
            )  # fmt: skip
            if board is not None:
                steps = map_progress(steps, functools.partial(_to_board, board=board))
            history = yield from in_part(steps, 0, 0.95)
        except (RuntimeError, MemoryError) as error:
            raise user_message(error, self.device) from error
        self._kept = classifier, best
        fitted = yield from in_part(to_its_end(self._fitted(classifier, history)), 0.95, 1)
        return replace(fitted, notes=(best.stopped,) if best.stopped else ())

    def _fitted(self, classifier: Classifier, history: list[dict[str, float]]) -> Steps[Fitted]:
        """Outputs of a trained network."""
        import pandas as pd

        try:
            logits, features = yield from self._outputs(classifier)
        except (RuntimeError, MemoryError) as error:
            raise user_message(error, self.device) from error
        extras = {} if classifier.size is None else {SIZE: classifier.size.detach()}
        return Fitted(
            frozen(classifier.net), logits, features, pd.DataFrame(history), asdict(self.options),
            extras,
        )  # fmt: skip

    def cross_validate(self, folds: Folds, images: np.ndarray) -> Steps[Fitted]:
        """Train once for each fold, and once on all images; finished folds are kept in a file.

        No image is left to monitor: all epochs are run.
        """
        state, mark = self.recipe.state, self._folds_mark(folds)
        kept = self._finished_folds(len(folds), mark)
        last: Fitted | None = None
        for number, (chosen, held_out) in enumerate(folds):
            crops = self.prepared.crops_of(held_out)
            if np.isfinite(kept[number, crops]).all():
                continue
            if self.recipe.finish:
                raise ValueError(
                    "stopped before the cross-validation was complete: nothing can be tested yet"
                )
            part = number / (len(folds) + 1), (number + 1) / (len(folds) + 1)
            phase = f"cross-validation {number + 1} of {len(folds)}"
            try:
                fitted = yield from in_part(
                    self._fit(chosen, None, StateFile(), None), *part, phase
                )
            except StopEarly:
                if last is None:
                    raise
                return self._stopped(last, kept, folds[:number])
            if fitted.notes and last is not None:
                # the finished folds are of networks that have learnt longer
                return self._stopped(last, kept, folds[:number])
            kept[number, crops] = fitted.logits[crops]
            if fitted.notes:
                return self._stopped(fitted, kept, folds[: number + 1])
            last = fitted
            if state is not None:
                write_folds(state, kept, mark)
        return (yield from self._fit_all(images, last, kept, folds))

    def _fit_all(
        self, images: np.ndarray, last: Fitted | None, kept: np.ndarray, folds: Folds
    ) -> Steps[Fitted]:
        """Train on all images after a cross-validation."""
        part = len(folds) / (len(folds) + 1), 1
        try:
            fitted = yield from in_part(self.fit(images), *part, "training on all images")
        except StopEarly:
            if last is None:
                raise
            return self._stopped(last, kept, folds)
        if fitted.notes and last is not None:
            return self._stopped(last, kept, folds)
        return replace(fitted, logits=self._held_out_logits(kept, folds))

    def _held_out_logits(self, kept: np.ndarray, folds: Folds) -> np.ndarray:
        """Logits of each held-out crop by the network that was trained without it."""
        logits = np.zeros(kept.shape[1:])
        for number, (_, held_out) in enumerate(folds):
            crops = self.prepared.crops_of(held_out)
            logits[crops] = kept[number, crops]
        return logits

    def _stopped(self, last: Fitted, kept: np.ndarray, folds: Folds) -> Fitted:
        """The network of the last of some folds, which are tested."""
        self._kept = None
        share = len(folds[-1][0]) / (len(folds[-1][0]) + len(folds[-1][1]))
        note = (
            f"the cross-validation was stopped by hand: {len(folds)} of {len(kept)} folds are "
            f"tested, and the model is that of fold {len(folds)}, which was trained on "
            f"{share:.0%} of the images"
        )
        logits = self._held_out_logits(kept, folds)
        return replace(last, logits=logits, folds=folds, notes=(note, *last.notes))

    def _finished_folds(self, count: int, mark: str) -> np.ndarray:
        """Logits of the folds that an interrupted training has finished; NaN for the others."""
        shape = (count, len(self.prepared.crops), len(self.prepared.classes))
        kept = None if self.recipe.state is None else read_folds(self.recipe.state, mark)
        return np.full(shape, np.nan) if kept is None or kept.shape != shape else kept

    def _folds_mark(self, folds: Folds) -> str:
        """Digest of all that a continued cross-validation must have in common: every option."""
        options = stored_options(asdict(self.options))
        # whether info bars are shown is in the pixels; states of earlier versions do not state it
        given = self.prepared.network_input.as_dict()
        given.pop("info_bar", None)
        digest = hashlib.sha256(f"{options} {given}".encode())
        for chosen, held_out in folds:
            digest.update(self._mark(chosen, held_out).encode())
        return digest.hexdigest()

    def _mark(self, images: np.ndarray, validation: np.ndarray | None) -> str:
        """Digest of what a continued training must have in common beside its options."""
        prepared, recipe = self.prepared, self.recipe
        choices = (
            f"{self.network.name} {prepared.classes} {recipe.class_weights} "
            f"{recipe.use_pixel_size} {prepared.digest}"
        )
        digest = hashlib.sha256(choices.encode())
        for indices in (images, validation):
            if indices is not None:
                digest.update(np.ascontiguousarray(indices, dtype=np.int64).tobytes())
        return digest.hexdigest()

    def _crops(self, images: np.ndarray) -> LabelledCrops:
        prepared = self.prepared
        crops, image_index, weights = crop_weights(prepared, images, self.recipe.class_weights)
        sizes = prepared.log_sizes
        return LabelledCrops(
            prepared.crops[crops],
            prepared.targets[image_index],
            weights / weights.mean(),
            None if sizes is None else sizes[image_index],
        )

    def _outputs(self, classifier: Classifier) -> Steps[tuple[np.ndarray, np.ndarray]]:
        """Logits and features of all crops."""
        net, architecture, prepared = classifier.net, self.network.architecture, self.prepared

        def outputs(x: torch.Tensor) -> torch.Tensor:
            x = (x - architecture.mean) / architecture.std
            return scores_and_features(net, architecture, x)

        found = yield from apply_to_crops(outputs, prepared.crops, self.device, "computing outputs")
        count = len(prepared.classes)
        logits = found[:, :count]
        if classifier.size is not None and prepared.log_sizes is not None:
            weight = classifier.size.detach().cpu().numpy()
            logits = logits + prepared.log_sizes[prepared.image_index][:, None] * weight
        return logits, found[:, count:].astype(np.float32)


def _stages(architecture: Architecture) -> Stages:
    """Name the parameters of a `Classifier` that an architecture trains."""

    def of_classifier(prefixes: tuple[str, ...]) -> tuple[str, ...]:
        return (*(f"net.{prefix}" for prefix in prefixes), "size") if prefixes else ()

    return Stages(of_classifier(architecture.warm), of_classifier(architecture.tuned))


def _board(folder: Path) -> Any:
    """Open a log for TensorBoard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "a log for TensorBoard needs it: pip install napari-visual-ccc[tensorboard]"
        ) from error
    try:
        return SummaryWriter(str(folder))
    except UnicodeEncodeError:
        raise ValueError(
            f"{folder}: TensorBoard takes no name that is no UTF-8; choose another folder"
        ) from None


def _to_board(progress: Progress, board: Any) -> Progress:
    """Write the numbers of an epoch to TensorBoard."""
    if progress.values:
        for name, value in progress.values.items():
            board.add_scalar(name, value, int(progress.values["epoch"]))
        board.flush()
    return progress
