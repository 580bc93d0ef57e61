"""Particles of a micrograph with parameters that follow from the particles found."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.inputs import to_gray
from ...arrays.lazy import in_memory, is_lazy
from ...arrays.volumes import parts
from ...core.layers import LabelsLayer
from ...core.pixel_size import MinDiameter, PixelSize, Spacing, pixel_shape
from ...core.progress import Progress, Steps, run
from ...core.result import Result
from ...core.units import counted
from .objects import object_table
from .plane.first_pass import Choices, squared, survey
from .plane.levels import Clarity
from .plane.sides import bright_or_dark
from .plane.single import Found, find
from .side import mean_evidence, sampled_slices, side_facts, side_notes


def particles(  # noqa: PLR0913
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    objects: Literal["auto", "bright", "dark"] = "auto",
    min_diameter: MinDiameter = 0.0,
    border: Literal["keep", "remove"] = "keep",
    tolerance: Annotated[float, {"min": 0.0, "max": 1.0, "step": 0.05, "more": True}] = 0.15,
    blur: Annotated[
        float, {"min": 0.0, "max": 20.0, "step": 0.5, "unit": "px", "more": True}
    ] = 0.0,
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
        Smaller particles are dropped: diameter of a circle of the same area, in the unit of the
        pixel size, or in pixels without one. 0: 0.3 of the typical diameter, and 0.15 for
        particles that stand out of noise.
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
        number and side, the evidence for it, whether it is doubtful, whether anything stands out
        of noise (`slope` at outlines by that of the image, share of the variance `between` the
        classes), covered share, typical radius, blur, smallest area, and what was ignored and
        evened out; for a stack lists.
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
    choices = Choices(
        objects, np.pi / 4 * min_diameter**2 / extent, blur, tolerance,
        background == "auto", annotations == "ignore", border == "remove", pixel_shape(pixel_size),
    )  # fmt: skip
    if (grey.ndim > 2 or is_lazy(grey)) and objects == "auto":
        side, clear = yield from _side_of_stack(grey, choices)
        choices = choices._replace(objects=bright_or_dark(side))
    else:
        side, clear = {}, []
    if is_lazy(grey):
        return _lazily(grey, choices, (*notes, *side_notes(side), *_noise_notes(clear)))
    return (yield from _at_once(grey, choices, side, pixel_size, notes))


def _noise_notes(clear: list[Clarity]) -> tuple[str, ...]:
    noise = [one for one in clear if one.noise]
    if not noise:
        return ()
    where = f" in {len(noise)} of {len(clear)} slices" if len(clear) > 1 else ""
    return (
        f"doubtful: nothing stands out of the noise{where}: outlines are {noise[0].slope:.2f} times"
        " as steep as the image (noise about 1.3, particles above 1.8), and"
        f" {noise[0].between:.2f} of the variance lies between the classes (noise 0.64)",
    )


def _at_once(
    grey: np.ndarray,
    choices: Choices,
    side: dict[str, float],
    pixel_size: PixelSize | None,
    notes: tuple[str, ...],
) -> Steps[Result]:
    labels = np.zeros(grey.shape, np.int32)
    every: list[Found | None] = []
    sizes = [np.zeros(0, np.int64)]
    count, first, bare = 0, None, 0
    for index, plane in parts(grey, 2):
        try:
            found = yield from find(plane, choices)
        except ValueError as error:
            first, bare = first or error, bare + 1
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
    unclear = _noise_notes([found.clarity for found in given])
    facts["stands_out"] = not unclear
    if side:
        facts |= side_facts(side)
        facts["doubtful"] |= bool(unclear)
    for name in list(given[0].facts)[1:]:
        values = [None if found is None else found.facts[name] for found in every]
        facts[name] = values if grey.ndim > 2 else values[0]
    notes = (*notes, *side_notes(side), *unclear, *_plane_notes(given))
    if bare:
        notes += (f"{bare} of {len(every)} slices hold no particles: {first}",)
    notes += (counted(count, "particle"),)
    table = object_table(np.concatenate(sizes), pixel_size)
    layer = LabelsLayer(labels, table=table, name="particles")
    return Result((layer,), facts=facts, notes=notes)


def _plane_notes(found: list[Found]) -> tuple[str, ...]:
    evened = any(one.facts["uneven"] for one in found)
    drawn = max(one.facts["annotated"] for one in found)
    cut = sum(one.facts["cut_by_gaps"] for one in found)
    beside = f"{counted(cut, 'particle')} {'touches' if cut == 1 else 'touch'}"
    return (
        *(["the background is uneven: a surface was subtracted"] if evened else []),
        *([f"lettering on {drawn:.1%} of the image is ignored"] if drawn else []),
        *([f"{beside} missing pixels: a gap may divide one"] if cut else []),
    )


def _lazily(grey: Any, choices: Choices, notes: tuple[str, ...]) -> Result:
    import dask.array as da

    leading, plane = grey.shape[:-2], grey.shape[-2:]
    # no two particles share a side
    most = int(np.prod(plane)) // 2 + 1
    dtype = np.int32 if most * int(np.prod(leading)) < np.iinfo(np.int32).max else np.int64
    chunks = (*([1] * len(leading)), *([-1] * 2))

    def block(chunk: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        try:
            labels: Any = run(find(chunk.reshape(plane), choices)).labels.astype(dtype)
        except ValueError:
            return np.zeros(chunk.shape, dtype)
        number = int(np.ravel_multi_index(block_id[: len(leading)], leading)) if leading else 0
        return np.where(labels > 0, labels + number * most, 0).reshape(chunk.shape)

    meta = np.empty((0,) * grey.ndim, dtype)
    labels = da.map_blocks(block, grey.rechunk(chunks), dtype=dtype, meta=meta)
    note = "particles are found on demand: run the region table to measure them"
    return Result((LabelsLayer(labels, name="particles"),), notes=(*notes, note))


def _side_of_stack(grey: Any, choices: Choices) -> Steps[tuple[dict[str, float], list[Clarity]]]:
    """Mean evidence of some slices, and how far they stand out of noise."""
    chosen = sampled_slices(grey.shape)
    found: list[dict[str, float]] = []
    clear: list[Clarity] = []
    first = None
    for done, index in enumerate(chosen):
        yield Progress(done, len(chosen), "side")
        try:
            seen = yield from survey(*squared(in_memory(grey[index]), choices)[:2])
            found.append(seen.side)
            clear.append(seen.clarity)
        except ValueError as error:
            first = first or error
    if not found:
        assert first is not None
        raise first
    return mean_evidence(found), clear
