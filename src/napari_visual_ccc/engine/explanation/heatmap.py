"""Heatmaps: evidence scaled to a layer, and its regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.filling import known_everywhere
from ...arrays.lazy import in_memory, is_lazy
from ...core.layers import ImageLayer, LabelsLayer
from ...core.pixel_size import MinDiameter, PixelSize, kept_pixels
from ...core.progress import Progress, Steps, in_part
from ...core.result import Prediction, Result

if TYPE_CHECKING:
    from .explainer import Explainer
    from .weights import Target

Smooth = Literal["auto", "on", "off"]

# multiplications of a network in a second on two cores: a forecast, so that a choice does not
# depend on the machine; and what methods need that differentiate all layers, relative to a pass
_IN_A_SECOND, _ALL_LAYERS = 2e10, 3

# one pass for each channel
_SLOW = ("scorecam", "ablationcam")

# the same map where scores are the mean over the cells of the last maps
_ALIKE = ("gradcam", "hirescam", "xgradcam")

# relative height of a map below which it is rounding error
_ROUNDING = 1e-6


def evidence_regions(
    heatmap: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    threshold: Annotated[float, {"min": 0.05, "max": 1, "step": 0.05}] = 0.5,
    min_diameter: MinDiameter = 0.0,
) -> Steps[Result]:
    """Label the regions of a heatmap above a threshold.

    Parameters
    ----------
    heatmap : (..., Y, X) array
        Heatmap of `explain`. Slices of a stack are labelled one by one.
    spacing : (y, x), optional
        Pixel size.
    unit : str
        Unit of `spacing`.
    threshold : float
        Fraction of the maximum of the image or stack.
    min_diameter : float
        Smaller regions are left out: diameter of a circle of the same area, in the unit of the
        pixel size, or in pixels without one. 0: regions of fewer than 20 pixels.

    Returns
    -------
    Result
        Labels (8-connectivity), with a table of area, mean and maximum of the evidence, and share
        of the total evidence.

    Raises
    ------
    ValueError
        If the threshold or the diameter is out of range, or the heatmap has nothing positive.
    """
    import pandas as pd
    from skimage.measure import label, regionprops_table

    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; choose above 0 to 1")
    values = in_memory(heatmap)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"a heatmap is an array of numbers, not {type(heatmap).__name__}")
    values = values.astype(np.float64)
    # missing pixels: an infinite one has no share
    values[~np.isfinite(values)] = 0
    if values.ndim < 2 or not values.size or values.max() <= 0:
        raise ValueError("this image has no positive evidence; choose a heatmap made by Explain")
    least = kept_pixels(min_diameter, PixelSize.of(spacing, unit), 20)
    yield Progress(0, 1, "regions")
    labels, count = np.zeros(values.shape, np.int32), 0
    for index in np.ndindex(values.shape[:-2]):
        regions = label(values[index] >= threshold * values.max(), connectivity=2)
        if least > 1:
            regions = label(_large(regions, least), connectivity=2)
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


def _large(labels: np.ndarray, least: int) -> np.ndarray:
    counts = np.bincount(labels.ravel())
    keep = counts >= least
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
        Evidence at every pixel, NaN where pixels are missing; numpy, or lazy dask.
    strongest : float
        Of the cells, before they were interpolated.
    title : str
        Of the layer.
    signed : bool
        Keep evidence against the class.
    target : str
        The class.
    prediction : Prediction
        From `explain.start_explanation`.
    notes : tuple of str
        Remarks on the result.
    scale : float
        Divisor that several heatmaps share; 0 takes the maximum of this one.
    """
    fine = fine if signed else np.maximum(fine, 0)
    peak = float(np.nanmax(np.abs(fine)))
    height = strongest if peak > _ROUNDING * strongest else 0.0
    if height == 0:
        # missing pixels stay without a value
        fine = fine * 0
        notes = (*notes, f"no evidence for {target} in this image: the map is empty")
    elif scale or peak:
        fine = fine / (scale or peak)
    own = {"target": target, "raw_maximum": height}
    layer = ImageLayer(
        fine.astype(np.float32),
        style="signed" if signed else "heat",
        limits=(-1.0, 1.0) if signed else (0.0, 1.0),
        name=title,
        quantity="evidence, share of the maximum",
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
            "probabilities" if prediction.means == "probability" else "scores_of_view": dict(
                zip(prediction.classes, prediction.probabilities.tolist(), strict=True)
            ),
        },
        notes=notes,
    )


def without_gaps(fine: Any, plane: Any) -> Any:
    """Evidence, NaN where pixels of the image are missing: nothing was seen there."""
    if plane.dtype.kind != "f":
        return fine
    if is_lazy(plane):
        import dask.array as da

        return da.where(da.isfinite(plane), fine, np.nan)
    known = known_everywhere(plane)
    return fine if known is None else np.where(known, fine, np.nan)


def views_of(explainer: Explainer, method: str, smooth: Smooth) -> int:
    """Number of rotated and mirrored views that a map is the mean of: 8 or 1."""
    if smooth != "auto":
        return 8 if smooth == "on" else 1
    if is_lazy(explainer.image) or method in _SLOW:
        return 1
    times = _ALL_LAYERS if explainer.layer or method == "fullgrad" else 1
    needed = 8 * times * explainer.input_pixels * explainer.multiplications
    return 8 if needed <= _IN_A_SECOND else 1


def view_note(views: int, smooth: Smooth) -> tuple[str, ...]:
    """Say what a map is the mean of."""
    if views > 1:
        return ("the map is the mean over eight rotated and mirrored views",)
    if smooth == "off":
        return ()
    return (
        "the map is of one view (eight take longer than a second): a mirrored image has another "
        "map; smooth 'on' takes the mean",
    )


def same_maps(explainer: Explainer, methods: Sequence[str]) -> tuple[str, ...]:
    """Say which methods are the same map with this network."""
    mine = [one for one in methods if one in _ALIKE]
    if not mine or not explainer.is_mean_of_cells():
        return ()
    return (
        "Grad-CAM, HiResCAM and XGrad-CAM are the same map here: the network ends in a mean over "
        "its last maps and a linear layer",
    )


def evidence(
    explainer: Explainer, target: Target, method: str, smooth: bool = False
) -> Steps[tuple[Any, float]]:
    """Compute a map by `Explainer.explain`, or its mean over eight views of the image."""
    from ...nets.inference import user_message

    while True:
        try:
            return (yield from _evidence(explainer, target, method, smooth))
        except (RuntimeError, MemoryError) as error:
            if not explainer.fall_back_to_cpu(error):
                raise user_message(error, explainer.model.device) from error
        yield Progress(0, 0, explainer.notes[-1])


def _evidence(
    explainer: Explainer, target: Target, method: str, smooth: bool
) -> Steps[tuple[Any, float]]:
    if not smooth:
        return (yield from explainer.explain(target, method))
    if is_lazy(explainer.image):
        raise ValueError(
            "the image is too large for smooth, which rotates it as a whole; leave it out"
        )
    total, height = np.zeros(explainer.shape), 0.0
    for kind in range(8):
        turned = np.rot90(explainer.image, kind % 4, (-2, -1))
        # a copy: views of one row or column keep strides that torch does not take
        view = explainer.for_image((turned[..., ::-1] if kind >= 4 else turned).copy())
        steps = view.explain(target, method)
        fine, high = yield from in_part(steps, kind / 8, (kind + 1) / 8, f"view {kind + 1} of 8")
        fine = fine[:, ::-1] if kind >= 4 else fine
        total += np.rot90(fine, -(kind % 4))
        height = max(height, high)
    return total / 8, height
