"""Tiles of images to train an autoencoder with, and tiles that are held out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...arrays.inputs import finite, to_gray
from ...core.dataset import Dataset, Example, printable
from ...core.progress import Progress, Steps
from ..acquisition.bar_detector import info_bar_of
from ..classification.crops import normalised

if TYPE_CHECKING:
    import pandas as pd

    from ...core.micrograph import Micrograph
    from ...nets.card import NetworkInput
    from ...nets.training.recipe import AutoencoderRecipe

TRAIN, VALIDATION = "train", "validation"

# the largest part of the tiles that are held out: the threshold of anomalies rests on them
_MOST_HELD_OUT = 0.5


# pixels around a tile that its scores depend on
MARGIN = 64


class Window(NamedTuple):
    """A tile with its margin, and the image it is of."""

    pixels: np.ndarray
    image: int
    part: str
    overlaps: bool


@dataclass
class TileSet:
    """Tiles of all images.

    Parameters
    ----------
    windows : (n, side, side) float16 array
        Tiles with a margin of `MARGIN` pixels, continued by reflection; values 0 to 1.
    image_index : (n,) int array
        Row of `images` for every tile.
    parts : (n,) array of str
        ``"train"`` or ``"validation"``.
    images : DataFrame
        ``name``, ``group`` and ``part`` of every image; the part of one that is divided is both.
    skipped : DataFrame
        ``name`` and ``reason`` of what could not be used.
    sizes_nm : list of float
        Pixel sizes that are known.
    digest : str
        Of all pixels.
    held_out : str
        What the held-out tiles are of, in words.
    """

    windows: np.ndarray
    image_index: np.ndarray
    parts: np.ndarray
    images: pd.DataFrame
    skipped: pd.DataFrame
    sizes_nm: list[float]
    digest: str
    held_out: str

    @property
    def tiles(self) -> np.ndarray:
        """The windows without their margins."""
        return self.windows[:, MARGIN:-MARGIN, MARGIN:-MARGIN]

    def of(self, part: str) -> np.ndarray:
        """Indices of the tiles of a part."""
        return np.flatnonzero(self.parts == part)


def cut_tiles(data: Dataset, card: NetworkInput, recipe: AutoencoderRecipe) -> Steps[TileSet]:
    """Read images and cut tiles; each image is read once.

    Tiles of other images are held out where there are several groups, otherwise those of other
    images of the group; of a single image or stack a strip at its far end, one tile away from the
    others.

    Parameters
    ----------
    data : Dataset
        Images; their classes are not used.
    card : NetworkInput
        Normalisation, and the side of a tile.
    recipe : AutoencoderRecipe
        Number of tiles, the share that is held out, info bar and seed.

    Raises
    ------
    ValueError
        If no image can be used, all are too small for tiles of both parts, or they have channels.
    """
    import pandas as pd

    if data.channels:
        raise ValueError(
            f"{data.name}: an autoencoder takes grey images; give those of one channel"
        )
    cutter = _Cutter(card, recipe, _is_single(data, recipe), len(data.examples))
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "reading images")
        yield from cutter.add(number, example)
    windows, parts, held_out = _divided(data, recipe, cutter.windows)
    skipped = pd.DataFrame([*data.skipped, *cutter.skipped], columns=["name", "reason"])
    there = {one.part for one in windows}
    if TRAIN not in there or (VALIDATION not in there and recipe.validation > 0):
        reason = f"; {skipped['name'][0]}: {skipped['reason'][0]}" if len(skipped) else ""
        raise ValueError(
            f"{data.name}: too few pixels for tiles of {recipe.tile} px to train with and to hold "
            f"out{reason}; choose smaller tiles, or add images"
        )
    rows = [
        (one.name, one.group, parts.get(k, "both" if cutter.single else "not used"))
        for k, one in enumerate(data.examples)
    ]
    return TileSet(
        np.stack([one.pixels for one in windows]),
        np.array([one.image for one in windows]),
        np.array([one.part for one in windows]),
        pd.DataFrame(rows, columns=["name", "group", "part"]),
        skipped,
        cutter.sizes_nm,
        cutter.digest.hexdigest(),
        held_out,
    )


def _is_single(data: Dataset, recipe: AutoencoderRecipe) -> bool:
    """Whether there is one image, or stack, that must be divided itself."""
    return len(data.examples) == 1 and not data.is_divided and recipe.validation > 0


def _divided(
    data: Dataset, recipe: AutoencoderRecipe, windows: list[Window]
) -> tuple[list[Window], dict[int, str], str]:
    """Windows with their parts; the part of each image; what is held out, in words."""
    share, used = recipe.validation, sorted({one.image for one in windows})
    if _is_single(data, recipe):
        return windows, {}, "a strip of the image that was not trained with"
    if data.is_divided:
        given = [data.examples[k].part for k in used]
        parts = {k: TRAIN if p == TRAIN else VALIDATION for k, p in zip(used, given, strict=True)}
        held_out = "the images that the data set holds out"
    elif share <= 0:
        parts, held_out = dict.fromkeys(used, TRAIN), ""
    else:
        parts, held_out = _by_group(data, recipe, used)
    # held-out tiles lie apart: each counts once
    kept = [one._replace(part=parts[one.image]) for one in windows]
    return [one for one in kept if one.part == TRAIN or not one.overlaps], parts, held_out


def _by_group(
    data: Dataset, recipe: AutoencoderRecipe, used: list[int]
) -> tuple[dict[int, str], str]:
    groups = {k: data.examples[k].group for k in used}
    held_out = "images of other specimens or files"
    if len(set(groups.values())) < 2:
        groups, held_out = {k: str(k) for k in used}, "other images of the same specimen"
    names = sorted(set(groups.values()))
    order = np.random.default_rng(recipe.seed).permutation(len(names))
    count = min(max(1, round(recipe.validation * len(names))), len(names) - 1)
    chosen = {names[k] for k in order[:count]}
    return {k: VALIDATION if one in chosen else TRAIN for k, one in groups.items()}, held_out


@dataclass
class _Cutter:
    """Cuts the tiles of one image after the other."""

    card: NetworkInput
    recipe: AutoencoderRecipe
    single: bool
    images: int
    windows: list[Window] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    sizes_nm: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256()

    def add(self, number: int, example: Example) -> Steps[None]:
        """Cut the tiles of an image or stack; what cannot be used is listed."""
        try:
            micrograph = example.read()
            stack = _specimen(micrograph, self.recipe.keep_info_bar)
        except (ValueError, OSError) as error:
            self.skipped.append((example.name, printable(str(error))))
            return
        size = micrograph.pixel_size
        if size is not None and size.nanometres is not None:
            self.sizes_nm.append(size.nanometres)
        rng = np.random.default_rng([self.recipe.seed, number])
        before, slices = self._count, list(np.ndindex(stack.shape[:-2]))
        for done, index in enumerate(slices):
            yield Progress(done, len(slices), "cutting tiles")
            try:
                plane = finite(np.asarray(stack[index]))[0]
            except ValueError as error:
                where = f" {index}" if index else ""
                self.skipped.append((f"{example.name}{where}", str(error)))
                continue
            self.digest.update(f"{example.name}\0{plane.shape}{plane.dtype.str}".encode())
            self.digest.update(np.ascontiguousarray(plane).tobytes())
            grey = normalised(plane, self.card)
            count = self.recipe.tiles / max(1, self.images) / len(slices)
            for part, region in self._regions(plane):
                share = self.recipe.validation if part == VALIDATION else 1.0
                found = _cut(grey[region], self.recipe.tile, max(1, round(count * share)), rng)
                self.windows += [
                    Window(one.astype(np.float16), number, part, overlaps)
                    for one, overlaps in found
                    if not (overlaps and part == VALIDATION)
                ]
        if self._count == before:
            self.skipped.append((example.name, f"smaller than a tile of {self.recipe.tile} px"))

    @property
    def _count(self) -> int:
        """Number of windows and of reasons why there is none."""
        return len(self.windows) + len(self.skipped)

    def _regions(self, plane: np.ndarray) -> list[tuple[str, tuple[slice, slice]]]:
        """Regions of a plane with their parts; of a single image a strip is held out."""
        height, width = plane.shape
        everything = (slice(0, height), slice(0, width))
        if not self.single:
            return [(TRAIN, everything)]
        long, side = max(height, width), self.recipe.tile
        # whole tiles are held out, and a tile's width between the parts is not used
        strip = max(side, round(min(self.recipe.validation, _MOST_HELD_OUT) * long))
        first, last = slice(0, max(long - strip - side, 0)), slice(long - strip, long)
        if height >= width:
            return [(TRAIN, (first, everything[1])), (VALIDATION, (last, everything[1]))]
        return [(TRAIN, (everything[0], first)), (VALIDATION, (everything[0], last))]


def _specimen(micrograph: Micrograph, keep_info_bar: bool) -> Any:
    """Grey image or stack without the info bar; lazy if it was."""
    grey, _ = to_gray(micrograph.data)
    if keep_info_bar:
        return grey
    rows, columns = info_bar_of(micrograph).specimen(*grey.shape[-2:])
    return grey[..., rows, columns]


def _cut(
    grey: np.ndarray, side: int, count: int, rng: np.random.Generator
) -> list[tuple[np.ndarray, bool]]:
    """Cut windows at random places of a grid, then at any; and whether they overlap others.

    An image that is smaller than a tile, but not than half of it, is continued by reflection.
    """
    if min(grey.shape) < (side + 1) // 2 or not grey.size:
        return []
    grey = np.pad(grey, [(0, max(0, side - n)) for n in grey.shape], mode="symmetric")
    shift = [int(rng.integers(0, n % side + 1)) for n in grey.shape]
    corners = [
        (y, x)
        for y in range(shift[0], grey.shape[0] - side + 1, side)
        for x in range(shift[1], grey.shape[1] - side + 1, side)
    ]
    chosen = [corners[k] for k in rng.permutation(len(corners))[:count]]
    apart = len(chosen)
    while len(chosen) < count:
        y, x = (int(rng.integers(0, n - side + 1)) for n in grey.shape)
        chosen.append((y, x))
    wide, full = np.pad(grey, MARGIN, mode="symmetric"), side + 2 * MARGIN
    return [
        (wide[y : y + full, x : x + full], number >= apart) for number, (y, x) in enumerate(chosen)
    ]
