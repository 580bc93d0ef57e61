"""What a network sees at a pixel, and where it sees the like: in the image, and in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...core.layers import ImageLayer, Layer, Placement, PointsLayer, ShapesLayer
from ...core.pixel_size import PixelSize
from ...core.progress import Steps
from ...core.result import Result
from .activations import Activations
from .cells import ROW, see_file
from .patches import cut_patch, hits_table, patch_side, peaks, sheet
from .ranking import flat_cells, has_value
from .similar import (
    Background,
    background_of,
    cosine_map,
    feature_of,
    point_weights,
    weights_of,
)

if TYPE_CHECKING:
    from ...core.dataset import Example
    from ...nets.checkpoint import Model

# channels that the note names
_NAMED = 5

_COLUMNS = ("similarity", *ROW)

# hits of one image at most, so that one image does not fill the list
_OF_ONE = 9


class Looked(NamedTuple):
    """Features of a place, and the patches like it.

    Parameters
    ----------
    feature : (C,) array
        Of the place, without the mean feature of the image.
    result : Result
        As of `nearest_patches`.
    """

    feature: np.ndarray
    result: Result


def nearest_patches(
    seen: Activations,
    y: float,
    x: float,
    *,
    count: int = 9,
    spacing: Any = None,
    unit: str = "px",
) -> Result:
    """Read the feature vector of a pixel, and find the patches of the image that are most like it.

    `look_at` does the same for an image, and looks in a folder as well.

    Parameters
    ----------
    seen : Activations
        What `activations` returned for one image.
    y, x : float
        Pixel of the image.
    count : int
        Number of patches that are listed.
    spacing, unit : (y, x) and str, optional
        Pixel size, for positions and sizes.

    Returns
    -------
    Result
        Tables ``"patches"`` (position, side and cosine similarity, after the mean feature of the
        image is subtracted; the first is that of the pixel itself) and ``"channels"`` (the feature
        vector, the channels that are highest here first, in standard deviations above their mean
        over the image), and the patches as rectangles.

    Raises
    ------
    ValueError
        If the activations are of a stack, or the pixel lies outside the image, or in or near
        missing pixels (NaN or infinite).
    """
    maps: np.ndarray = getattr(seen, "features", np.empty(0))
    if maps.ndim != 3 or not len(maps):
        raise ValueError("these activations are of a stack; take them of one slice")
    place = seen.layers[0].placement
    # pixels are squares around whole coordinates
    start = np.array(place.corner) - 0.5
    if not ((start <= (y, x)) & ((y, x) <= start + seen.shape)).all():
        raise ValueError(f"pixel ({y:.0f}, {x:.0f}) lies outside the image without its info bar")
    weights = point_weights((y, x), place, (int(maps.shape[1]), int(maps.shape[2])))
    weights = weights_of(weights, maps, f"pixel ({y:.0f}, {x:.0f})")
    channels = seen.tables["channels"]["channel"].to_numpy()
    size = PixelSize.of(spacing, unit)
    found = look(maps, channels, weights, (y, x), place=place, count=count, size=size).result
    facts = {"y_px": y, "x_px": x}
    return Result(found.layers, found.tables, facts=facts, notes=found.notes, model=seen.model)


def look(
    maps: np.ndarray,
    numbers: np.ndarray,
    weights: np.ndarray,
    middle: tuple[float, float],
    *,
    place: Placement,
    count: int,
    size: PixelSize | None,
) -> Looked:
    """Find the channels that are highest at a place, and the patches like it.

    Parameters
    ----------
    maps : (C, h, w) array
        Channels in the order of their ranks.
    numbers : (C,) int array
        Of the channels.
    weights : (h, w) array
        Of the cells of the place; they sum to 1, or with negative examples to 0.
    middle : (y, x)
        Pixel in the middle of the place.
    place : Placement
        Of the cells.
    count : int
        Number of patches.
    size : PixelSize, optional
        Of the image.
    """
    import pandas as pd

    feature, total = feature_of(maps, weights), np.float32(weights.sum())
    flat = flat_cells(maps)
    mean, spread = flat.mean(axis=1), flat.std(axis=1)
    above = (feature - total * mean) / np.maximum(spread, 1e-30)
    order = np.argsort(-above, kind="stable")
    channels = pd.DataFrame(
        {
            "channel": numbers[order], "rank": order + 1, "value": feature[order],
            "deviations": above[order],
        }
    )  # fmt: skip
    background = background_of(maps, "subtract")
    feature = feature - total * background
    if not np.linalg.norm(feature) > 0:
        raise ValueError(
            "the place looks like the mean of the image: choose another place or layer"
        )
    coarse = cosine_map(maps, feature, background)
    side = patch_side(place.stride)
    apart = round(side / place.stride)
    # the place itself is the first, although a cell beside it may be as similar
    own = (np.array(middle) - place.first_centre) / place.stride
    rows, columns = np.indices(coarse.shape)
    beside = (np.abs(rows - own[0]) <= apart) & (np.abs(columns - own[1]) <= apart)
    found = peaks(np.where(beside, -np.inf, coarse), count - 1, apart)
    cells = np.array([(row, column) for row, column, _ in found]).reshape(-1, 2)
    centres = np.concatenate([[middle], place.to_source(cells)])
    own_weights = point_weights(middle, place, (maps.shape[1], maps.shape[2]))
    own_weights = np.where(has_value(maps), own_weights, 0)
    at_middle = feature_of(maps, own_weights / max(own_weights.sum(), 1e-30))
    (first,) = cosine_map(at_middle[:, None, None], feature, background).ravel().tolist()
    patches = _patch_rows(centres, [first, *(height for *_, height in found)], side, size)
    boxes = ShapesLayer(
        [_square(centre, side) for centre in centres], kinds="rectangle", features=patches,
        name="nearest patches",
    )  # fmt: skip
    here = PointsLayer(np.array([middle], float), name="pixel")
    top = [
        f"{row.channel} ({row.deviations:+.1f} sd)"
        for row in channels.head(_NAMED).itertuples(index=False)
    ]
    note = f"highest channels here: {', '.join(top)}; the table lists the patches like it"
    tables = {"patches": patches, "channels": channels}
    return Looked(feature, Result((boxes, here), tables, notes=(note,)))


def _patch_rows(
    centres: np.ndarray, heights: list[float], side: float, size: PixelSize | None
) -> Any:
    """Table of patches: similarity, and centre and side in pixels and in the unit.

    Where pixels are not square, nor is a patch: its side is √(height · width).
    """
    import pandas as pd

    rows = {
        "patch": np.arange(1, len(centres) + 1), "similarity": heights,
        "y_px": centres[:, 0], "x_px": centres[:, 1], "side_px": side,
    }  # fmt: skip
    if size is not None:
        rows |= {
            f"y_{size.unit}": centres[:, 0] * size.height,
            f"x_{size.unit}": centres[:, 1] * size.width,
            f"side_{size.unit}": side * size.mean,
            f"height_{size.unit}": side * size.height,
            f"width_{size.unit}": side * size.width,
        }
    return pd.DataFrame(rows)


def _square(centre: np.ndarray, side: float) -> np.ndarray:
    half = side / 2
    corners = np.array([(-half, -half), (-half, half), (half, half), (half, -half)])
    return centre + corners


class FolderSearch:
    """Hits in a folder, of which the best are kept.

    Parameters
    ----------
    model, layer : Model and str
        What looks at the images.
    feature : (C,) array
        What is looked for, without the background of its image.
    background : {'subtract', 'keep'}
        What is subtracted from each image.
    most : int
        Number of hits; at most nine of one image.
    channels : (C,) int array, optional
        Channels of the layer that are compared, by default all.
    """

    def __init__(
        self, model: Model, layer: str, feature: np.ndarray, background: Background, most: int,
        channels: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.model, self.layer, self.feature = model, layer, feature
        self.background, self.most, self.channels = background, most, channels
        self._found: list[tuple[dict[str, Any], np.ndarray]] = []
        self.notes: tuple[str, ...] = ()

    def look(self, example: Example) -> Steps[None]:
        """Look in one image."""
        found = yield from self._in_one(example)
        self._found += found
        self._found.sort(key=lambda one: -one[0]["similarity"])
        del self._found[self.most :]

    def _in_one(self, example: Example) -> Steps[list[tuple[dict[str, Any], np.ndarray]]]:
        one = yield from see_file(example, self.model, self.layer)
        self.notes += one.gap_note
        maps, stride = one.seen.maps, one.seen.stride
        maps = maps if self.channels is None else maps[self.channels]
        coarse = cosine_map(maps, self.feature, background_of(maps, self.background))
        side = patch_side(stride)
        apart = max(1, round(side / stride) - 1)
        return [
            (
                {"similarity": height, **one.row((row, column), side)},
                cut_patch(one.shown, one.centre((row, column)), side),
            )
            for row, column, height in peaks(coarse, min(_OF_ONE, self.most), apart)
        ]

    @property
    def table(self) -> Any:
        """The hits, the most similar first."""
        return hits_table([row for row, _ in self._found], _COLUMNS, self.most)

    def sheet(self, shape: tuple[int, int]) -> Iterator[Layer]:
        """Patches of the hits in their order, to the right of the image and as high."""
        if not self._found:
            return
        picture = sheet([patch for _, patch in self._found], columns=6)
        place = Placement(shape[0] / picture.shape[0], corner=(0, round(1.05 * shape[1])))
        yield ImageLayer(picture, limits=(0.0, 255.0), name="hits", placement=place)
