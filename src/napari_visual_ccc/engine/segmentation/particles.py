"""Particles of a micrograph with parameters that follow from the particles found."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from ...arrays.inputs import to_gray
from ...arrays.lazy import is_lazy
from ...arrays.volumes import parts
from ...core.layers import LabelsLayer
from ...core.pixel_size import PixelSize, Spacing
from ...core.progress import Progress, Steps, run
from ...core.result import Result
from .annotations import Annotations, find_annotations
from .foreground import (
    DOUBTFUL,
    blur_for,
    cleaned,
    judge_sides,
    least_area,
    local_level,
    opened,
    otsu,
    sparse,
    typical_radius,
    with_shells,
)
from .objects import object_table
from .shading import blurred, complete, enlarged, find_shading, resized
from .watershed import are_rounder, gaps, split_mask, without_cut

# slices of a stack that are looked at for its side, evenly spread
_SAMPLED = 5

# longest side of the reduced image of the first pass, in pixels
_SIDE = 768

# blur of the first pass in pixels
_FIRST = 2.0

# gaps between touching particles: the blur before they are looked for and their largest width, in
# pixels of the first pass
_FINE, _GAP = 0.8, 10.0

# least rise of a maximum above the neck, in pixels
_RISE = 1.0


class _Choices(NamedTuple):
    objects: str
    least: float
    sigma: float
    tolerance: float
    even: bool
    ignore: bool
    whole: bool


class _Survey(NamedTuple):
    """First pass: `plane` is reduced by `scale`, `grey` is blurred and even as well."""

    scale: float
    drawn: Annotations
    surface: np.ndarray | None
    plane: np.ndarray
    grey: np.ndarray
    bright: np.ndarray
    few: bool
    side: dict[str, float]


class _Found(NamedTuple):
    labels: np.ndarray
    facts: dict[str, Any]
    side: dict[str, float]


def particles(  # noqa: PLR0913
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    objects: Literal["auto", "bright", "dark"] = "auto",
    min_diameter: Annotated[float, {"min": 0.0, "max": 1e6}] = 0.0,
    border: Literal["keep", "remove"] = "keep",
    tolerance: Annotated[float, {"min": 0.0, "max": 1.0, "step": 0.05, "more": True}] = 0.15,
    blur: Annotated[float, {"min": 0.0, "max": 20.0, "step": 0.5, "more": True}] = 0.0,
    background: Annotated[Literal["auto", "as it is"], {"more": True}] = "auto",
    annotations: Annotated[Literal["ignore", "keep"], {"more": True}] = "ignore",
) -> Steps[Result]:
    """Find particles: threshold, clean, split touching ones, label.

    Lettering, scale bars and label boxes are left out, and an uneven background is evened out where
    there is one. Otsu's threshold gives two sides; a first pass weighs which one is particles:
    roundness and solidity of its parts, spread of grey levels, size distribution, separate objects,
    border. The typical radius of the particles (median by area) then sets the blur, the pores that
    are filled, the opening that smooths edges and the smallest particle. Touching particles are
    split at necks by watershed on the distance to the background.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. Slices of a stack are processed one by one,
        with one side for all.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    objects : {'auto', 'bright', 'dark'}
        Whether particles are brighter or darker than the background. Auto: by the evidence of both
        sides; a note says where it is doubtful.
    min_diameter : float
        Smaller particles are dropped: diameter of a circle of the same area, in `unit` if there is
        a pixel size, otherwise in pixels. 0: 0.3 of the typical diameter.
    border : {'keep', 'remove'}
        Keep or remove particles that the border of the image cuts.
    tolerance : float
        Touching particles are split where the neck is narrower than the smaller one by this share
        of its width: larger values split less, 1 splits nothing.
    blur : float
        Standard deviation in pixels of the Gaussian blur before the threshold. 0: 0.06 of the
        typical radius, and more for noise, up to 0.12 of it.
    background : {'auto', 'as it is'}
        Auto: a smooth surface is subtracted where it varies more than the background itself.
    annotations : {'ignore', 'keep'}
        Ignore lettering, scale bars and label boxes, or take them for specimen.

    Returns
    -------
    Result
        ``labels``: (..., Y, X) int32, one label a particle, unique within a stack. ``table``: one
        row a particle with its pixels and, with a pixel size, its area in `unit`². ``facts``:
        number and side, the evidence for it and whether it is doubtful, covered share, threshold,
        typical radius, blur, smallest area, and what was ignored and evened out; for a stack lists.
        Labels of dask are lazy, by whole slices: without a table, and with gaps between the labels
        of slices.

    Raises
    ------
    ValueError
        If a choice is unknown, a number is out of range, the image is constant or no pixel of it is
        finite.
    """
    if not (0 <= min_diameter < np.inf and 0 <= tolerance <= 1 and 0 <= blur < np.inf):
        raise ValueError("min_diameter and blur are 0 or more, tolerance is 0 to 1")
    grey, notes = to_gray(image)
    pixel_size = PixelSize.of(spacing, unit)
    extent = 1.0 if pixel_size is None else pixel_size.extent
    choices = _Choices(
        objects, np.pi / 4 * min_diameter**2 / extent, blur, tolerance,
        background == "auto", annotations == "ignore", border == "remove",
    )  # fmt: skip
    if (grey.ndim > 2 or is_lazy(grey)) and objects == "auto":
        side = yield from _side_of_stack(grey, choices)
        choices = choices._replace(objects=_side(side))
    else:
        side = {}
    if is_lazy(grey):
        return _lazily(grey, choices, (*notes, *_side_notes(side)))
    return (yield from _at_once(grey, choices, side, pixel_size, notes))


def _side(side: dict[str, float]) -> Literal["bright", "dark"]:
    return "bright" if sum(side.values()) > 0 else "dark"


def _side_notes(side: dict[str, float]) -> tuple[str, ...]:
    if not side:
        return ()
    if abs(sum(side.values())) < DOUBTFUL:
        return (f"doubtful: particles may be bright or dark; taken as {_side(side)}",)
    return (f"particles are {_side(side)}",)


def _at_once(
    grey: np.ndarray,
    choices: _Choices,
    side: dict[str, float],
    pixel_size: PixelSize | None,
    notes: tuple[str, ...],
) -> Steps[Result]:
    labels = np.zeros(grey.shape, np.int32)
    every: list[_Found | None] = []
    sizes = [np.zeros(0, np.int64)]
    count, first = 0, None
    for index, plane in parts(grey, 2):
        try:
            found = yield from _particles(plane, choices)
        except ValueError as error:
            first = first or error
            every.append(None)
            continue
        labels[index] = np.where(found.labels > 0, found.labels + count, 0)
        sizes.append(np.bincount(found.labels.ravel())[1:])
        count += len(sizes[-1])
        every.append(found)
    given = [found for found in every if found is not None]
    if not given and first is not None:
        raise first
    facts: dict[str, Any] = {"particles": count, "objects": given[0].facts["objects"]}
    side = side or given[0].side
    if side:
        facts["evidence"] = {name: round(value, 2) for name, value in side.items()}
        facts["doubtful"] = abs(sum(side.values())) < DOUBTFUL
    for name in list(given[0].facts)[1:]:
        values = [None if found is None else found.facts[name] for found in every]
        facts[name] = values if grey.ndim > 2 else values[0]
    notes = (*notes, *_side_notes(side), *_plane_notes(given), f"{count} particles")
    table = object_table(np.concatenate(sizes), pixel_size)
    layer = LabelsLayer(labels, table=table, name="particles")
    return Result((layer,), facts=facts, notes=notes)


def _plane_notes(found: list[_Found]) -> tuple[str, ...]:
    evened = any(one.facts["uneven"] for one in found)
    drawn = max(one.facts["annotated"] for one in found)
    return (
        *(["the background is uneven: a surface was subtracted"] if evened else []),
        *([f"lettering on {drawn:.1%} of the image is ignored"] if drawn else []),
    )


def _lazily(grey: Any, choices: _Choices, notes: tuple[str, ...]) -> Result:
    import dask.array as da

    leading, plane = grey.shape[:-2], grey.shape[-2:]
    # no two particles share a side
    most = int(np.prod(plane)) // 2 + 1
    dtype = np.int32 if most * int(np.prod(leading)) < np.iinfo(np.int32).max else np.int64
    chunks = (*([1] * len(leading)), *([-1] * 2))

    def block(chunk: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        try:
            labels: Any = run(_particles(chunk.reshape(plane), choices)).labels.astype(dtype)
        except ValueError:
            return np.zeros(chunk.shape, dtype)
        number = int(np.ravel_multi_index(block_id[: len(leading)], leading)) if leading else 0
        return np.where(labels > 0, labels + number * most, 0).reshape(chunk.shape)

    meta = np.empty((0,) * grey.ndim, dtype)
    labels = da.map_blocks(block, grey.rechunk(chunks), dtype=dtype, meta=meta)
    note = "particles are found on demand: run the region table to measure them"
    return Result((LabelsLayer(labels, name="particles"),), notes=(*notes, note))


def _side_of_stack(grey: Any, choices: _Choices) -> Steps[dict[str, float]]:
    """Mean evidence of some slices."""
    every = list(np.ndindex(grey.shape[:-2]))
    chosen = np.unique(np.linspace(0, len(every) - 1, _SAMPLED).round().astype(int))
    found: list[dict[str, float]] = []
    first = None
    for done, number in enumerate(chosen):
        yield Progress(done, len(chosen), "side")
        try:
            found.append((yield from _survey(np.asarray(grey[every[number]]), choices)).side)
        except ValueError as error:
            first = first or error
    if not found:
        assert first is not None
        raise first
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _survey(plane: np.ndarray, choices: _Choices) -> Steps[_Survey]:
    """Look at a plane on a scale that does not depend on its size."""
    yield Progress(0, 0, "lettering")
    filled, known = complete(plane, np.isfinite(plane))
    scale = min(1.0, _SIDE / max(plane.shape))
    small, use = resized(filled, scale), resized(known.astype(np.float32), scale) > 0.5
    nothing = np.zeros(small.shape, bool)
    drawn = find_annotations(small, use) if choices.ignore else Annotations(nothing, nothing)
    small, use = complete(small, use & ~drawn.any)
    yield Progress(0, 0, "background")
    grey = blurred(small, _FIRST)
    surface = find_shading(grey, use) if choices.even else None
    grey = grey if surface is None else grey - surface
    yield Progress(0, 0, "side")
    there = ~drawn.boxes
    few = sparse(grey, use, choices.objects)
    bright = (grey > otsu(grey[use]) if few is None else few) & there
    side = judge_sides(bright, there, grey) if choices.objects == "auto" else {}
    return _Survey(scale, drawn, surface, small, grey, bright, few is not None, side)


def _particles(plane: np.ndarray, choices: _Choices) -> Steps[_Found]:
    seen = yield from _survey(plane, choices)
    objects = choices.objects if choices.objects != "auto" else _side(seen.side)
    sign = 1 if objects == "bright" else -1
    first = seen.bright if sign > 0 else ~seen.drawn.boxes & ~seen.bright
    counts = ~seen.drawn.any
    lower = None if seen.few else with_shells(sign * seen.grey, first, counts)
    if lower is not None:
        first = (sign * seen.grey > lower) & ~seen.drawn.boxes
    rough = typical_radius(first)
    radius = typical_radius(cleaned(first, rough)) or rough
    sigma = choices.sigma or blur_for(seen.plane, seen.grey, first, radius) / seen.scale
    radius /= seen.scale
    yield Progress(0, 0, "threshold")
    drawn = Annotations(*(enlarged(mask, plane.shape) for mask in seen.drawn))
    even, use = complete(plane, np.isfinite(plane) & ~drawn.any)
    if seen.surface is not None:
        even -= enlarged(seen.surface, plane.shape)
    even *= sign
    grey = blurred(even, sigma)
    if seen.few and first.any():
        level = local_level(grey, enlarged(first, plane.shape), use)
    else:
        level = otsu(grey[use])
    if lower is not None:
        level = otsu(grey[use & (grey <= level)])
    mask = (grey > level) & ~drawn.boxes & np.isfinite(plane)
    least = choices.least or least_area(radius)
    mask = cleaned(mask, radius, least)
    labels = yield from split_mask(mask, least=_RISE, share=choices.tolerance, min_size=int(least))
    if choices.tolerance < 1:
        labels, radius = yield from _at_gaps(even, labels, radius, choices, seen.scale)
    if choices.whole:
        labels = without_cut(labels)
    facts = {
        "objects": objects,
        "covered": round(float((labels > 0).mean()), 4),
        "typical_radius": round(radius, 2),
        "sigma": round(sigma, 2),
        "min_size": round(choices.least or least_area(radius)),
        "uneven": seen.surface is not None,
        "annotated": round(float(drawn.any.mean()), 4),
    }
    return _Found(labels.astype(np.int32), facts, seen.side)


def _at_gaps(
    even: np.ndarray, labels: np.ndarray, radius: float, choices: _Choices, scale: float
) -> Steps[tuple[np.ndarray, float]]:
    """Split at narrow gaps as well where that makes rounder parts; and their typical radius."""
    from skimage.segmentation import expand_labels

    yield Progress(0, 0, "gaps")
    mask = labels > 0
    apart = mask & ~gaps(blurred(even, _FINE / scale), mask, _GAP / scale)
    found = typical_radius(opened(apart, 1 / scale))
    if not 0 < found < 0.95 * radius:
        return labels, radius
    least = choices.least or least_area(found)
    apart = cleaned(apart, found, least)
    parts = yield from split_mask(apart, least=_RISE, share=choices.tolerance, min_size=int(least))
    if not are_rounder(parts, labels):
        return labels, radius
    return expand_labels(parts, _GAP / scale / 2) * mask, found
