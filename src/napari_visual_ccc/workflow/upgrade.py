"""Records of earlier versions with the names of this one, so that they can be replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ..core.pixel_size import diameter_of, pixel_side
from ..core.units import ratio
from .operations import OPERATIONS
from .signature import parameters as parameters_of


class Renamed(NamedTuple):
    """An operation of version 0.1.0 in the names of this version.

    Parameters
    ----------
    name : str
        Its name now.
    parameters : mapping
        Old name of a parameter → its name now, or (name now, {old value: value now}).
    extra : mapping
        Parameters that did not exist, with the values that reproduce the old result.
    layers : mapping
        Old name of a layer of the result → its name now.
    missing : mapping
        Parameters that are newer than the step, if it lacks them, with the values that reproduce
        its result: a record has every parameter of its time.
    """

    name: str
    parameters: Mapping[str, str | tuple[str, dict[str, Any]]] = MappingProxyType({})
    extra: Mapping[str, Any] = MappingProxyType({})
    layers: Mapping[str, str] = MappingProxyType({})
    missing: Mapping[str, Any] = MappingProxyType({})


# operations that had the smallest object in pixels, and have its diameter now
_DIAMETER = ("threshold", "label_objects", "watershed_split", "region_table")

# those of maps: 0 is a number of pixels now
_OF_MAPS = ("evidence_regions", "find_similar", "anomaly_map")

_FIND = {"find": ("find", {"by hand": "manual"})}

# the class at the border was background; later the sides were weighed by another name
_SIDE = {"objects": ("objects", {"auto": "border", "evidence": "auto"})}

# the bar was shown to every model
_BAR = {"bar": ("bar", {"auto": "include"})}

_PREDICTED = {"confidence": "coverage", "turns": "tta"}

# operations of version 0.1.0 that have another name or other parameters now
CHANGED = {
    "quality": Renamed("image_quality"),
    "background": Renamed("subtract_background"),
    "denoise": Renamed("denoise", missing={"cautious": False}),
    "destripe": Renamed("destripe", {"widest": "max_width", "shortest": "min_length"}),
    "align": Renamed(
        "align_stack",
        {"to": ("reference", {"the slice before": "previous", "the first slice": "first"})},
    ),
    "info_bar": Renamed("detect_info_bar", _FIND, layers={"label bar": "info bar"}),
    "crop_bar": Renamed("crop_info_bar", _FIND),
    "otsu": Renamed("threshold", _SIDE, {"method": "otsu", "objects": "border"}),
    "threshold": Renamed("threshold", _SIDE),
    "watershed_split": Renamed("watershed_split"),
    "number_objects": Renamed("label_objects"),
    "glcm": Renamed("glcm_features"),
    "kmeans": Renamed("kmeans", missing={"sigma": 0.0}),
    "concordance_folder": Renamed("concordance_folder", missing={"sigma": 0.0}),
    "target_cluster": Renamed("select_cluster"),
    "evidence_regions": Renamed("evidence_regions"),
    "classify": Renamed("classify", _PREDICTED, missing={"mark_unknown": False}),
    "compare": Renamed("compare", missing={"smooth": "off"}),
    "classify_folder": Renamed("classify_folder", _PREDICTED),
    "evaluate": Renamed("evaluate", {"turns": "tta"}),
    "examine": Renamed("audit_dataset"),
    "quality_folder": Renamed("image_quality_folder"),
    "train": Renamed("train", {"balance": "class_weights"}),
    "trust": Renamed("cam_sanity_checks"),
    "shortcuts": Renamed("detect_shortcuts", _BAR),
    "detect_shortcuts": Renamed("detect_shortcuts", _BAR),
    "cover": Renamed("occlude"),
    "region_table": Renamed("region_table"),
}


def upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Rename operations, parameters and outputs of a record to those of this version.

    Inputs stay: they are names that the user's layers and files had.

    Parameters
    ----------
    record : mapping
        With a list of ``steps``; of this version or an earlier one.
    """
    renamed = {**record, "steps": [_step(step) for step in record["steps"]]}
    last = _changed(record["steps"][-1]) if record["steps"] else None
    return renamed if last is None else _with_output(renamed, last)


def _step(step: Any) -> Any:
    if not isinstance(step, Mapping):
        return step
    step = {key: value for key, value in step.items() if value is not None}
    old = _changed(step)
    parameters = step.get("parameters", {})
    if not isinstance(parameters, Mapping):
        return step
    if old is None:
        return _with_diameter(step)
    # a new name already states what the old name implied
    extra = old.extra if step["operation"] != old.name else {}
    renamed = dict(new_parameter(old, key, value) for key, value in parameters.items())
    if old.name == "threshold":
        renamed = _with_side(parameters, renamed)
    parameters = {**old.missing, **extra, **renamed}
    step = {**step, "operation": old.name, "parameters": parameters}
    return _with_diameter(_with_output(step, old))


def _with_side(parameters: Mapping[str, Any], renamed: dict[str, Any]) -> dict[str, Any]:
    """Keep the side "auto" of this version, which has a diameter beside it."""
    if "min_diameter" in parameters and parameters.get("objects") == "auto":
        return {**renamed, "objects": "auto"}
    # so that the renamed step is one of this version
    return {"min_diameter": 0.0, **renamed} if renamed.get("objects") == "auto" else renamed


def _with_diameter(step: dict[str, Any]) -> dict[str, Any]:
    """Give the diameter of the smallest object, in pixels, for the pixels that it has."""
    parameters = dict(step.get("parameters", {}))
    old = [key for key in ("smallest", "min_size") if key in parameters]
    if step.get("operation") not in (*_DIAMETER, *_OF_MAPS) or not old:
        return step
    pixels = [parameters.pop(key) for key in old][-1]
    if type(pixels) not in (int, float) or not 0 <= pixels < 2**63:
        return step
    axes = 3 if parameters.get("dimensions") == "3D" else 2
    # one pixel is no limit
    pixels = max(pixels, 1) if step["operation"] in _OF_MAPS or pixels > 1 else 0
    parameters["min_diameter"] = diameter_of(pixels, axes)
    return {**step, "parameters": parameters, **({"lengths": "px"} if pixels else {})}


def lengths_of(name: str, choices: Mapping[str, Any]) -> list[str]:
    """Choices, none of them 0, that are lengths in the unit of the pixel size."""
    known = parameters_of(name) if name in OPERATIONS else {}
    found = [key for key, one in known.items() if one.length_unit(choices) == "layer"]
    return [key for key in found if choices.get(key)]


def in_pixels(step: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Give the lengths of a recorded step in pixels of its source, whose size turns out wrong."""
    choices, spacing = dict(step["parameters"]), source.get("spacing")
    if not spacing or step.get("lengths", "px") == "px":
        return dict(step)
    axes = 3 if choices.get("dimensions") == "3D" else 2
    size = pixel_side(spacing, axes) * (ratio(source.get("unit") or "px", step["lengths"]) or 1)
    found = {key: choices[key] / size for key in lengths_of(step["operation"], choices)}
    return {**step, "parameters": choices | found, "lengths": "px"}


def lengths_in(
    name: str,
    choices: Mapping[str, Any],
    recorded: str,
    spacing: Sequence[float] | None,
    unit: str,
) -> dict[str, Any]:
    """Give the lengths among recorded choices in the unit of another image.

    Parameters
    ----------
    name : str
        Of the operation.
    choices : mapping
        As recorded.
    recorded : str
        Unit of their lengths; empty if it is not known: they stay.
    spacing, unit
        Pixel size of the other image.

    Raises
    ------
    ValueError
        If a length cannot be given in that unit.
    """
    lengths = lengths_of(name, choices)
    if not recorded or recorded == unit or not lengths:
        return dict(choices)
    axes = 3 if choices.get("dimensions") == "3D" else 2
    factor = pixel_side(spacing, axes) if recorded == "px" else ratio(recorded, unit)
    if factor is None:
        raise ValueError(
            f"{name} was given {lengths[0]} in {recorded}, which is no length in {unit}: give the "
            "pixel size of the image"
        )
    return {**choices, **{key: choices[key] * factor for key in lengths}}


def _changed(step: Any) -> Renamed | None:
    name = step.get("operation") if isinstance(step, Mapping) else None
    return CHANGED.get(name) if isinstance(name, str) else None


def _with_output(values: dict[str, Any], old: Renamed) -> dict[str, Any]:
    """Rename the layer that a step or a record names as its output."""
    output = values.get("output")
    if not isinstance(output, str) or output not in old.layers:
        return values
    return {**values, "output": old.layers[output]}


def new_parameter(old: Renamed, key: str, value: Any) -> tuple[str, Any]:
    """Return a parameter by its name of this version, with the value that it has now."""
    new = old.parameters.get(key, key)
    if isinstance(new, str):
        return new, value
    name, values = new
    return name, values.get(value, value)
