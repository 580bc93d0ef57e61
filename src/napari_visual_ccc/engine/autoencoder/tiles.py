"""Tiles of images to train an autoencoder with, and tiles that are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...arrays.filling import filled, known_values
from ...arrays.inputs import stretch
from ...core.dataset import Dataset, Example
from ...core.plain import reason_of
from ...core.progress import Progress, Steps
from .images import apart, specimen
from .known import MARGIN, cut_windows

if TYPE_CHECKING:
    import pandas as pd

    from ...nets.card import NetworkInput
    from ...nets.training.recipe import AutoencoderRecipe

TRAIN, VALIDATION, TEST = "train", "validation", "test"

# what is held out of a data set that is divided
PARTS_GIVEN = "the images that the data set holds out"

# the largest part of the tiles that are held out: the threshold of anomalies rests on them
_MOST_HELD_OUT = 0.5


class Window(NamedTuple):
    """A tile with its margin, and the image it is of."""

    pixels: np.ndarray
    known: np.ndarray | None
    image: int
    part: str
    overlaps: bool


@dataclass
class TileSet:
    """Tiles of all images.

    Parameters
    ----------
    windows : (n, side, side) float16 array
        Tiles with a margin of `MARGIN` pixels, continued by reflection; values 0 to 1. Pixels that
        an image lacks are filled from their surroundings.
    gaps : dict
        Index of a window → (side, side) bool array of its known pixels, where some are filled.
    image_index : (n,) int array
        Row of `images` for every tile.
    parts : (n,) array of str
        ``"train"``, ``"validation"`` or ``"test"``.
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
    continued : list of str
        Images, or their parts, that are smaller than a tile, with their sizes.
    """

    windows: np.ndarray
    gaps: dict[int, np.ndarray]
    image_index: np.ndarray
    parts: np.ndarray
    images: pd.DataFrame
    skipped: pd.DataFrame
    sizes_nm: list[float]
    digest: str
    held_out: str
    continued: list[str]

    @property
    def tiles(self) -> np.ndarray:
        """The windows without their margins."""
        return self.windows[:, MARGIN:-MARGIN, MARGIN:-MARGIN]

    def of(self, part: str) -> np.ndarray:
        """Indices of the tiles of a part."""
        return np.flatnonzero(self.parts == part)

    def known(self, chosen: np.ndarray) -> np.ndarray:
        """Known pixels of the windows with the given indices, (n, side, side) bool."""
        everywhere = np.ones(self.windows.shape[1:], bool)
        return np.stack([self.gaps.get(int(k), everywhere) for k in chosen])


def cut_tiles(data: Dataset, card: NetworkInput, recipe: AutoencoderRecipe) -> Steps[TileSet]:
    """Read images and cut tiles; each image is read once.

    Tiles of other images are held out where there are several groups, otherwise those of other
    images of the group; of a single image or stack a strip at its far end, one tile away from the
    others. A data set that is divided keeps its parts; where it has no validation part, or no
    image of it can be used, one is taken of its training part in the same way. Images that are
    smaller than a tile are continued by reflection and give no more tiles than their area; with
    others, they are trained with where two others are there, or one that can be divided.

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
    cutter = _Cutter(card, recipe, len(data.examples))
    cutter.divided = _single(data, recipe, range(len(data.examples)))
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "reading images")
        yield from cutter.add(number, example)
    single = _single(data, recipe, sorted({one.image for one in cutter.windows}), cutter)
    if single is not None and cutter.divided is None:
        # of several images one can be used, or one is as large as a tile: it is divided
        cutter.windows = [one for one in cutter.windows if one.image != single]
        cutter.divided, cutter.images = single, 1
        yield from cutter.add(single, data.examples[single])
    windows, parts, held_out = _divided(data, recipe, cutter)
    skipped = pd.DataFrame(
        list(dict.fromkeys([*data.skipped, *cutter.skipped])), columns=["name", "reason"]
    )
    _check(data, recipe, {one.part for one in windows}, skipped)
    rows = [(one.name, one.group, parts.get(k, "not used")) for k, one in enumerate(data.examples)]
    return TileSet(
        np.stack([one.pixels for one in windows]),
        {k: one.known for k, one in enumerate(windows) if one.known is not None},
        np.array([one.image for one in windows]),
        np.array([one.part for one in windows]),
        pd.DataFrame(rows, columns=["name", "group", "part"]),
        skipped,
        cutter.sizes_nm,
        cutter.digest.hexdigest(),
        held_out,
        [f"{data.examples[k].name} ({h} x {w} px)" for k, (h, w) in cutter.continued.items()],
    )


def _check(
    data: Dataset, recipe: AutoencoderRecipe, there: set[str], skipped: pd.DataFrame
) -> None:
    if TRAIN in there and (VALIDATION in there or recipe.validation <= 0):
        return
    reasons = "".join(f"; {name}: {why}" for name, why in skipped.head(3).to_numpy())
    if data.is_divided and not any(_part(data, k) == TRAIN for k in range(len(data.examples))):
        raise ValueError(f"{data.name}: no image is in the part train{reasons}")
    raise ValueError(
        f"{data.name}: too few pixels for tiles of {recipe.tile} px to train with and to hold "
        f"out{reasons}; choose smaller tiles, or add images"
    )


def _part(data: Dataset, number: int) -> str:
    """Part of an image: its own in a data set that is divided, else that of training."""
    return data.examples[number].part if data.is_divided else TRAIN


def _single(
    data: Dataset, recipe: AutoencoderRecipe, used: Iterable[int], cutter: _Cutter | None = None
) -> int | None:
    """Give the only image, or stack, as large as a tile to train with: it must be divided."""
    parts = {k: _part(data, k) for k in used}
    trained = [k for k, part in parts.items() if part == TRAIN]
    if cutter is not None and len(trained) > 1:
        trained = [k for k in trained if k not in cutter.continued]
        trained = [k for k in trained if len(trained) > 1 or cutter.strips(cutter.shapes[k])]
    wanted = recipe.validation > 0 and VALIDATION not in parts.values()
    return trained[0] if wanted and len(trained) == 1 else None


def _divided(
    data: Dataset, recipe: AutoencoderRecipe, cutter: _Cutter
) -> tuple[list[Window], dict[int, str], str]:
    """Windows with their parts; the part of each image; what is held out, in words."""
    windows = cutter.windows
    used = sorted({one.image for one in windows})
    parts, held_out = {k: _part(data, k) for k in used}, ""
    if VALIDATION in parts.values():
        held_out = PARTS_GIVEN
    elif cutter.divided is not None:
        parts[cutter.divided], held_out = "both", "a strip of the image that was not trained with"
    elif recipe.validation > 0 and TRAIN in parts.values():
        trained = [k for k, part in parts.items() if part == TRAIN]
        groups = {k: data.examples[k].group for k in trained}
        chosen, held_out = apart(groups, {*cutter.continued}, recipe.validation, recipe.seed)
        parts |= dict.fromkeys(chosen, VALIDATION)
    # held-out tiles lie apart: each counts once
    kept = [
        one if parts[one.image] == "both" else one._replace(part=parts[one.image])
        for one in windows
    ]
    return [one for one in kept if one.part == TRAIN or not one.overlaps], parts, held_out


@dataclass
class _Cutter:
    """Cuts the tiles of one image after the other."""

    card: NetworkInput
    recipe: AutoencoderRecipe
    images: int
    divided: int | None = None
    windows: list[Window] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    sizes_nm: list[float] = field(default_factory=list)
    shapes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    continued: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256()

    def add(self, number: int, example: Example) -> Steps[None]:
        """Cut the tiles of an image or stack; what cannot be used is listed."""
        try:
            micrograph = example.read()
            stack = specimen(micrograph, self.recipe.keep_info_bar)
            limits = self._limits(example)
        except (ValueError, OSError) as error:
            self.skipped.append((example.name, reason_of(error, example.path)))
            return
        self.shapes[number] = stack.shape[-2:]
        self.continued.pop(number, None)
        size = micrograph.pixel_size
        if size is not None and size.nanometres is not None:
            self.sizes_nm.append(size.nanometres)
        rng = np.random.default_rng([self.recipe.seed, number])
        before, slices = self._count, list(np.ndindex(stack.shape[:-2]))
        for done, index in enumerate(slices):
            yield Progress(done, len(slices), "cutting tiles")
            wanted = {part: self._share(part, done, len(slices)) for part in (TRAIN, VALIDATION)}
            if not any(wanted.values()):
                continue
            where = f"{example.name} {index}" if index else example.name
            try:
                plane, known = filled(np.asarray(stack[index]))
            except ValueError as error:
                self.skipped.append((where, str(error)))
                continue
            self.digest.update(f"{example.name}\0{plane.shape}{plane.dtype.str}".encode())
            self.digest.update(np.ascontiguousarray(plane).tobytes())
            grey = _normalised(plane, known, self.card, limits)
            self._cut_plane(number, grey, known, wanted, rng)
        if self._count == before:
            self.skipped.append((example.name, self._why_none(number)))

    def _limits(self, example: Example) -> tuple[float, float] | None:
        """Grey values that become 0 and 1 of a region: those of the image that it is of."""
        if example.whole is None:
            return None
        whole = np.asarray(specimen(example.whole(), self.recipe.keep_info_bar))
        limits = _limits_of(*filled(whole), self.card)
        self.digest.update(repr(limits).encode())
        return limits

    def _cut_plane(
        self, number: int, grey: np.ndarray, known: np.ndarray | None, wanted: dict[str, int],
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        for part, region in self._regions(number, grey.shape):
            if not wanted[part]:
                continue
            inside = None if known is None else known[region]
            cut = cut_windows(grey[region], inside, self.recipe.tile, wanted[part], rng)
            height, width = grey[region].shape
            if cut and min(height, width) < self.recipe.tile:
                self.continued[number] = (height, width)
            for tile, there, overlaps in cut:
                if not (overlaps and part == VALIDATION):
                    window = tile.astype(np.float16)
                    self.windows.append(Window(window, there, number, part, overlaps))

    def _share(self, part: str, done: int, slices: int) -> int:
        """Number of tiles of a part that a slice gives, so that an image gives its share of all."""
        share = self.recipe.validation if part == VALIDATION else 1.0
        total = max(1, round(self.recipe.tiles / max(1, self.images) * share))
        return (done + 1) * total // slices - done * total // slices

    def _why_none(self, number: int) -> str:
        side, shape = self.recipe.tile, self.shapes[number]
        if min(shape) < (side + 1) // 2:
            return f"smaller than a tile of {side} px"
        if number == self.divided and not self.strips(shape):
            return f"too small to train with and to hold out tiles of {side} px"
        return f"no tile of {side} px without missing pixels"

    @property
    def _count(self) -> int:
        """Number of windows and of reasons why there is none."""
        return len(self.windows) + len(self.skipped)

    def _regions(
        self, number: int, shape: tuple[int, ...]
    ) -> list[tuple[str, tuple[slice, slice]]]:
        """Regions of a plane with their parts; of a single image a strip is held out."""
        if number != self.divided:
            return [(TRAIN, (slice(0, shape[0]), slice(0, shape[1])))]
        return list(zip((TRAIN, VALIDATION), self.strips(shape), strict=False))

    def strips(self, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], ...]:
        """Parts of an image to train with and to hold out; none if it is too small for both."""
        long, side = max(shape), self.recipe.tile
        # whole tiles are held out, and a tile's width between the parts is not used
        strip = max(side, round(min(self.recipe.validation, _MOST_HELD_OUT) * long))
        if min(*shape, long - strip - side) < (side + 1) // 2:
            return ()
        parts = slice(0, long - strip - side), slice(long - strip, long)
        if shape[0] >= shape[1]:
            return tuple((one, slice(0, shape[1])) for one in parts)
        return tuple((slice(0, shape[0]), one) for one in parts)


def _limits_of(
    plane: np.ndarray, known: np.ndarray | None, card: NetworkInput
) -> tuple[float, float]:
    """Percentiles of the known pixels."""
    scaling = card.normalisation
    return stretch(known_values(plane, known), scaling.low, scaling.high)[1]


def _normalised(
    plane: np.ndarray,
    known: np.ndarray | None,
    card: NetworkInput,
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """Stretch to 0..1 between limits, by default percentiles of the known pixels."""
    return stretch(plane, limits=limits or _limits_of(plane, known, card))[0]
