"""Checkpoints of a training: the weights of its best epochs and of the last one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .selection import KeptEpoch

if TYPE_CHECKING:
    import torch
    from torch import nn

    from .state import StateFile
    from .tasks import Metric

    Weights = dict[str, torch.Tensor]


class BestEpochs:
    """Collect the weights of the best epochs; without validation samples there are none.

    The first one is the epoch that early stopping takes the model from: of values that differ by
    too little to be an improvement, the earliest. The others are ranked by value.

    Parameters
    ----------
    monitor : Metric
        Value of the validation samples that is compared, as by early stopping.
    count : int
        Number of epochs to keep; 0 keeps none.
    """

    def __init__(self, monitor: Metric, count: int) -> None:
        self.monitor, self.count = monitor, count
        # values of all epochs, and weights of those that are kept
        self.values: dict[int, float] = {}
        self.weights: dict[int, Weights] = {}
        self._first, self._last = 0, 0
        # says after which epoch a training was stopped, and which one its weights are of
        self.stopped = ""

    @property
    def column(self) -> str:
        """Column of the history that is compared."""
        return f"validation_{self.monitor.name}"

    def update(self, row: Mapping[str, float], net: nn.Module) -> None:
        """Keep the weights of an epoch if it is one of the best so far."""
        if self._rank(row):
            self._add(int(row["epoch"]), net)
            self._drop()

    def finish(self, row: Mapping[str, float], net: nn.Module | None) -> None:
        """Keep the weights of the last epoch too, if the network still has them."""
        self._last = int(row["epoch"])
        if net is not None and self._last in self.values and self._last not in self.weights:
            self._add(self._last, net)

    def epochs(self) -> Iterator[tuple[KeptEpoch, Weights]]:
        """Give the epochs with their weights, the best first and the last one last.

        A rank is missing where the weights of its epoch are not known.
        """
        ranks = {epoch: rank for rank, epoch in enumerate(self._best(), start=1)}
        for epoch in sorted(self.weights, key=lambda one: ranks.get(one, math.inf)):
            kept = KeptEpoch(
                epoch=epoch, monitor=self.column, value=self.values[epoch],
                rank=ranks.get(epoch, 0), last=epoch == self._last,
            )  # fmt: skip
            yield kept, self.weights[epoch]

    def _rank(self, row: Mapping[str, float]) -> bool:
        """Note the value of an epoch, if it has one."""
        value, epoch = float(row.get(self.column, math.nan)), int(row["epoch"])
        if self.count == 0 or not math.isfinite(value):
            return False
        self.values[epoch] = value
        best = self.values[self._first] if self._first else self.monitor.worst
        if self.monitor.improves(value, best):
            self._first = epoch
        return True

    def _add(self, epoch: int, net: nn.Module) -> None:
        self.weights[epoch] = {
            name: one.detach().cpu().clone() for name, one in net.state_dict().items()
        }

    def _best(self) -> list[int]:
        sign = -1 if self.monitor.higher_is_better else 1

        def order(epoch: int) -> tuple[bool, float, int]:
            return epoch != self._first, sign * self.values[epoch], epoch

        return sorted(self.values, key=order)[: self.count]

    def _drop(self) -> None:
        best = self._best()
        self.weights = {epoch: one for epoch, one in self.weights.items() if epoch in best}

    def state_dict(self) -> dict[str, Any]:
        """Values of a state file; the weights have files of their own."""
        return {"kept": {epoch: self.values[epoch] for epoch in self.weights}}

    def load_state_dict(self, stored: Mapping[str, Any], state: StateFile) -> None:
        """Continue from a state file.

        Epochs are ranked by the history: one that was not kept (the state is of an earlier version
        or of fewer checkpoints) or whose file is gone leaves its rank empty. The weights of the
        best epoch are always there.
        """
        for row in stored["history"]:
            self._rank(row)
        if not self._first:
            return
        found = {epoch: state.read_epoch(epoch) for epoch in stored.get("kept", {})}
        self.weights = {epoch: one for epoch, one in found.items() if one is not None}
        self.weights.setdefault(self._first, dict(stored["best_weights"]))
        self._drop()


# files --------------------------------------------------------------------------------------------


def folder_of(model: Path) -> Path:
    """Folder beside a model file for its checkpoints."""
    return model.with_name(f"{model.stem}_checkpoints")


def file_name(kept: KeptEpoch) -> str:
    """Name of the file of a checkpoint: epoch, and the value that it is ranked by."""
    return f"epoch_{kept.epoch:04d}_{kept.monitor}_{kept.value:#.4g}.safetensors"


def files_in(folder: Path) -> list[Path]:
    """List the checkpoints in a folder, by epoch."""
    return sorted(folder.glob("epoch_*.safetensors"))


def current_of(model: Path | None) -> Path:
    """Path of the checkpoint of the last epoch of a training.

    Parameters
    ----------
    model : Path
        Model file of the training.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such model, or there are no checkpoints beside it.
    """
    found = [] if model is None else files_in(folder_of(Path(model)))
    if not found:
        if model is not None and not Path(model).is_file():
            raise FileNotFoundError(f"{model}: no such model file")
        name = "the shipped model" if model is None else str(model)
        raise ValueError(
            f"{name}: there are no checkpoints beside it; they come from a training with a "
            "validation part, of a network that is trained epoch by epoch"
        )
    return found[-1]
