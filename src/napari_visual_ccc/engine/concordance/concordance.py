"""Concordance: on which phases or particles the evidence for a class lies."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.filling import filled
from ...arrays.inputs import plane_of, require_non_negative, to_gray, validate_labels
from ...core.layers import ImageLayer, LabelsLayer, Layer
from ...core.pixel_size import PixelSize, Spacing, nanometres
from ...core.progress import Steps
from ...core.result import Result
from ..classification.windows import Device, model_facts
from .cells import Cells, cells_of
from .findings import findings
from .occlusion import Effects, occlusion_effects
from .shifts import chance_test

if TYPE_CHECKING:
    import pandas as pd

    from .shifts import ChanceTest

# the layer shows enrichment up to 16 and down to 1/16
_LARGEST_LOG = 4.0

# difference between the enrichment of pixels and of cells that is noted
_BLURRED = 0.1

# regions that a note names
_NAMED = 3

_NO_EVIDENCE = (
    "there is no positive evidence on the compared pixels; choose a heatmap made by explain, of a "
    "class for which the image has evidence"
)

_OCCLUDED = {"min": 0, "max": 100, "label": "Occluded regions", "applies": {"image": "given"}}


def concordance(  # noqa: PLR0913
    heatmap: Any,
    labels: Any,
    image: Any = None,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    by: Literal["label", "object"] = "label",
    background: bool = True,
    names: Annotated[str, {"applies": {"by": ("label",)}}] = "",
    threshold: Annotated[
        float, {"min": 0.05, "max": 1, "step": 0.05, "label": "Threshold (IoU)"}
    ] = 0.5,
    occluded: Annotated[int, _OCCLUDED] = 8,
    target: str = "",
    model: Path | None = None,
    device: Device = "auto",
) -> Steps[Result]:
    """Test on which phases, clusters or particles the evidence for a class lies.

    The share of the evidence in each region is compared with its share of the area. The ratio, its
    enrichment, is tested against the same heatmap in other places: continued by mirroring at its
    borders, then shifted, rotated and mirrored over the regions (toroidal shifts; Lotwick &
    Silverman, J. R. Stat. Soc. B 44 (1982) 406). p is corrected for the number of regions
    by permutation (Westfall & Young, Wiley 1993). Up to 16 regions are tested by all shifts of a
    grid of at most 256 cells per side and the least p of all regions (minP), more by 1,999 of them
    and the largest deviation (maxT).

    Parameters
    ----------
    heatmap : (Y, X) array
        Heatmap of `explain`. Negative values, evidence against the class, count as none; pixels
        that are not finite, such as an info bar, are not compared. A stack is processed slice by
        slice (in the viewer: the current slice).
    labels : (Y, X) integer array
        Phases, clusters or particles of the same micrograph.
    image : (Y, X) array
        The micrograph, to occlude regions: grey or colour, any real dtype.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    by : {'label', 'object'}
        A region is all pixels of a label (a phase, a cluster, a separated particle), or each
        connected part of it.
    background : bool
        Label 0 is a region too. Off: its pixels are not compared, and evidence on them does not
        count.
    names : str
        Names of the labels from 1 on, separated by commas: ``matrix, precipitate``. Each
        name once.
    threshold : float
        Fraction of the maximum from which on evidence counts for the overlap (IoU).
    occluded : int
        Number of regions, those with the most evidence, that are occluded one by one if the image
        is given. One takes about as long as a classification.
    target : str
        Explained class; empty: that of the heatmap. Where a heatmap does not state it, as a plain
        array, regions are occluded for the predicted class.
    model : Path
        Model that is explained; by default that of the heatmap, otherwise the shipped model.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        ``concordance``, one row a region, the most enriched first: ``label``, ``name``,
        ``area_px`` (or ``area_<unit>2``), ``share_of_area``, ``share_of_evidence``,
        ``enrichment``, ``chance_low`` and ``chance_high`` (95 % of shifted heatmaps are between),
        ``p`` and ``p_corrected`` (two-sided), ``iou`` (intersection over union with the evidence
        above `threshold`) and, of occluded regions, ``effect``: the change of the score of the
        class when the region is filled from its surroundings; NaN where nearly nothing is left
        around it. It is of one view of the whole image at no more than 768 input pixels, not of
        `classify`. A layer of the logarithm to base 2
        of the enrichment, and the objects where they are the regions. The first notes say what the
        table shows.

    Raises
    ------
    ValueError
        If the arrays differ in shape, there is no positive evidence or only one region, a name is
        missing or given twice, or the model does not know the class.
    RuntimeError
        If memory is full.
    """
    size = PixelSize.of(spacing, unit)
    heat, regions = _checked(heatmap, labels, by)
    plane, heat, of_image = _plane_like(image, heat)
    # without the rows and columns that were not explained: a shift would move them over regions
    frame = _frame(heat)
    cells = yield from cells_of(
        heat[frame], regions[frame], threshold=threshold, background=background
    )
    _require_regions(cells)
    called = _named(cells, names, by)
    test = yield from chance_test(cells)
    table = _table(cells, test, size, called)
    facts: dict[str, Any] = {"target": target, "regions": len(table), "shifts": test.count}
    facts["cell_px"] = cells.side
    notes = (*_test_notes(cells, test, called), *of_image)
    effects = None
    if plane is not None and occluded:
        most = table.sort_values("share_of_evidence", ascending=False)["label"][:occluded].tolist()
        effects = yield from occlusion_effects(
            plane[frame],
            [functools.partial(np.equal, regions[frame], label) for label in most],
            nanometres(spacing, unit),
            model=model,
            target=target,
            device=device,
        )
        table["effect"] = table["label"].map(dict(zip(most, effects.changes, strict=True)))
        notes = (*notes, *_effect_notes(effects, table, most, target))
        facts |= {**model_facts(effects.model), "score_of_view": effects.before}
    layers: list[Layer] = [_enrichment_layer(cells, regions, heat)]
    if by == "object":
        layers.append(LabelsLayer(regions, name="objects"))
    found = findings(table, target)
    return Result(
        tuple(layers),
        {"concordance": table},
        model={} if effects is None else effects.model.identity,
        target=target,
        facts={**facts, "findings": list(found)},
        notes=(*found, *notes, *_heatmap_notes(heat)),
    )


def _checked(heatmap: Any, labels: Any, by: str) -> tuple[np.ndarray, np.ndarray]:
    """Heatmap as floats, and the regions to compare."""
    if by not in ("label", "object"):
        raise ValueError(f"by is {by!r}; choose label or object")
    heat = np.asarray(plane_of(np.asarray(heatmap), "concordance"))
    if heat.dtype.kind not in "biuf":
        raise ValueError(f"the heatmap is of type {heat.dtype}; real numbers are needed")
    heat = heat if heat.dtype.kind == "f" else heat.astype(np.float32)
    regions = require_non_negative(np.asarray(validate_labels(labels)))
    if not np.isfinite(heat).any():
        raise ValueError(_NO_EVIDENCE)
    if regions.shape != heat.shape:
        raise ValueError(
            f"labels have shape {regions.shape}, the heatmap {heat.shape}: choose those of one "
            "micrograph"
        )
    regions = regions.astype(np.uint8) if regions.dtype == bool else regions
    if by == "object":
        from skimage.measure import label

        frame, whole = _frame(heat), np.zeros(regions.shape, np.int32)
        whole[frame] = label(regions[frame], background=0, connectivity=2)
        regions = whole
    return heat, regions


def _heatmap_notes(heat: np.ndarray) -> tuple[str, ...]:
    notes = []
    known = heat[np.isfinite(heat)]
    if known.min() < 0:
        notes.append("negative evidence (against the class) was left out")
    if known.max() > 1 + 1e-6:
        notes.append(f"the heatmap reaches {known.max():.4g}, those of explain at most 1: "
                     "check that it is no micrograph")  # fmt: skip
    return tuple(notes)


def _test_notes(cells: Cells, test: ChanceTest, called: list[str]) -> tuple[str, ...]:
    """Where the test compares less, or something coarser, than the table says."""
    notes = []
    if test.count < test.tried / 2:
        notes.append(
            f"only {test.count:,} of {test.tried:,} positions of the heatmap keep all regions on "
            "explained pixels: p is approximate"
        )
    exact, coarse = cells.enrichment, test.observed
    apart = np.abs(coarse - exact) > _BLURRED * np.maximum(coarse, exact)
    if apart.any():
        blurred = ", ".join(
            f"{called[k]} ({coarse[k]:.2g} instead of {exact[k]:.2g})"
            for k in np.flatnonzero(apart)[:_NAMED]
        )
        more = apart.sum() - _NAMED
        notes.append(
            f"p and the range of chance are of cells of {cells.side} px, on which the enrichment "
            f"is another one: {blurred}" + (f" and {more} more" if more > 0 else "")
        )
    return tuple(notes)


def _effect_notes(
    effects: Effects, table: pd.DataFrame, occluded: list[int], target: str
) -> tuple[str, ...]:
    notes = []
    whole = table[table["label"].isin(occluded) & table["effect"].isna()]["name"].tolist()
    if whole:
        more = f" and {len(whole) - _NAMED} more" if len(whole) > _NAMED else ""
        notes.append(
            f"no effect is given of {', '.join(whole[:_NAMED])}{more}: filled with a rim of 2 px, "
            "nearly the whole image is covered"
        )
    if not target:
        notes.append(
            f"the heatmap does not state its class: {effects.target} was assumed, "
            f"{effects.assumed}, to occlude regions"
        )
    return tuple(notes)


def _require_regions(cells: Cells) -> None:
    if not cells.evidence.sum() > 0:
        raise ValueError(_NO_EVIDENCE)
    if len(cells.labels) < 2:
        raise ValueError(
            f"labels hold {len(cells.labels)} region: at least two are compared; segment the "
            "image, or include the background"
        )


def _named(cells: Cells, names: str, by: str) -> list[str]:
    """Name of each region."""
    given = [name.strip() for name in names.split(",")] if names.strip() else []
    highest = int(cells.labels.max())
    if given and by == "label" and len(given) < highest:
        raise ValueError(f"{len(given)} names are given, but labels reach {highest}: name each")
    known = dict(enumerate(given, start=1)) if by == "label" else {}
    what = "label" if by == "label" else "object"
    called = [
        "background" if label == 0 else known.get(label, f"{what} {label}")
        for label in cells.labels.tolist()
    ]
    twice = [name for name in called if called.count(name) > 1] if given else []
    if twice:
        raise ValueError(f"the name {twice[0]!r} is given twice: give each label its own")
    return called


def _table(
    cells: Cells, test: ChanceTest, size: PixelSize | None, names: list[str]
) -> pd.DataFrame:
    import pandas as pd

    area = (
        {"area_px": cells.area.astype(int)}
        if size is None
        else {size.extent_column: cells.area * size.extent}
    )
    columns = {
        "label": cells.labels.astype(int),
        "name": names,
        **area,
        "share_of_area": cells.share_of_area,
        "share_of_evidence": cells.share_of_evidence,
        "enrichment": cells.enrichment,
        "chance_low": test.low,
        "chance_high": test.high,
        "p": test.p,
        "p_corrected": test.p_corrected,
        "iou": cells.overlap,
    }
    table = pd.DataFrame(columns)
    return table.sort_values("enrichment", ascending=False, kind="stable", ignore_index=True)


def _plane_like(
    image: Any, heat: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray, tuple[str, ...]]:
    """Image of the heatmap, the heatmap without what the image lacks, and notes."""
    if image is None:
        return None, heat, ()
    grey, notes = to_gray(image)
    plane, known = filled(np.asarray(plane_of(grey, "concordance")))
    if plane.shape != heat.shape:
        raise ValueError(
            f"the image has shape {plane.shape}, the heatmap {heat.shape}: choose the image that "
            "was explained"
        )
    if known is None:
        return plane, heat, notes
    heat = np.where(known, heat, np.nan).astype(heat.dtype)
    if not np.isfinite(heat).any():
        raise ValueError(_NO_EVIDENCE)
    return plane, heat, (*notes, f"{(~known).mean():.2%} of the image is missing: not compared")


def _frame(heat: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the heatmap without those that were not explained, as an info bar."""
    there = np.isfinite(heat)
    ends = [np.flatnonzero(there.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    rows, columns = (slice(int(first), int(last) + 1) for first, last in ends)
    return rows, columns


def _enrichment_layer(cells: Cells, regions: np.ndarray, heat: np.ndarray) -> ImageLayer:
    with np.errstate(divide="ignore"):
        values = np.log2(cells.enrichment)
    limit = float(np.clip(np.abs(values[np.isfinite(values)]).max(initial=1.0), 1, _LARGEST_LOG))
    shown = np.full(regions.shape, np.nan, np.float32)
    place = np.minimum(np.searchsorted(cells.labels, regions), len(values) - 1)
    compared = (cells.labels[place] == regions) & np.isfinite(heat)
    shown[compared] = np.clip(values, -limit, limit)[place[compared]]
    return ImageLayer(
        shown, style="signed", limits=(-limit, limit), name="enrichment (log2)",
        quantity="log2 (evidence share / area share)",
    )  # fmt: skip
