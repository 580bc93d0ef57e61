"""Logits and features of many windows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from ..core.progress import Progress, Steps
from .checkpoint import SIZE, Model, on_cpu
from .inference import (
    FALLBACK_NOTE,
    batched,
    can_fall_back,
    scores_and_features,
    to_input,
    user_message,
)
from .training.augment import dihedral


def predict(
    model: Model,
    read: Callable[[int, int], np.ndarray],
    count: int,
    size_nm: float | None = None,
    note: str = "windows",
    views: int = 1,
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Classify many windows; on the CPU if a single window does not fit into GPU memory.

    Parameters
    ----------
    model : Model
        Model from `checkpoint.load_model`.
    read : callable
        Takes start and stop, returns the (B, H, W) or (B, C, H, W) float windows, 0 to 1, of any
        size.
    count : int
        Number of windows.
    size_nm : float, optional
        Pixel size of the image in nm, for a model that takes it as an input.
    note : str
        Text for the progress bar.
    views : int
        Rotated and mirrored views of each window, up to 8, made on the device.

    Returns
    -------
    logits : (count, classes) float32 array
        Of several views (count, views, classes).
    features : (count, d) float32 array
        Of the windows themselves, the first view.

    Raises
    ------
    RuntimeError
        If memory is full.
    """
    design, card = model.design, model.card
    side = (card.input_px, card.input_px)
    shift = size_term(model, size_nm)

    def both(batch: torch.Tensor) -> torch.Tensor:
        given = to_input(batch.float(), side, *grey_range(model))
        turned = torch.cat([dihedral(given, kind) for kind in range(views)])
        found = scores_and_features(model.net, design, turned)
        found[:, :classes] += shift
        logits = found[:, :classes].unflatten(0, (views, -1)).transpose(0, 1).flatten(1)
        return torch.cat([logits, found[: len(batch), classes:]], dim=1)

    classes = len(card.classes)
    try:
        found = yield from batched(both, read, count, model.device, note, views)
    except (RuntimeError, MemoryError) as error:
        if not can_fall_back(error, model.device):
            raise user_message(error, model.device) from error
        yield Progress(0, count, FALLBACK_NOTE)
        return (yield from predict(on_cpu(model), read, count, size_nm, note, views))
    logits, features = found[:, : views * classes], found[:, views * classes :]
    return logits.reshape(count, views, classes) if views > 1 else logits, features


def grey_range(model: Model) -> tuple[float, float]:
    """Mean and standard deviation of grey levels that the network expects."""
    return model.card.normalisation.mean, model.card.normalisation.std


def size_term(model: Model, size_nm: float | None) -> torch.Tensor:
    """Term of the pixel size in the logits: (classes,), zeros if the model does not use it."""
    known = model.card.pixel_size_input
    if not known or not size_nm or SIZE not in model.extras:
        return torch.zeros(len(model.card.classes), device=model.device)
    return model.extras[SIZE] * (math.log10(size_nm) - known.log10_mean)
