"""Segment Anything: masks of everything, or of what points, boxes and labels show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.filling import filled
from ...arrays.inputs import plane_of, to_gray
from ...arrays.lazy import in_memory
from ...core.layers import LabelsLayer, PointsLayer, ShapesLayer
from ...core.pixel_size import PixelSize, Spacing, diameter_of
from ...core.progress import Progress, Steps
from ...core.result import Result
from ...core.units import counted
from ...engine.classification.windows import Device
from ...engine.promptable.instances import label_layer, outline_layer
from ...engine.promptable.presets import PRESETS, Settings, settings

if TYPE_CHECKING:
    from ...engine.promptable.prompts import Prompt
    from ...nets.sam.mask import Mask

# objects of a threshold with fewer pixels are noise, and no prompts
_LEAST = 16

# prompts that a note names
_MOST = 10

_SHARE = {"min": 0, "max": 1, "step": 0.01}

_GRID = {"applies": {"prompts": (None,), "prompts_from": ("grid",)}}

_LAYERS = {"min": 0, "max": 3, "label": "Crop layers", **_GRID}

_FEWER = {"min": 1, "max": 8, "label": "Crop downscale", "applies": {"crop_n_layers": "given"}}


def sam_masks(  # noqa: PLR0913
    image: Any,
    prompts: Any = None,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    model: Annotated[Path | None, {"mode": "d", "hub": True}] = None,
    preset: Annotated[Literal["window", "batch", "custom"], {"presets": PRESETS}] = "window",
    points_per_side: Annotated[int | None, {"min": 1, "max": 256, **_GRID}] = None,
    points_per_batch: Annotated[int | None, {"min": 1, "max": 1024}] = None,
    pred_iou_thresh: Annotated[float | None, {**_SHARE, "label": "Predicted IoU"}] = None,
    stability_score_thresh: Annotated[float | None, {**_SHARE, "label": "Stability"}] = None,
    stability_score_offset: Annotated[
        float | None, {"min": 0, "max": 10, "step": 0.1, "label": "Stability offset"}
    ] = None,
    mask_threshold: Annotated[float | None, {"min": -10, "max": 10, "step": 0.1}] = None,
    crop_n_layers: Annotated[int | None, _LAYERS] = None,
    box_nms_thresh: Annotated[float | None, {**_SHARE, "label": "NMS of boxes"}] = None,
    crop_n_points_downscale_factor: Annotated[int | None, _FEWER] = None,
    min_mask_region_area: Annotated[
        int | None, {"min": 0, "max": 1_000_000, "label": "Minimum area", "unit": "px"}
    ] = None,
    use_m2m: Annotated[bool | None, {"label": "Refine (mask to mask)"}] = None,
    tile_size: Annotated[int | None, {"min": 0, "max": 100_000, "unit": "px"}] = None,
    prompts_from: Literal["grid", "threshold", "watershed", "centroids"] = "grid",
    largest_only: bool = False,
    merge: Literal["none", "overlap", "likeness"] = "none",
    outlines: bool = False,
    precision: Literal["fp32", "bf16", "fp16"] = "fp32",
    device: Device = "auto",
) -> Steps[Result]:
    """Segment everything, or prompted objects, with Segment Anything (SAM, SAM 2, SAM-HQ).

    Kirillov et al., ICCV 2023 (arXiv 2304.02643); Ravi et al., arXiv 2408.00714; Ke et al., NeurIPS
    2023. Without prompts a grid of points is set on the image, as the automatic mask generators of
    SAM and SAM 2 do. The weights of SAM 3's tracker load too; SAM 3 has no mode of its own for
    everything, and text prompts are not used.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype; what is not 8 bit is stretched between its 0.1 and
        99.9 percentiles. A stack is processed slice by slice (in the viewer: the current slice).
    prompts : layer of points, shapes or labels, optional
        One object each. Points: the feature ``label`` is positive or negative (1 or 0; without it
        all are positive); points with the same feature ``object`` belong to one object, without it
        each positive point is an object and negative ones hold for all. Shapes: the box around
        each. Labels: a rough mask of each object, which is refined. Every prompt keeps its mask.
    spacing : float or (y, x), optional
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    model : Path
        Folder of a model of transformers, or the name of one on the hub that has been fetched, such
        as facebook/sam2.1-hiera-small.
    preset : {'window', 'batch', 'custom'}
        Values of the parameters that are not given: those of the window or the batch script of
        Visual-CCC, see the documentation. The form shows the values for custom, and begins with
        those of the preset chosen before; elsewhere custom is window.
    points_per_side : int
        Points along each side of the grid.
    points_per_batch : int
        Prompts at a time: more need more memory. Without a GPU at most 4 are used.
    pred_iou_thresh : float
        Masks of the grid are kept whose predicted IoU is above it; 0 keeps all.
    stability_score_thresh : float
        Masks of the grid are kept whose stability is at least this; 0 keeps all.
    stability_score_offset : float
        Shift of the threshold of the logits, up and down, by which stability is measured.
    mask_threshold : float
        Logits above it belong to a mask.
    crop_n_layers : int
        Layers of crops on which the grid is set as well, 2 x 2, 4 x 4, ...: finds small objects.
    box_nms_thresh : float
        Of masks of the grid whose boxes have a higher IoU, only the best is kept.
    crop_n_points_downscale_factor : int
        The grid of each layer of crops has fewer points per side by this factor.
    min_mask_region_area : int
        Holes with fewer pixels are filled, parts with fewer are removed; 0 keeps all.
    use_m2m : bool
        Predict each mask again from its point and its first mask (mask to mask).
    tile_size : int
        Side in pixels of tiles that are segmented one by one and joined, for large images; 0: the
        whole image at once, which the model sees at 1024 pixels. A prompt that no tile holds is set
        on the whole image.
    prompts_from : {'grid', 'threshold', 'watershed', 'centroids'}
        Points of the prompts where no layer is given: a grid, or the middle of each object of an
        automatic threshold (Otsu), split by watershed or not: fewer, and on the objects. Centroids:
        of the objects of the labels that are given as prompts, instead of their masks.
    largest_only : bool
        Keep only the largest part of each mask.
    merge : {'none', 'overlap', 'likeness'}
        Overlap: remove masks that show an object again or are a group of others. Likeness: also
        merge masks that touch, have similar grey levels and texture, and no edge between them.
    outlines : bool
        Add the outlines as shapes.
    precision : {'fp32', 'bf16', 'fp16'}
        Precision of the network on CUDA; elsewhere it is fp32.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        ``masks``: (Y, X) int32 labels, small masks on top of large ones. The table has one row a
        mask: ``score`` (the predicted IoU), ``stability``, ``pixels`` and with a scale the area in
        `unit`² of the label, ``mask_pixels`` of the whole mask, and ``prompt``: the number of the
        point or shape, the label, or the value of ``object``.

    Raises
    ------
    ImportError
        If transformers is not installed.
    FileNotFoundError, ValueError
        If there is no such model, a prompt cannot be used, or no mask is found.
    RuntimeError
        If memory is full.
    """
    values = settings(
        preset,
        {name: value for name, value in locals().items() if name in Settings._fields},
    )
    grey, notes = to_gray(image)
    plane, known = filled(in_memory(plane_of(grey, "Segment Anything")))
    from ...engine.promptable import generate
    from ...nets import device as devices
    from ...nets.sam.model import load_sam

    yield Progress(0, 0, "model")
    sam = load_sam(model, devices.choose(device), precision)
    other = (f"{precision} is for CUDA: fp32 was used",) if precision != sam.precision else ()
    given, filtered = yield from _prompts(prompts, plane, prompts_from)
    masks = yield from generate.generate(
        sam, generate.to_rgb(plane), values, given, largest_only=largest_only, filtered=filtered
    )
    masks, gaps = _within(masks, known)
    masks, more = yield from _kept(masks, plane, merge, None if filtered else given)
    notes = (*notes, *other, *gaps, *_ignored(prompts, prompts_from), *more)
    facts = {
        "settings": values._asdict(), "prompts": "grid" if given is None else len(given),
        **sam.identity,
    }  # fmt: skip
    layer = label_layer(masks, (plane.shape[0], plane.shape[1]), PixelSize.of(spacing, unit))
    result = yield from _result(_with_names(layer, given), len(masks), outlines, notes)
    return replace(result, model=sam.identity, facts={**result.facts, **facts})


def _within(masks: list[Mask], known: np.ndarray | None) -> tuple[list[Mask], tuple[str, ...]]:
    """Masks without missing pixels, and a note on these."""
    if known is None:
        return masks, ()
    cut = [mask.changed(mask.pixels & known[mask.window]) for mask in masks]
    note = f"{(~known).mean():.2%} of the image is missing and has no label"
    return [mask for mask in cut if mask.area], (note,)


def _result(
    layer: LabelsLayer, masks: int, outlines: bool, notes: tuple[str, ...]
) -> Steps[Result]:
    shown = int(layer.data.max())
    layers: tuple[Any, ...] = (layer,)
    if outlines:
        layers = (layer, (yield from outline_layer(layer)))
    notes = (*notes, counted(shown, "mask"), *_covered(masks - shown))
    return Result(layers, facts={"masks": shown}, notes=notes)


def _with_names(layer: LabelsLayer, given: Sequence[Prompt] | None) -> LabelsLayer:
    """Name the prompts of the table as a person does."""
    if given is not None and layer.table is not None:
        layer.table["prompt"] = layer.table["prompt"].map({one.number: one.name for one in given})
    return layer


def _kept(
    masks: list[Mask], plane: np.ndarray, merge: str, shown: Sequence[Prompt] | None
) -> Steps[tuple[list[Mask], tuple[str, ...]]]:
    """Merged masks, and notes on the prompts that a person shows (None: there are none)."""
    _check_any(masks, filtered=shown is None)
    merged = yield from _merged(masks, plane, merge)
    yield Progress(0, 0, "labels")
    if shown is None:
        return merged, ()
    gone = len(masks) - len(merged)
    removed = (f"{counted(gone, 'mask')} removed or merged",) if gone else ()
    return merged, (*_of_each(shown, masks), *removed)


def _merged(masks: list[Mask], plane: np.ndarray, how: str) -> Steps[list[Mask]]:
    from ...engine.promptable.merge import merge_alike, without_duplicates

    if how != "none":
        masks = yield from without_duplicates(masks)
    if how == "likeness":
        masks = yield from merge_alike(masks, plane)
    return masks


def _check_any(masks: list[Mask], *, filtered: bool) -> None:
    if masks:
        return
    if filtered:
        raise ValueError(
            "no mask is good enough: lower pred_iou_thresh or stability_score_thresh, or give "
            "prompts"
        )
    raise ValueError(
        "no prompt gave a mask: lower mask_threshold or min_mask_region_area, or set other prompts"
    )


def _of_each(given: Sequence[Prompt], masks: Sequence[Mask]) -> tuple[str, ...]:
    """What a person should know of their prompts: those without a mask, and masks cut by tiles."""
    found, cut = ({m.prompt for m in masks if m.cut or every} for every in (True, False))
    lost = [str(one.name) for one in given if one.number not in found]
    ending = [str(one.name) for one in given if one.number in cut]
    notes = ((lost, "no mask"), (ending, "a mask that its tile may cut (enlarge tile_size)"))
    return tuple(f"{_named(names)} gave {what}" for names, what in notes if names)


def _named(names: list[str]) -> str:
    if len(names) == 1:
        return f"prompt {names[0]}"
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"prompts {', '.join(names[:_MOST])}{more}"


def _ignored(prompts: Any, source: str) -> tuple[str, ...]:
    """A note if the prompts that are given leave the choice of a source without use."""
    if prompts is None:
        return ()
    is_drawn = isinstance(prompts, (PointsLayer, ShapesLayer))
    if source in ("threshold", "watershed") or (source == "centroids" and is_drawn):
        return (f"prompts_from={source} was not used: prompts are given",)
    return ()


def _covered(count: int) -> tuple[str, ...]:
    return (f"{counted(count, 'mask')} covered by smaller ones and left out",) if count else ()


def _prompts(prompts: Any, plane: np.ndarray, source: str) -> Steps[tuple[Any, bool]]:
    """Prompts, None for a grid, and whether their masks must pass the thresholds."""
    from ...engine.promptable.prompts import prompts_of

    if prompts is not None:
        # what a person shows is an object
        return prompts_of(prompts, plane.shape, centroids=source == "centroids"), False
    if source == "grid":
        return None, True
    if source == "centroids":
        raise ValueError("prompts_from is centroids: choose a layer of labels as prompts")
    from ...engine.segmentation.objects import label_objects
    from ...engine.segmentation.threshold import threshold
    from ...engine.segmentation.watershed import watershed_split

    least = diameter_of(_LEAST)
    binary = yield from threshold(plane, min_diameter=least)
    if not np.asarray(binary).any():
        raise ValueError(
            f"the automatic threshold finds no object of {_LEAST} pixels or more: give prompts, or "
            "take prompts_from grid"
        )
    split = watershed_split if source == "watershed" else label_objects
    objects = yield from split(np.asarray(binary), min_diameter=least)
    return prompts_of(objects.labels, plane.shape, centroids=True), True
