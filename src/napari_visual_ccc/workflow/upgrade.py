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
    """

    name: str
    parameters: Mapping[str, str | tuple[str, dict[str, Any]]] = MappingProxyType({})
    extra: Mapping[str, Any] = MappingProxyType({})


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
    "info_bar": _Renamed("detect_info_bar", _FIND),
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
    """Rename operations and parameters of a record to those of this version.

    Parameters
    ----------
    record : mapping
        With a list of ``steps``; of this version or an earlier one.
    """
    return {**record, "steps": [_step(step) for step in record["steps"]]}


def _step(step: Any) -> Any:
    if not isinstance(step, Mapping):
        return step
    step = {key: value for key, value in step.items() if value is not None}
    name = step.get("operation")
    old = _CHANGED.get(name) if isinstance(name, str) else None
    parameters = step.get("parameters", {})
    if old is None or not isinstance(parameters, Mapping):
        return step
    # a new name already states what the old name implied
    extra = old.extra if name != old.name else {}
    renamed = dict(_parameter(old, key, value) for key, value in parameters.items())
    return {**step, "operation": old.name, "parameters": {**extra, **renamed}}


def _parameter(old: _Renamed, key: str, value: Any) -> tuple[str, Any]:
    new = old.parameters.get(key, key)
    if isinstance(new, str):
        return new, value
    name, values = new
    return name, values.get(value, value)
