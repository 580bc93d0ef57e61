"""Records of earlier versions with the names of this one, so that they can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class _Renamed(NamedTuple):
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
    """

    name: str
    parameters: Mapping[str, str | tuple[str, dict[str, Any]]] = MappingProxyType({})
    extra: Mapping[str, Any] = MappingProxyType({})
    layers: Mapping[str, str] = MappingProxyType({})


_SIZE = {"smallest": "min_size"}

_FIND = {"find": ("find", {"by hand": "manual"})}

# operations of version 0.1.0 that have another name or other parameters now
_CHANGED = {
    "quality": _Renamed("image_quality"),
    "background": _Renamed("subtract_background"),
    "destripe": _Renamed("destripe", {"widest": "max_width", "shortest": "min_length"}),
    "align": _Renamed(
        "align_stack",
        {"to": ("reference", {"the slice before": "previous", "the first slice": "first"})},
    ),
    "info_bar": _Renamed("detect_info_bar", _FIND, layers={"label bar": "info bar"}),
    "crop_bar": _Renamed("crop_info_bar", _FIND),
    "otsu": _Renamed("threshold", _SIZE, {"method": "otsu"}),
    "watershed_split": _Renamed("watershed_split", _SIZE),
    "number_objects": _Renamed("label_objects", _SIZE),
    "glcm": _Renamed("glcm_features"),
    "target_cluster": _Renamed("select_cluster"),
    "evidence_regions": _Renamed("evidence_regions", _SIZE),
    "classify": _Renamed("classify", {"confidence": "coverage", "turns": "tta"}),
    "trust": _Renamed("cam_sanity_checks"),
    "shortcuts": _Renamed("detect_shortcuts"),
    "cover": _Renamed("occlude"),
    "region_table": _Renamed("region_table", _SIZE),
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
    if old is None or not isinstance(parameters, Mapping):
        return step
    # a new name already states what the old name implied
    extra = old.extra if step["operation"] != old.name else {}
    renamed = dict(_parameter(old, key, value) for key, value in parameters.items())
    return _with_output({**step, "operation": old.name, "parameters": {**extra, **renamed}}, old)


def _changed(step: Any) -> _Renamed | None:
    name = step.get("operation") if isinstance(step, Mapping) else None
    return _CHANGED.get(name) if isinstance(name, str) else None


def _with_output(values: dict[str, Any], old: _Renamed) -> dict[str, Any]:
    """Rename the layer that a step or a record names as its output."""
    output = values.get("output")
    if not isinstance(output, str) or output not in old.layers:
        return values
    return {**values, "output": old.layers[output]}


def _parameter(old: _Renamed, key: str, value: Any) -> tuple[str, Any]:
    new = old.parameters.get(key, key)
    if isinstance(new, str):
        return new, value
    name, values = new
    return name, values.get(value, value)
