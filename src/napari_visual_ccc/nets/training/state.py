"""Files that an interrupted training continues from."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ...core.files import written
from .archive import trouble
from .recipe import FitOptions

# names in the files of version 0.1.0, which later versions write as well
_IN_FILES = {
    "batch_size": "batch",
    "learning_rate": "rate",
    "accumulate_grad_batches": "accumulate",
    "weight_decay": "decay",
    "brightness": "light",
    "scale": "zoom",
}


# options that version 0.1.0 did not have, with the values that change nothing
_LATER = {"crop": 1.0, "rotation": 0.0, "shift": 0.0, "shear": 0.0}


def stored_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give options under the names that state files have had since version 0.1.0.

    Later ones are left out where they change nothing: older states go on.
    """
    return {
        _IN_FILES.get(name, name): stored_options(value) if isinstance(value, Mapping) else value
        for name, value in options.items()
        if name not in _LATER or value != _LATER[name]
    }


@dataclass(frozen=True)
class StateFile:
    """The state of one training after its last epoch.

    Parameters
    ----------
    path : Path, optional
        Written after every epoch; without it nothing is written or read.
    mark : str
        Digest of everything else that a continued training must have in common.
    finish : bool
        Run no further epoch: use the best weights so far.
    """

    path: Path | None = None
    mark: str = ""
    finish: bool = False

    def write(
        self,
        options: FitOptions,
        fingerprint: Mapping[str, Any],
        values: Mapping[str, Any],
        epochs: Mapping[int, Mapping[str, torch.Tensor]] = MappingProxyType({}),
    ) -> None:
        """Write tensors and plain values, to a temporary name first.

        Parameters
        ----------
        options, fingerprint
            What must be equal for a training to continue.
        values : mapping
            Of the last epoch.
        epochs : mapping
            Epoch → its weights, for the epochs that are kept. Each has a file of its own beside
            the state, which is written once: before the state that names it, and removed after
            the state that no longer does. A training that is killed leaves a state whose files
            are all there.
        """
        if self.path is None:
            return
        newest = len(values["history"])
        for epoch, weights in epochs.items():
            path = epoch_file(self.path, epoch)
            if epoch == newest or not path.exists():
                _save(dict(weights), path)
        _save({**values, "mark": self._identity(options, fingerprint)}, self.path)
        stay = {epoch_file(self.path, epoch) for epoch in epochs}
        for path in self.path.parent.glob(f"{glob.escape(self.path.name)}.epoch-*.pt"):
            if path not in stay:
                path.unlink(missing_ok=True)

    def read_epoch(self, epoch: int) -> dict[str, torch.Tensor] | None:
        """Read the weights of an epoch that was kept; None where its file is missing or damaged."""
        if self.path is None:
            return None
        path = epoch_file(self.path, epoch)
        try:
            if trouble(path):
                return None
            weights: dict[str, torch.Tensor] = torch.load(
                path, map_location="cpu", weights_only=True
            )
        # torch raises whatever its unpickler meets
        except Exception:  # noqa: BLE001
            return None
        return weights

    def read(self, options: FitOptions, fingerprint: Mapping[str, Any]) -> dict[str, Any] | None:
        """Read what `write` wrote, without unpickling; None where there is no file.

        Raises
        ------
        ValueError
            If it is not a state, or the state of a training with other images or options.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            wrong = trouble(self.path)
            if wrong:
                raise ValueError(wrong)
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            same = state["mark"] == self._identity(options, fingerprint)
        # torch raises whatever its unpickler meets
        except Exception as error:  # noqa: BLE001
            raise ValueError(
                f"{self.path}: not the state of a training ({type(error).__name__}); choose "
                "another file"
            ) from None
        if not same:
            raise ValueError(
                f"{self.path}: the state of a training with other images or settings; choose "
                "another file"
            )
        return {**state, "history": [_renamed(row) for row in state["history"]]}

    def _identity(self, options: FitOptions, fingerprint: Mapping[str, Any]) -> dict[str, Any]:
        """What must be equal for a training to continue; it may be given more epochs."""
        stored = stored_options(asdict(options))
        del stored["epochs"]
        return {"recipe": stored, "more": self.mark, **fingerprint}


def epoch_file(state: Path, epoch: int) -> Path:
    """Path of the file beside a state that holds the weights of an epoch."""
    return state.with_name(f"{state.name}.epoch-{epoch}.pt")


def _save(values: Mapping[str, Any], path: Path) -> None:
    with written(path, force=True) as part:
        try:
            with part.open("wb") as file:
                torch.save(values, file)
        except RuntimeError as error:
            # torch writes of its format, and not that the disk is full
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def _renamed(row: Mapping[str, float]) -> dict[str, float]:
    """Rename a column of the history of 0.1.0."""
    return {"learning_rate" if name == "rate" else name: value for name, value in row.items()}


# cross-validation ---------------------------------------------------------------------------------


def folds_file(state: Path) -> Path:
    """Path of the file beside a state that holds the finished folds of a cross-validation."""
    return state.with_name(f"{state.name}.folds.npz")


def write_folds(state: Path, logits: np.ndarray, mark: str) -> None:
    """Write the logits of the finished folds, with the digest of their training."""
    path = folds_file(state)
    with written(path, force=True) as part:
        np.savez(part, logits=logits, mark=np.array(mark))


def read_folds(state: Path, mark: str) -> np.ndarray | None:
    """Read what `write_folds` wrote; None where there is none of the same training."""
    path = folds_file(state)
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return stored["logits"] if str(stored["mark"]) == mark else None
    # numpy and zipfile raise whatever they meet in a damaged file
    except Exception:  # noqa: BLE001
        return None
