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

    Parameters
    ----------
    monitor : Metric
        Value of the validation samples that is compared, as by early stopping.
    count : int
        Number of epochs to keep; 0 keeps none.
    """

    def __init__(self, monitor: Metric, count: int) -> None:
        self.monitor, self.count = monitor, count
        self.values: dict[int, float] = {}
        self.weights: dict[int, Weights] = {}
        self._last = 0

    @property
    def column(self) -> str:
        """Column of the history that is compared."""
        return f"validation_{self.monitor.name}"

    def update(self, row: Mapping[str, float], net: nn.Module) -> None:
        """Keep the weights of an epoch if it is one of the best so far."""
        if self._is_ranked(row):
            self._add(int(row["epoch"]), row[self.column], net)
            self._drop()

    def finish(self, row: Mapping[str, float], net: nn.Module) -> None:
        """Keep the weights of the last epoch too."""
        self._last = int(row["epoch"])
        if self._is_ranked(row) and self._last not in self.weights:
            self._add(self._last, row[self.column], net)

    def epochs(self) -> Iterator[tuple[KeptEpoch, Weights]]:
        """Give the epochs with their weights, the best first and the last one last."""
        ranks = {epoch: rank for rank, epoch in enumerate(self._best(), start=1)}
        for epoch in sorted(self.values, key=lambda one: ranks.get(one, math.inf)):
            kept = KeptEpoch(
                epoch=epoch, monitor=self.column, value=self.values[epoch],
                rank=ranks.get(epoch, 0), last=epoch == self._last,
            )  # fmt: skip
            yield kept, self.weights[epoch]

    def _is_ranked(self, row: Mapping[str, float]) -> bool:
        return self.count > 0 and math.isfinite(row.get(self.column, math.nan))

    def _add(self, epoch: int, value: float, net: nn.Module) -> None:
        self.values[epoch] = float(value)
        self.weights[epoch] = {
            name: one.detach().cpu().clone() for name, one in net.state_dict().items()
        }

    def _best(self) -> list[int]:
        sign = -1 if self.monitor.higher_is_better else 1
        return sorted(self.values, key=lambda epoch: (sign * self.values[epoch], epoch))[
            : self.count
        ]

    def _drop(self) -> None:
        best = self._best()
        for epoch in [one for one in self.values if one not in best]:
            del self.values[epoch], self.weights[epoch]

    def state_dict(self) -> dict[str, Any]:
        """Values of a state file; the weights have files of their own."""
        return {"kept": dict(self.values)}

    def load_state_dict(self, stored: Mapping[str, Any], state: StateFile) -> None:
        """Continue from a state file; an epoch whose file is gone is no longer kept.

        The state of an earlier version has the weights of its best epoch only.
        """
        if not self.count:
            return
        if "kept" in stored:
            found = {epoch: state.read_epoch(epoch) for epoch in stored["kept"]}
            self.weights = {epoch: one for epoch, one in found.items() if one is not None}
            self.values = {epoch: stored["kept"][epoch] for epoch in self.weights}
            self._drop()
            return
        rows = [row for row in stored["history"] if self._is_ranked(row)]
        if rows:
            sign = -1 if self.monitor.higher_is_better else 1
            best = min(rows, key=lambda row: sign * row[self.column])
            self.values = {int(best["epoch"]): best[self.column]}
            self.weights = {int(best["epoch"]): dict(stored["best_weights"])}


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
    ValueError
        If there are no checkpoints beside it.
    """
    found = [] if model is None else files_in(folder_of(Path(model)))
    if not found:
        name = "the shipped model" if model is None else str(model)
        raise ValueError(
            f"{name}: there are no checkpoints beside it; they come from a training with a "
            "validation part, of a network that is trained epoch by epoch"
        )
    return found[-1]
