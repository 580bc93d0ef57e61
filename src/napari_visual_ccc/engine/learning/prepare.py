"""Labelled images as a network is shown them: grey, stretched, cut into views, of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...arrays.inputs import finite, to_gray
from ...core.dataset import printable
from ...core.progress import Progress, Steps
from ..acquisition.bar_detector import info_bar_of
from ..classification.crops import resized_views

if TYPE_CHECKING:
    import pandas as pd

    from ...core.dataset import Dataset, Example
    from ...nets.card import NetworkInput
    from ...nets.models.base import Architecture

# images of about one size and not larger than this are crops of what is to be found
_CROPS = 256

_LARGEST_BYTES, _KEPT_BYTES = 6 << 30, 1 << 30

THUMBNAIL = 48


@dataclass(frozen=True)
class Prepared:
    """All views of all images.

    Parameters
    ----------
    views : (n views, side, side) float16 array
        0 to 1.
    owner : (n views,) int array
        Number of the image of each view.
    targets, groups : (n,) arrays
        Class number and group of each image.
    sizes_nm : (n,) array
        Pixel size; NaN where it is not known.
    thumbnails : (n, 48, 48) uint8 array
        For people.
    classes : tuple of str
        In order.
    table, skipped : DataFrame
        ``name``, ``label``, ``group`` of each image; ``name``, ``reason`` of what was left out.
    card : NetworkInput
        What the model's card will say of the input.
    digest : str
        SHA-256 over names, classes, groups and pixels.
    notes : tuple of str
        For people.
    """

    views: np.ndarray
    owner: np.ndarray
    targets: np.ndarray
    groups: np.ndarray
    sizes_nm: np.ndarray
    thumbnails: np.ndarray
    classes: tuple[str, ...]
    table: pd.DataFrame
    skipped: pd.DataFrame
    card: NetworkInput
    digest: str
    notes: tuple[str, ...]

    def by_image(self, values: np.ndarray) -> np.ndarray:
        """Mean over the views of each image: (n views, ...) → (n, ...)."""
        sums = np.zeros((len(self.targets), *values.shape[1:]))
        np.add.at(sums, self.owner, values)
        return sums / np.bincount(self.owner).reshape(-1, *[1] * (values.ndim - 1))


def prepare(
    data: Dataset, design: Architecture, window: float, unit: str, input_px: int,
    keep_bar: bool = False,
) -> Steps[Prepared]:  # fmt: skip
    """Open all images and make their views.

    Parameters
    ----------
    data : Dataset
        What to open; a file that cannot be read is skipped and listed.
    design : Architecture
        Of the network.
    window : float
        Side of a view in `unit`; 0 decides by the sizes of the images.
    unit : {'px', 'nm'}
        Of the window.
    input_px : int
        Side of the network's input; 0 decides.
    keep_bar : bool
        Show the network the label bar as well.

    Raises
    ------
    ValueError
        If fewer than two classes are left, an image has no pixel size although the window is in
        nm, or the views would not fit into memory.
    """
    import hashlib

    import pandas as pd

    opened: list[_Opened] = []
    held = 0
    skipped = [(name, reason) for name, reason in data.skipped]
    found = hashlib.sha256()
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "reading images")
        try:
            plane, size = open_plane(example.read(), keep_bar)
        except (ValueError, OSError) as error:
            skipped.append((example.name, printable(str(error))))
            continue
        if unit == "nm" and size is None:
            skipped.append((example.name, "no pixel size, which a window in nm needs"))
            continue
        found.update(f"{example.name}\0{example.label}\0{example.group}\0".encode())
        found.update(f"{plane.shape}{plane.dtype.str}".encode())
        found.update(np.ascontiguousarray(plane).tobytes())
        held += plane.nbytes
        # thousands of large images do not fit into memory: later ones are read once more
        kept = plane if held <= _KEPT_BYTES else None
        opened.append(_Opened(example, plane.shape, size, kept))
    chosen = [one.example for one in opened]
    classes = tuple(sorted({one.label for one in chosen}))
    if len(classes) < 2:
        new = [*skipped[len(data.skipped) :], *skipped]
        reasons = f"; {new[0][0]}: {new[0][1]}" if new else ""
        raise ValueError(
            f"{data.name}: images of two classes are needed, {len(chosen)} could be used{reasons}"
        )
    card = _input_card(design, [one.shape for one in opened], window, unit, input_px)
    all_views, owner, thumbnails = yield from _all_views(opened, card, keep_bar)
    sizes = np.array([np.nan if one.size is None else one.size for one in opened])
    if np.isfinite(sizes).sum() * 2 > len(sizes):
        card.pixel_size_nm = [float(np.nanmin(sizes)), float(np.nanmax(sizes))]
    notes: tuple[str, ...] = (_view_note(card),)
    if skipped:
        count = len(data.examples) + len(data.skipped)
        notes = (*notes, f"{len(skipped)} of {count} files were skipped")
    return Prepared(
        all_views,
        owner,
        np.array([classes.index(one.label) for one in chosen]),
        np.array([one.group for one in chosen], dtype=object),
        sizes,
        thumbnails,
        classes,
        pd.DataFrame(
            [(one.name, one.label, one.group) for one in chosen], columns=["name", "label", "group"]
        ),
        pd.DataFrame(skipped, columns=["name", "reason"]),
        card,
        found.hexdigest(),
        notes,
    )


def open_plane(micrograph: Any, keep_bar: bool = False) -> tuple[np.ndarray, float | None]:
    """Give the grey plane of a labelled image without its label bar, and its pixel size in nm.

    Raises
    ------
    ValueError
        If it is a stack, or has no finite pixel.
    """
    grey, _ = to_gray(micrograph.data)
    if grey.ndim > 2 and grey.size == grey.shape[-1] * grey.shape[-2]:
        grey = grey.reshape(grey.shape[-2:])
    if grey.ndim != 2:
        raise ValueError(f"a stack of shape {grey.shape}: one image a file is needed")
    if not keep_bar:
        grey = grey[info_bar_of(micrograph).specimen(*grey.shape)]
    size = micrograph.pixel_size
    return finite(np.asarray(grey))[0], None if size is None else size.nanometres


def _input_card(
    design: Architecture, shapes: list[tuple[int, ...]], window: float, unit: str, input_px: int
) -> NetworkInput:
    from ...nets.card import NetworkInput, Normalisation, View

    short = np.array([min(shape) for shape in shapes])
    longest = max(max(shape) for shape in shapes)
    middle = int(np.median(short))
    view: View
    if window > 0 and unit == "nm":
        view, side = View(kind="physical", window_nm=float(window)), 0
    elif window > 0:
        view, side = View(kind="window"), max(8, round(window))
    elif longest <= _CROPS and longest <= 1.5 * short.min():
        view, side = View(kind="window"), max(8, middle)
    else:
        view, side = View(kind="whole", fraction=1.0), max(8, middle)
    if input_px <= 0:
        input_px = design.input_px
        if design.any_size and side:
            # twice the pixels there are is all that enlarging can help
            input_px = int(np.clip(round(2 * side / 32) * 32, 96, design.input_px))
    return NetworkInput(
        input_px=int(input_px),
        window_px=int(side or design.input_px),
        view=view,
        normalisation=Normalisation(
            kind="percentile", low=0.5, high=99.5, scope="image", mean=design.mean, std=design.std
        ),
    )


def _view_note(card: NetworkInput) -> str:
    view = card.view
    if view.kind == "whole":
        return "images are shown to the network whole"
    if view.kind == "physical":
        return f"the network is shown windows of {view.window_nm:g} nm"
    return f"the network is shown windows of {card.window_px} px"


class _Opened(NamedTuple):
    """A labelled image that was read, with its pixels where there was room for them."""

    example: Example
    shape: tuple[int, ...]
    size: float | None
    plane: np.ndarray | None


def _all_views(
    opened: list[_Opened], card: NetworkInput, keep_bar: bool
) -> Steps[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    found, owner, thumbnails = [], [], []
    side, total = card.input_px, 0
    for number, one in enumerate(opened):
        yield Progress(number, len(opened), "preparing images")
        plane = one.plane if one.plane is not None else open_plane(one.example.read(), keep_bar)[0]
        shown = resized_views(plane, card, one.size)
        total += shown.nbytes
        if total > _LARGEST_BYTES:
            raise ValueError(
                f"the views need more than {_LARGEST_BYTES >> 30} GiB at {side} px; choose a "
                "smaller input, a larger window or fewer images"
            )
        found.append(shown)
        owner += [number] * len(shown)
        thumbnails.append(thumbnail(plane))
    return np.concatenate(found), np.array(owner), np.stack(thumbnails)


def thumbnail(plane: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """Small square picture of an image."""
    import torch

    from ...arrays.inputs import stretch
    from ...nets.inference import to_input

    small = to_input(torch.from_numpy(stretch(plane)[0])[None], (side, side), 0.0, 1.0)
    return (small[0, 0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()
