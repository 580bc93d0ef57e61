"""Logits and features of many windows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from ..core.memory import available
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
from .layers import largest_output
from .training.augment import dihedral

# sides of inputs up to which batches need little memory, and of one that larger ones are judged by
_SMALL_PX, _TRIED_PX = 512, 128

# maps as large as the largest that are in memory at a time, and bytes of a number
_AT_ONCE, _NUMBER_BYTES = 3, 4


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
        If memory is full, or the input of the network is too large for it.
    """
    design, card = model.design, model.card
    side = (card.input_px, card.input_px)
    shift = size_term(model, size_nm)
    most = fitting(model)

    def both(batch: torch.Tensor) -> torch.Tensor:
        given = to_input(batch.float(), side, *grey_range(model))
        turned = [dihedral(given, kind) for kind in range(views)]
        if most is None or most >= len(given) * views:
            turned = [torch.cat(turned)]
        found = torch.cat([scores_and_features(model.net, design, one) for one in turned])
        found[:, :classes] += shift
        logits = found[:, :classes].unflatten(0, (views, -1)).transpose(0, 1).flatten(1)
        return torch.cat([logits, found[: len(batch), classes:]], dim=1)

    classes = len(card.classes)
    try:
        found = yield from batched(both, read, count, model.device, note, views, most)
    except (RuntimeError, MemoryError) as error:
        if not can_fall_back(error, model.device):
            raise user_message(error, model.device) from error
        yield Progress(0, count, FALLBACK_NOTE)
        return (yield from predict(on_cpu(model), read, count, size_nm, note, views))
    logits, features = found[:, : views * classes], found[:, views * classes :]
    return logits.reshape(count, views, classes) if views > 1 else logits, features


def fitting(model: Model) -> int | None:
    """Inputs of a network that fit into main memory at a time; None where that is no question.

    A model file states the side of its input, up to 4096 pixels, where a batch takes so much that
    the system ends the process. On a graphics processor, a full memory is an error.

    Raises
    ------
    RuntimeError
        If not even one fits.
    """
    side = model.card.input_px
    if side <= _SMALL_PX or model.device.type != "cpu" or not model.design.any_size:
        return None
    numbers = largest_output(model.net, _TRIED_PX) * (side / _TRIED_PX) ** 2
    each, free = _AT_ONCE * _NUMBER_BYTES * numbers, available()
    if each > free:
        raise RuntimeError(
            f"the network of {model.card.name!r} takes an input of {side} x {side} pixels, which "
            f"needs about {each / 1e9:.1f} GB of memory, of which {free / 1e9:.1f} GB are free; "
            "use a model with a smaller input_px, or a machine with more memory"
        )
    return int(free // each)


def grey_range(model: Model) -> tuple[float, float]:
    """Mean and standard deviation of grey levels that the network expects."""
    return model.card.normalisation.mean, model.card.normalisation.std


def size_term(model: Model, size_nm: float | None) -> torch.Tensor:
    """Term of the pixel size in the logits: (classes,), zeros if the model does not use it."""
    known = model.card.pixel_size_input
    if not known or not size_nm or SIZE not in model.extras:
        return torch.zeros(len(model.card.classes), device=model.device)
    return model.extras[SIZE] * (math.log10(size_nm) - known.log10_mean)
