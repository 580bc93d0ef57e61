"""Heatmaps: evidence scaled to a layer, and its regions."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from ...core.layers import ImageLayer, LabelsLayer
from ...core.progress import Progress, Steps
from ...core.result import Prediction, Result

# relative height of a map below which it is rounding error
_ROUNDING = 1e-6


def evidence_regions(
    heatmap: Any,
    *,
    threshold: Annotated[float, {"min": 0.05, "max": 1, "step": 0.05}] = 0.5,
    min_size: Annotated[int, {"min": 0, "max": 100_000}] = 20,
) -> Steps[Result]:
    """Label the regions of a heatmap above a threshold.

    Parameters
    ----------
    heatmap : (..., Y, X) array
        Heatmap of `explain`. Slices of a stack are labelled one by one.
    threshold : float
        Fraction of the maximum of the image or stack.
    min_size : int
        Smaller regions, in pixels, are left out.

    Returns
    -------
    Result
        Labels (8-connectivity), with a table of area, mean and maximum of the evidence, and share
        of the total evidence.

    Raises
    ------
    ValueError
        If the threshold is out of range or the heatmap has nothing positive.
    """
    import pandas as pd
    from skimage.measure import label, regionprops_table

    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; choose above 0 to 1")
    values = np.nan_to_num(np.asarray(heatmap, np.float64))
    if values.ndim < 2 or not values.size or values.max() <= 0:
        raise ValueError("this image has no positive evidence; choose a heatmap made by Explain")
    yield Progress(0, 1, "regions")
    labels, count = np.zeros(values.shape, np.int32), 0
    for index in np.ndindex(values.shape[:-2]):
        regions = label(values[index] >= threshold * values.max(), connectivity=2)
        if min_size > 1:
            regions = label(_large(regions, min_size), connectivity=2)
        labels[index] = np.where(regions > 0, regions + count, 0)
        count += int(regions.max())
    wanted = ("label", "area", "intensity_mean", "intensity_max")
    planes = (-1, *values.shape[-2:])
    table = pd.DataFrame(
        regionprops_table(labels.reshape(planes), values.reshape(planes), properties=wanted)
    )
    total = values[values > 0].sum()
    table["share_of_evidence"] = table["area"] * table["intensity_mean"] / total
    table = table.rename(
        columns={"area": "area_px", "intensity_mean": "mean", "intensity_max": "highest"}
    )
    return Result(
        (LabelsLayer(labels, table=table, name="evidence"),),
        facts={"regions": len(table), "share_of_evidence": float(table["share_of_evidence"].sum())},
    )


def _large(labels: np.ndarray, min_size: int) -> np.ndarray:
    counts = np.bincount(labels.ravel())
    keep = counts >= min_size
    keep[0] = False
    return keep[labels]


def heatmap(
    fine: Any,
    strongest: float,
    title: str,
    signed: bool,
    target: str,
    prediction: Prediction,
    notes: tuple[str, ...],
    scale: float = 0.0,
) -> Result:
    """Scale evidence to a heatmap.

    Parameters
    ----------
    fine : (Y, X) array
        Evidence at every pixel; numpy, or lazy dask.
    strongest : float
        Of the cells, before they were interpolated.
    title : str
        Of the layer.
    signed : bool
        Keep evidence against the class.
    target : str
        The class.
    prediction : Prediction
        Of the whole image.
    notes : tuple of str
        Remarks on the result.
    scale : float
        Divisor that several heatmaps share; 0 takes the maximum of this one.
    """
    fine = fine if signed else np.maximum(fine, 0)
    peak = float(np.abs(fine).max())
    height = strongest if peak > _ROUNDING * strongest else 0.0
    if height == 0:
        fine = np.zeros_like(fine)
        notes = (*notes, f"no evidence for {target} in this image: the map is empty")
    elif scale or peak:
        fine = fine / (scale or peak)
    own = {"target": target, "raw_maximum": height}
    layer = ImageLayer(
        fine.astype(np.float32),
        style="signed" if signed else "heat",
        limits=(-1.0, 1.0) if signed else (0.0, 1.0),
        name=title,
        facts={**own, "model_path": prediction.model.get("path", "")},
    )
    return Result(
        (layer,),
        prediction.tables,
        target=target,
        prediction=prediction,
        facts={
            **own,
            **{key: prediction.facts[key] for key in ("model", "model_hash", "device")},
            "unknown": prediction.unknown,
            "probabilities": dict(
                zip(prediction.classes, prediction.probabilities.tolist(), strict=True)
            ),
        },
        notes=notes,
    )
