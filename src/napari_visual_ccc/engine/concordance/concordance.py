"""Concordance: on which phases or particles the evidence for a class lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.inputs import finite, plane_of, require_non_negative, to_gray, validate_labels
from ...core.layers import ImageLayer, LabelsLayer, Layer
from ...core.pixel_size import PixelSize, Spacing, nanometres
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..classification.windows import Device, model_facts
from .cells import Cells, cells_of
from .findings import findings
from .shifts import chance_test

if TYPE_CHECKING:
    import pandas as pd

    from .occlusion import Effects
    from .shifts import ChanceTest

# the layer shows enrichment up to 16 and down to 1/16
_LARGEST_LOG = 4.0


def concordance(  # noqa: PLR0913
    heatmap: Any,
    labels: Any,
    image: Any = None,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    by: Literal["label", "object"] = "label",
    background: bool = True,
    names: str = "",
    threshold: Annotated[float, {"min": 0.05, "max": 1, "step": 0.05}] = 0.5,
    occluded: Annotated[int, {"min": 0, "max": 100}] = 8,
    target: str = "",
    model: Path | None = None,
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0,
    device: Device = "auto",
) -> Steps[Result]:
    """Test on which phases, clusters or particles the evidence for a class lies.

    The share of the evidence in each region is compared with its share of the area. The ratio, its
    enrichment, is tested against the same heatmap in other places: shifted over the image, rotated
    and mirrored, with what leaves the image entering at the opposite border (toroidal shifts;
    Lotwick & Silverman, J. R. Stat. Soc. B 44 (1982) 406). p is corrected for the number of regions
    by the largest deviation (maxT; Westfall & Young, Wiley 1993).

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
        Names of the labels from 1 on, separated by commas: ``matrix, precipitate``.
    threshold : float
        Fraction of the maximum from which on evidence counts for the overlap (IoU).
    occluded : int
        Number of regions, those with the most evidence, that are occluded one by one if the image
        is given. One takes about as long as a classification.
    target : str
        Explained class; empty: that of the heatmap.
    model : Path
        Model that is explained; by default that of the heatmap, otherwise the shipped model.
    seed : int
        Of the random shifts that are taken if there are more than 16 regions; of fewer, all shifts
        are.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        ``concordance``, one row a region, the most enriched first: ``label``, ``name``,
        ``area_px`` (or ``area_<unit>2``), ``share_of_area``, ``share_of_evidence``,
        ``enrichment``, ``chance_low`` and ``chance_high`` (the central 95 % of shifted heatmaps),
        ``p`` and ``p_corrected`` (two-sided), ``iou`` (intersection over union with the evidence
        above `threshold`) and, of occluded regions, ``effect``: the change of the class
        probability when the region is filled from its surroundings, computed at no more than 768
        input pixels. A layer of the logarithm to base 2 of the enrichment, and the objects where
        they are the regions. The first notes say what the table shows.

    Raises
    ------
    ValueError
        If the arrays differ in shape, there is no positive evidence or only one region, a name is
        missing, or the model does not know the class.
    RuntimeError
        If memory is full.
    """
    size = PixelSize.of(spacing, unit)
    heat, regions = _checked(heatmap, labels, by)
    cells = yield from cells_of(heat, regions, threshold=threshold, background=background)
    _require_regions(cells)
    test = yield from chance_test(cells, seed=seed)
    table = _table(cells, test, size, _named(cells, names, by))
    facts: dict[str, Any] = {"target": target, "regions": len(table), "shifts": test.count}
    facts["cell_px"] = cells.side
    notes: tuple[str, ...] = ()
    effects = None
    if image is not None and occluded:
        plane, notes = _plane_like(image, heat)
        effects = yield from _effects(
            plane, regions, cells, nanometres(spacing, unit), occluded, model, target, device
        )
        target = effects.target
        table["effect"] = table["label"].map(effects.by_label)
        facts |= {**model_facts(effects.model), "target": target, "probability": effects.before}
    layers: list[Layer] = [_enrichment_layer(cells, regions, heat)]
    if by == "object":
        layers.append(LabelsLayer(regions, name="objects"))
    negative = float(-np.minimum(heat, 0, where=np.isfinite(heat), out=np.zeros_like(heat)).sum())
    if negative:
        notes = (*notes, "negative evidence (against the class) was left out")
    return Result(
        tuple(layers),
        {"concordance": table},
        model={} if effects is None else effects.model.identity,
        target=target,
        facts=facts,
        notes=(*findings(table, target), *notes),
    )
