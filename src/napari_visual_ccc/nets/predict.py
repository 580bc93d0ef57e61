"""Logits and features of many windows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import torch

from ..core.memory import available
from ..core.progress import Progress, Steps
from .checkpoint import SIZE, Model, on_cpu
from .inference import (
    BATCH,
    FALLBACK_NOTE,
    batched,
    can_fall_back,
    scores_and_features,
    to_input,
    user_message,
)
from .layers import largest_output
from .models.registry import without_weights
from .training.augment import dihedral

# sides of inputs up to which batches need little memory, and of one that larger ones are judged by
_SMALL_PX, _TRIED_PX = 512, 128

# pixels of larger inputs in a batch: as many as in one of small ones, as cancelling waits for it
_STEP_PX = BATCH["cpu"] * _SMALL_PX**2

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
    if most is not None and views > 1:
        turned = _each_view(read, views)
        logits, features = yield from predict(model, turned, count * views, size_nm, note)
        return logits.reshape(count, views, -1), features[::views]

    def both(batch: torch.Tensor) -> torch.Tensor:
        given = to_input(batch.float(), side, *grey_range(model))
        every = torch.cat([dihedral(given, kind) for kind in range(views)])
        found = scores_and_features(model.net, design, every)
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


def fitting(model: Model, size: tuple[int, int] | None = None) -> int | None:
    """Inputs of a network that are run at a time: few large ones; None where that is no question.

    A model file states the side of its input, up to 4096 pixels, where a batch takes so much that
    the system ends the process. On a graphics processor, a full memory is an error.

    Parameters
    ----------
    model : Model
        From `checkpoint.load_model`.
    size : (height, width), optional
        Of the input, where it is not the one that the model states.

    Raises
    ------
    RuntimeError
        If not even one fits.
    """
    card, any_size = model.card, model.design.any_size
    height, width = size or (card.input_px, card.input_px)
    if height * width <= _SMALL_PX**2 or model.device.type != "cpu":
        return None
    tried = _TRIED_PX if any_size else card.input_px
    numbers = _largest(card.architecture, card.depth, len(card.classes), tried)
    each = _AT_ONCE * _NUMBER_BYTES * numbers * height * width / tried**2
    free = available()
    if each > free:
        raise RuntimeError(
            f"the network of {card.name!r} takes an input of {height} x {width} pixels, which "
            f"needs about {each / 1e9:.1f} GB of memory, of which {free / 1e9:.1f} GB are free; "
            "use a model with a smaller input_px, or a machine with more memory"
        )
    return max(1, min(int(free // each), _STEP_PX // (height * width)))


def _each_view(read: Callable[[int, int], np.ndarray], views: int) -> Callable[..., np.ndarray]:
    """Read the views of windows as if each was a window."""

    def turned(start: int, stop: int) -> np.ndarray:
        pairs = (divmod(number, views) for number in range(start, stop))
        parts = [
            dihedral(torch.from_numpy(read(one, one + 1)[0]), kind).numpy() for one, kind in pairs
        ]
        return np.stack(parts)

    return turned


@functools.lru_cache(maxsize=16)
def _largest(name: str, channels: int, classes: int, side: int) -> int:
    return largest_output(without_weights(name, channels, classes, side), side)


def grey_range(model: Model) -> tuple[float, float]:
    """Mean and standard deviation of grey levels that the network expects."""
    return model.card.normalisation.mean, model.card.normalisation.std


def size_term(model: Model, size_nm: float | None) -> torch.Tensor:
    """Term of the pixel size in the logits: (classes,), zeros if the model does not use it."""
    known = model.card.pixel_size_input
    if not known or not size_nm or SIZE not in model.extras:
        return torch.zeros(len(model.card.classes), device=model.device)
    return model.extras[SIZE] * (math.log10(size_nm) - known.log10_mean)
