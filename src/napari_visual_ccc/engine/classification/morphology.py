"""Which class lies where in a micrograph: a map of morphologies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.inputs import finite, plane_of, to_gray
from ...core.layers import ImageLayer, LabelsLayer, Layer
from ...core.pixel_size import nanometres
from ...core.progress import Progress, Steps
from ...core.result import Result
from .calibration import softmax
from .crops import EMPTY, normalised, scale_note, window_side
from .windows import Device, Windows, model_facts

if TYPE_CHECKING:
    from ...nets.checkpoint import Model
    from ...nets.models.base import Architecture


def morphology_map(  # noqa: PLR0913
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    window: Annotated[float, {"min": 0, "max": 100_000}] = 0.0,
    stride: Annotated[float, {"min": 0, "max": 100_000}] = 0.0,
    length: Literal["px", "unit"] = "px",
    shared: bool = True,
    empty: Annotated[float, {"min": 0, "max": 0.5, "step": 0.01}] = EMPTY,
    device: Device = "auto",
) -> Steps[Result]:
    """Map the classes over a whole micrograph, with the area fraction of each.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour, any real dtype. A stack goes slice by slice (in the viewer, the slice
        being looked at).
    spacing : (y, x), optional
        Size of a pixel.
    unit : str
        Of `spacing`.
    model : Path
        A model file (.safetensors); without it the shipped one.
    window : float
        Side of the part that is classified at once; 0 takes the one the model was trained with.
    stride : float
        From one window to the next; 0 takes a cell of the network (shared) or half a window.
    length : {'px', 'unit'}
        What window and stride are given in: pixels, or the unit of the pixel size.
    shared : bool
        Run the network once over the image and classify parts of its features: many times faster
        than window by window, and each window sees a little of what is around it. Networks of
        fixed input go window by window all the same.
    empty : float
        Windows whose grey varies less than this share of the image's range show nothing.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs; auto takes a graphics processor if there is one.

    Returns
    -------
    Result
        ``classes``: the most probable class of every cell, 0 where nothing is shown, with a table
        of area fractions; and the calibrated probability of each class, NaN where nothing is shown.

    Raises
    ------
    ValueError
        If the image is not a plane or has no finite pixel, the window does not fit, or a length is
        given in a unit that the image does not have.
    RuntimeError
        If memory is full.
    """
    grey, notes = to_gray(image)
    plane, _ = finite(np.asarray(plane_of(grey, "morphology map")))
    side_px, stride_px = _lengths(window, stride, length, spacing, unit)
    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.inference import user_message
    from ...nets.predict import predict

    yield Progress(0, 0, "model")
    loaded = checkpoint.load_model(model, devices.choose(device))
    card, size = loaded.card, nanometres(spacing, unit)
    design = loaded.design
    side = side_px or min(window_side(card, plane.shape, size), min(plane.shape))
    if not 2 <= side <= min(plane.shape):
        raise ValueError(
            f"a window of {side} pixels does not fit an image of {plane.shape[0]} x "
            f"{plane.shape[1]}; choose 2 to {min(plane.shape)}"
        )
    stretched = normalised(plane, card)
    scale = card.input_px / side
    if shared and design.any_size:
        step = max(
            1, round((stride_px or design.parts.stride / scale) * scale / design.parts.stride)
        )
        try:
            logits, origin, cell = yield from _shared(loaded, design, stretched, scale, step, size)
        except (RuntimeError, MemoryError) as error:
            raise user_message(error, loaded.device) from error
        spread = _spread(stretched, side, logits.shape[:2], origin, cell)
        if stride_px and abs(cell - stride_px) > 0.5:
            notes = (
                *notes,
                f"stride {cell:.3g} px, the nearest that the network's maps have",
            )
    else:
        cell = max(1, stride_px or side // 2)
        windows = Windows(stretched, side, cell)
        found, _ = yield from predict(loaded, windows.read, windows.count, size)
        logits, origin = found.reshape(*windows.shape, -1), (cell - 1) / 2
        spread = windows.spread().reshape(windows.shape)
    if logits.shape[:2] == (1, 1):
        notes = (*notes, "one window covers the image: choose a smaller one to see where")
    notes = (*notes, *scale_note(card, size), f"{card.name}: {card.use}")
    return _maps(logits, spread >= empty, plane.shape, origin, cell, loaded, notes)


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


def _shared(
    model: Model,
    design: Architecture,
    stretched: np.ndarray,
    scale: float,
    step: int,
    size_nm: float | None,
) -> Steps[tuple[np.ndarray, float, float]]:
    """Classify parts of one feature map.

    Returns
    -------
    logits : (rows, columns, classes) array
    origin : float
        Pixel on which the first cell is centred.
    cell : float
        Pixels from one to the next.
    """
    import torch

    from ...nets.inference import feature_map, to_input
    from ...nets.predict import grey_range, size_term

    size = tuple(max(design.parts.stride, round(n * scale)) for n in stretched.shape)
    given = to_input(torch.from_numpy(stretched)[None], size, *grey_range(model))
    maps = yield from feature_map(model.net, design, given, model.device)
    # cells that show the image, not what it was padded with
    rows, columns = (max(1, round(n / design.parts.stride)) for n in size)
    maps = maps[:, :, :rows, :columns]
    wide = max(1, round(model.card.input_px / design.parts.stride))
    high, broad = min(wide, rows), min(wide, columns)
    starts_y = torch.arange(0, rows - high + 1, step)
    starts_x = torch.arange(0, columns - broad + 1, step)
    found = []
    for done, y in enumerate(starts_y.tolist()):
        yield Progress(done, len(starts_y), "windows")
        strip = maps[0, :, y : y + high]  # (C, high, columns)
        parts = strip.unfold(2, broad, step).permute(2, 0, 1, 3)  # (windows, C, high, broad)
        with torch.no_grad():
            scores = design.parts.head(model.net, parts[: len(starts_x)].contiguous())
        found.append((scores + size_term(model, size_nm)).float().cpu().numpy())
    pixels = design.parts.stride / scale
    origin = (design.parts.first_centre + (wide - 1) / 2 * design.parts.stride + 0.5) / scale - 0.5
    return np.stack(found), origin, step * pixels


def _spread(
    stretched: np.ndarray, side: int, shape: tuple[int, ...], origin: float, cell: float
) -> np.ndarray:
    """Standard deviation of grey in the window around every cell."""
    from scipy.ndimage import uniform_filter

    plane = stretched.astype(np.float64)
    mean = uniform_filter(plane, side)
    variance = np.maximum(uniform_filter(plane * plane, side) - mean * mean, 0)
    rows, columns = (
        np.clip((origin + cell * np.arange(n)).round().astype(int), 0, length - 1)
        for n, length in zip(shape, stretched.shape, strict=True)
    )
    return np.sqrt(variance[np.ix_(rows, columns)])


def _maps(
    logits: np.ndarray,
    shown: np.ndarray,
    shape: tuple[int, ...],
    origin: float,
    cell: float,
    model: Model,
    notes: tuple[str, ...],
) -> Result:
    import pandas as pd

    classes = model.card.classes
    probabilities = softmax(logits, model.card.temperature)
    # every pixel takes the nearest cell: labels that lie on the image exactly, whatever the stride
    rows, columns = (
        np.clip(((np.arange(length) - origin) / cell).round().astype(int), 0, n - 1)
        for length, n in zip(shape, shown.shape, strict=True)
    )
    pixels = np.ix_(rows, columns)
    winners = np.where(shown, probabilities.argmax(axis=-1) + 1, 0).astype(np.uint8)[pixels]
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
        one = np.where(shown, probabilities[..., k], np.nan).astype(np.float32)[pixels]
        maps.append(ImageLayer(one, style="heat", limits=(0.0, 1.0), name=f"probability {name}"))
    if not shown.any():
        notes = (*notes, "no window shows more than noise")
    facts = model_facts(model) | {
        "cell_px": float(cell),
        "area_percent": dict(zip(table["name"], table["area_percent"].tolist(), strict=True)),
    }
    return Result(tuple(maps), facts=facts, notes=notes)
