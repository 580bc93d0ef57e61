"""Maps of the classes of a micrograph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.filling import known_everywhere
from ...arrays.inputs import plane_of, to_gray
from ...arrays.lazy import in_memory
from ...core.layers import ImageLayer, LabelsLayer, Layer
from ...core.pixel_size import nanometres
from ...core.progress import Progress, Steps
from ...core.result import Result
from .calibration import softmax
from .crops import EMPTY, KNOWN, missing_note, normalised, scale_note, window_side, with_pixels
from .windows import Device, Windows, model_facts

if TYPE_CHECKING:
    from ...nets.checkpoint import Model


def morphology_map(  # noqa: PLR0913
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    window: Annotated[float, {"min": 0, "max": 100_000, "unit": "length"}] = 0.0,
    stride: Annotated[float, {"min": 0, "max": 100_000, "unit": "length"}] = 0.0,
    length: Annotated[Literal["px", "unit"], {"label": "Lengths in"}] = "px",
    shared: Annotated[bool, {"label": "Network once", "more": True}] = True,
    empty: Annotated[
        float, {"min": 0, "max": 0.5, "step": 0.01, "label": "Empty below", "more": True}
    ] = EMPTY,
    device: Device = "auto",
) -> Steps[Result]:
    """Map the classes over a whole micrograph, with the area fraction of each.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype. A stack is processed slice by slice (in the viewer:
        the current slice).
    spacing : (y, x), optional
        Pixel size.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    window : float
        Side of a window; 0 takes the window of the training images.
    stride : float
        Distance of neighbouring windows; 0 takes a cell of the network (shared) or half a window.
    length : {'px', 'unit'}
        Unit of window and stride: pixels, or the unit of the pixel size.
    shared : bool
        Run the network once on the image and classify parts of its feature maps. This is many
        times faster than window by window, and the receptive field of a window extends a little
        beyond it. Networks of fixed input size always run window by window.
    empty : float
        Windows are empty if the standard deviation of their grey levels is below this fraction of
        the range of the image.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        The most probable class of each cell, 0 in empty ones and where more than half of the
        window is missing (NaN or infinite), with a table of area fractions, and
        the calibrated probability of each class, NaN in empty cells. A cell is classified with its
        surroundings, so ``area_percent`` is the area of the fields around particles, not that of
        the particles; ``share_of_shown`` is the share of a class among cells that are not empty.

    Raises
    ------
    ValueError
        If the image is not a plane or has no finite pixel, the window does not fit, or a length is
        given in a unit that the image does not have.
    RuntimeError
        If memory is full.
    """
    grey, notes = to_gray(image)
    plane = with_pixels(in_memory(plane_of(grey, "morphology map")))
    side_px, stride_px = _lengths(window, stride, length, spacing, unit)
    from ...nets import checkpoint
    from ...nets import device as devices

    yield Progress(0, 0, "model")
    loaded = checkpoint.load_model(model, devices.choose(device))
    card, size = loaded.card, nanometres(spacing, unit)
    side = side_px or min(window_side(card, plane.shape, size), min(plane.shape))
    if not 2 <= side <= min(plane.shape):
        raise ValueError(
            f"a window of {side} pixels does not fit an image of {plane.shape[0]} x "
            f"{plane.shape[1]}; choose 2 to {min(plane.shape)}"
        )
    grid = _by_map if shared and loaded.design.any_size else _by_window
    cells = yield from grid(loaded, normalised(plane, card), side, stride_px, size)
    if stride_px and abs(cells.stride - stride_px) > 0.5:
        notes = (*notes, f"stride {cells.stride:.3g} px, the nearest stride of the network's maps")
    if cells.logits.shape[:2] == (1, 1):
        notes = (*notes, "one window covers the image: choose a smaller one for a map")
    notes = (*notes, *scale_note(card, size), f"{card.name}: {card.use}")
    content, known = cells.spread >= empty, known_everywhere(plane)
    if known is not None:
        content &= _local_mean(known, side, content.shape, cells.origin, cells.stride) >= KNOWN
    return _maps(cells, content, plane.shape, loaded, (*missing_note(plane), *notes))


@dataclass(frozen=True, eq=False)
class _Cells:
    """Windows on a regular grid.

    Parameters
    ----------
    logits : (rows, columns, classes) array
    spread : (rows, columns) array
        Standard deviation of grey levels in each window.
    origin, stride : float
        Pixel at the centre of the first cell, and pixels from one to the next.
    """

    logits: np.ndarray
    spread: np.ndarray
    origin: float
    stride: float


def _lengths(window: float, stride: float, length: str, spacing: Any, unit: str) -> tuple[int, int]:
    if window < 0 or stride < 0:
        raise ValueError("window and stride cannot be below 0")
    if length == "px":
        return round(window), round(stride)
    if spacing is None:
        raise ValueError("the image has no pixel size: give window and stride in pixels")
    pixel = float(spacing[-1])
    for name, value in (("window", window), ("stride", stride)):
        if 0 < value < pixel:
            raise ValueError(f"a {name} of {value:g} {unit} is less than one pixel")
    return round(window / pixel), round(stride / pixel)


def _by_window(
    model: Model, stretched: np.ndarray, side: int, stride: int, size_nm: float | None
) -> Steps[_Cells]:
    """Run the network on every window."""
    from ...nets.predict import predict

    stride = max(1, stride or side // 2)
    windows = Windows(stretched, side, stride)
    logits, _ = yield from predict(model, windows.read, windows.count, size_nm)
    return _Cells(
        logits.reshape(*windows.shape, -1),
        windows.spread().reshape(windows.shape),
        (stride - 1) / 2,
        stride,
    )


def _by_map(
    model: Model, stretched: np.ndarray, side: int, stride: int, size_nm: float | None
) -> Steps[_Cells]:
    """Run the network once, and classify parts of its last maps."""
    import torch

    from ...nets.inference import feature_map, to_input, user_message
    from ...nets.predict import grey_range

    design, parts, scale = model.design, model.design.parts, model.card.input_px / side
    step = max(1, round((stride or parts.stride / scale) * scale / parts.stride))
    size = tuple(max(parts.stride, round(n * scale)) for n in stretched.shape)
    given = to_input(torch.from_numpy(stretched)[None], size, *grey_range(model))
    wide = max(1, round(model.card.input_px / parts.stride))
    # cells that show the image, not its padding
    rows, columns = (max(1, round(n / parts.stride)) for n in size)
    try:
        maps = yield from feature_map(model.net, design, given, model.device)
        logits = yield from _parts(model, maps[:, :, :rows, :columns], wide, step, size_nm)
    except (RuntimeError, MemoryError) as error:
        raise user_message(error, model.device) from error
    origin = (parts.first_centre + (wide - 1) / 2 * parts.stride + 0.5) / scale - 0.5
    cell = step * (parts.stride / scale)
    return _Cells(logits, _spread(stretched, side, logits.shape[:2], origin, cell), origin, cell)


def _parts(
    model: Model, maps: Any, wide: int, step: int, size_nm: float | None
) -> Steps[np.ndarray]:
    """Logits of square parts of the maps: (rows, columns, classes)."""
    import torch

    from ...nets.predict import size_term

    high, broad = min(wide, maps.shape[2]), min(wide, maps.shape[3])
    starts_y = torch.arange(0, maps.shape[2] - high + 1, step)
    starts_x = torch.arange(0, maps.shape[3] - broad + 1, step)
    found = []
    for done, y in enumerate(starts_y.tolist()):
        yield Progress(done, len(starts_y), "windows")
        strip = maps[0, :, y : y + high]  # (C, high, columns)
        windows = strip.unfold(2, broad, step).permute(2, 0, 1, 3)  # (windows, C, high, broad)
        with torch.no_grad():
            scores = model.design.parts.head(model.net, windows[: len(starts_x)].contiguous())
        found.append((scores + size_term(model, size_nm)).float().cpu().numpy())
    return np.stack(found)


def _spread(
    stretched: np.ndarray, side: int, shape: tuple[int, ...], origin: float, cell: float
) -> np.ndarray:
    """Standard deviation of grey in the window around every cell."""
    plane = stretched.astype(np.float64)
    mean = _local_mean(plane, side, shape, origin, cell)
    squares = _local_mean(plane * plane, side, shape, origin, cell)
    return np.sqrt(np.maximum(squares - mean * mean, 0))


def _local_mean(
    plane: np.ndarray, side: int, shape: tuple[int, ...], origin: float, cell: float
) -> np.ndarray:
    """Mean in the window around every cell."""
    from scipy.ndimage import uniform_filter

    rows, columns = (
        np.clip((origin + cell * np.arange(n)).round().astype(int), 0, length - 1)
        for n, length in zip(shape, plane.shape, strict=True)
    )
    return uniform_filter(plane.astype(np.float64), side)[np.ix_(rows, columns)]


def _maps(
    cells: _Cells,
    content: np.ndarray,
    shape: tuple[int, ...],
    model: Model,
    notes: tuple[str, ...],
) -> Result:
    import pandas as pd

    classes = model.card.classes
    probabilities = softmax(cells.logits, model.card.temperature)
    # nearest cell of every pixel: the labels fit the image for any stride
    rows, columns = (
        np.clip(((np.arange(length) - cells.origin) / cells.stride).round().astype(int), 0, n - 1)
        for length, n in zip(shape, content.shape, strict=True)
    )
    pixels = np.ix_(rows, columns)
    winners = np.where(content, probabilities.argmax(axis=-1) + 1, 0).astype(np.uint8)[pixels]
    counts = np.bincount(winners.ravel(), minlength=len(classes) + 1)
    table = pd.DataFrame(
        {
            "label": range(len(classes) + 1),
            "name": ["nothing shown", *classes],
            "area_percent": 100 * counts / counts.sum(),
            "share_of_shown": [np.nan, *(counts[1:] / max(1, counts[1:].sum()))],
        }
    )
    maps: list[Layer] = [LabelsLayer(winners, table=table, name="morphology")]
    for k, name in enumerate(classes):
        one = np.where(content, probabilities[..., k], np.nan).astype(np.float32)[pixels]
        maps.append(ImageLayer(
            one, style="heat", limits=(0.0, 1.0), name=f"probability {name}",
            quantity="probability",
        ))  # fmt: skip
    if not content.any():
        notes = (*notes, "all windows contain only noise")
    facts = model_facts(model) | {
        "cell_px": float(cells.stride),
        "area_percent": dict(zip(table["name"], table["area_percent"].tolist(), strict=True)),
    }
    return Result(tuple(maps), facts=facts, notes=notes)
