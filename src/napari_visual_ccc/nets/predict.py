"""Logits and features of many windows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from ..core.memory import available
from ..core.progress import Progress, Steps
from .checkpoint import SIZE, Model, on_cpu
from .device import at_a_time, side_by_side
from .inference import (
    AT_ONCE_PX,
    FALLBACK_NOTE,
    can_fall_back,
    out_of_memory,
    release_memory,
    scores_and_features,
    to_input,
    user_message,
)
from .layers import largest_output
from .models.registry import without_weights
from .training.augment import dihedral

# batch sizes: a larger one is no faster on a CPU, and cancelling has to wait for a batch
BATCH = {"cpu": 16, "mps": 64, "cuda": 256}

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
    if most is not None and card.input_px > _SMALL_PX and views > 1:
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


def batched(
    function: Callable[[torch.Tensor], torch.Tensor],
    read: Callable[[int, int], np.ndarray],
    count: int,
    device: torch.device,
    note: str = "windows",
    rows: int = 1,
    most: int | None = None,
) -> Steps[np.ndarray]:
    """Apply a function to many windows, in smaller batches if memory runs out.

    Parameters
    ----------
    function : callable
        (B, H, W) or (B, C, H, W) tensor on the device → (B, ...) tensor.
    read : callable
        Takes start and stop, returns the windows as float32.
    count : int
        Number of windows.
    device : torch.device
        Device of the network.
    note : str
        Text for the progress bar.
    rows : int
        Inputs of the network that the function makes of a window.
    most : int, optional
        Inputs that fit into memory; see `predict.fitting`.

    Returns
    -------
    (count, ...) float32 array

    Raises
    ------
    RuntimeError
        If a single window does not fit into memory.
    """
    size, cores = batch_size(device, count, rows), at_a_time(device)
    if most is not None:
        cores = max(1, min(cores, most // rows))
        size = max(1, min(size, most // rows // cores))
    start, found = 0, []
    # how many there are is said before the first ones, which take longest
    yield Progress(0, count, note)
    while start < count:
        parts = ((a, min(a + size, count)) for a in range(start, count, size))
        try:
            for stop, made in _made(function, read, parts, device, cores):
                found.append(made)
                start = stop
                yield Progress(start, count, note)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or (size == 1 and cores == 1):
                raise
            # one batch at a time from here on
            size, cores = max(1, size // 2), 1
            release_memory(device)
    return np.concatenate(found)


def _made(
    function: Callable[[torch.Tensor], torch.Tensor],
    read: Callable[[int, int], np.ndarray],
    parts: Iterable[tuple[int, int]],
    device: torch.device,
    cores: int,
) -> Iterator[tuple[int, np.ndarray]]:
    """Apply a function to windows from start to stop: stop and what it gives, part by part."""

    def apply(part: tuple[int, torch.Tensor]) -> tuple[int, torch.Tensor]:
        stop, windows = part
        with torch.inference_mode():
            return stop, function(windows).float()

    windows = ((stop, _on(device, read(start, stop))) for start, stop in parts)
    last = None
    for one in side_by_side(apply, windows, cores):
        if device.type == "cpu":
            yield one[0], one[1].numpy()
            continue
        # the device goes on while what it gave before is copied
        if last is not None:
            yield last[0], last[1].cpu().numpy()
        last = one
    if last is not None:
        yield last[0], last[1].cpu().numpy()


def batch_size(device: torch.device, count: int, rows: int = 1) -> int:
    """Windows in a batch: on a GPU at least four of many, so that there is progress and a cancel.

    Parameters
    ----------
    device : torch.device
        Device of the network.
    count : int
        Number of windows.
    rows : int
        Inputs of the network that are made of a window.
    """
    most = BATCH.get(device.type, BATCH["cpu"])
    if device.type == "cpu":
        # as many batches for each core, of the same size
        batches = -(-count * rows // most)
        cores = at_a_time(device)
        most = -(-count * rows // (-(-batches // cores) * cores)) if batches > 1 else most
    else:
        most = max(BATCH["cpu"], min(most, -(-count * rows // 4)))
    return max(1, most // rows)


def _on(device: torch.device, windows: np.ndarray) -> torch.Tensor:
    """Copy windows to a device; to a GPU without waiting for what it computes."""
    batch = torch.from_numpy(np.ascontiguousarray(windows))
    if device.type != "cuda":
        return batch.to(device)
    return batch.pin_memory().to(device, non_blocking=True)


def fitting(model: Model, size: tuple[int, int] | None = None) -> int | None:
    """Inputs that a processor takes at a time, on all its cores; on a GPU, None.

    A model file states the side of its input, up to 4096 pixels, where a batch takes so much that
    the system ends the process. On a GPU, a full memory is an error that can be caught.

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
    if model.device.type != "cpu":
        return None
    if height * width <= _SMALL_PX**2:
        return AT_ONCE_PX // (height * width)
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
    return max(1, min(int(free // each), AT_ONCE_PX // (height * width)))


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
