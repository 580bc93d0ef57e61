"""The file that a training is kept in after every epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from .recipe import Images, Recipe


def _mark(recipe: Recipe, images: Images, more: str) -> dict[str, Any]:
    """What must be the same for a training to go on."""
    return {
        "recipe": {k: v for k, v in asdict(recipe).items() if k != "epochs"},
        "more": more,
        "images": [int(n) for n in images.pixels.shape],
        "targets": int(
            (images.targets.astype(np.int64) * np.arange(1, 1 + len(images.targets))).sum()
        ),
    }


def write_state(
    path: Path, recipe: Recipe, images: Images, mark: str, values: Mapping[str, Any]
) -> None:
    """Write tensors and plain values, with what they belong to: a temporary name first."""
    part = path.with_name(f".{path.name}.part")
    try:
        torch.save({**values, "mark": _mark(recipe, images, mark)}, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_state(
    path: Path | None, recipe: Recipe, images: Images, mark: str
) -> dict[str, Any] | None:
    """Read what `write_state` wrote, without unpickling; None where there is no file.

    Raises
    ------
    ValueError
        If it is not a state, or that of a training with other images or settings.
    """
    if path is None or not path.exists():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        same = found["mark"] == _mark(recipe, images, mark)
    # torch raises whatever its unpickler meets
    except Exception as error:  # noqa: BLE001
        raise ValueError(f"{path}: not the state of a training ({type(error).__name__})") from None
    if not same:
        raise ValueError(
            f"{path}: the state of a training with other images or settings; name another file"
        )
    return found


def folds_file(state: Path) -> Path:
    """Name of the file beside a state that holds what a cross-validation has got."""
    return state.with_name(f"{state.name}.folds.npz")


def write_folds(state: Path, logits: np.ndarray, mark: str) -> None:
    """Keep the logits of the folds that are through, with what they belong to."""
    path = folds_file(state)
    part = path.with_name(f".{path.name}.part.npz")
    try:
        np.savez(part, logits=logits, mark=np.array(mark))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_folds(state: Path, mark: str) -> np.ndarray | None:
    """Read what `write_folds` wrote; None where there is none of the same images and choices."""
    path = folds_file(state)
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as found:
            return found["logits"] if str(found["mark"]) == mark else None
    # numpy and zipfile raise whatever they meet in a damaged file
    except Exception:  # noqa: BLE001
        return None
