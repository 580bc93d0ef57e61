"""What the docks that train a network share: epochs as they come, and the file of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QWidget

from ...core.progress import Progress, Steps, map_progress
from ...workflow.models import SUFFIX, named, save_weights

NOTHING_LEARNT = "stopped before there was anything to keep"


def recorded(steps: Steps[Any], rows: list[dict[str, float]]) -> Steps[Any]:
    """Keep the numbers of every epoch: a job drops progress that comes too fast to display.

    Parameters
    ----------
    steps : generator of Progress
        A training.
    rows : list of dict
        Where they are kept, those of the present fold.
    """

    def keep(progress: Progress) -> Progress:
        if "epoch" in progress.values:
            if rows and progress.values["epoch"] <= rows[-1]["epoch"]:
                # another fold starts
                rows.clear()
            rows.append(dict(progress.values))
        return progress

    return map_progress(steps, keep)


def ask_for_file(parent: QWidget, suggestion: str) -> tuple[Path, bool] | None:
    """Ask where to save a model; return the file and whether to replace it, None if cancelled."""
    name, _ = QFileDialog.getSaveFileName(
        parent, "Save model", f"{suggestion}{SUFFIX}", f"Models (*{SUFFIX})"
    )
    if not name:
        return None
    path = named(name)
    # the dialog has asked whether to replace the file
    return path, path.exists() and path == Path(name)


def unsaved_file(result: Any, folder: Path, number: int, name: str) -> Path:
    """Write a model that is not saved yet, for use until its dock is closed.

    A new folder each time: results of a model trained before keep the path of its file.
    """
    path = folder / str(number) / f"{name}{SUFFIX}"
    save_weights(result, path)
    return path
