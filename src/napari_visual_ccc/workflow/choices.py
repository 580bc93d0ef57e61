"""Choices of a run: what has no effect beside the others, and what the first input states."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..core.layers import Layer
from ..core.micrograph import Micrograph
from ..core.plain import shown
from ..core.result import Result, prediction_of
from .operations import Operation
from .signature import defaults, parameters, resolved

# of the option "applies": any value but an empty one
GIVEN = "given"

# values that a note lists
_LISTED = 3


def without_effect(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Parameters that mean nothing beside these inputs and choices, each with what it needs.

    Parameters
    ----------
    name : str
        Of the operation.
    values : mapping
        Its choices, and its inputs: None for those that are not given. Others have their default.
    """
    found: dict[str, str] = {}
    values = {**defaults(name), **values}
    for key, parameter in parameters(name).items():
        for other, allowed in parameter.options.get("applies", {}).items():
            value = values.get(other)
            if not (value if allowed == GIVEN else value in allowed):
                # of two conditions the first one that fails is named
                found.setdefault(key, _needed(other, allowed))
        if key in found:
            values[key] = parameter.default
    return found


def _needed(other: str, allowed: Any) -> str:
    if allowed == GIVEN:
        return f"it needs {other}"
    if allowed == (None,):
        return f"it is for calls without {other}"
    if len(allowed) > _LISTED:
        return f"it belongs to another {other}"
    return f"it belongs to {' or '.join(f'{other}={one!r}' for one in allowed)}"


def ignored(name: str, choices: Mapping[str, Any], given: Collection[str] = ()) -> tuple[str, ...]:
    """Say which choices, none of them a default, have no effect beside the others.

    Parameters
    ----------
    name : str
        Of the operation.
    choices : mapping
        By name, as `signature.checked` gives them.
    given : collection of str
        Inputs that are given.
    """
    known = defaults(name)
    idle = without_effect(name, {**dict.fromkeys(given, True), **resolved(name, choices)})
    return tuple(
        f"{key}={shown(value)} has no effect: {idle[key]}"
        for key, value in choices.items()
        if key in idle and value is not None and value != known[key]
    )


def carried_record(first: Any) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Record of the first input; a note where what it carries is none."""
    from .record import read_record

    carried = first.metadata.get("visual_ccc") if isinstance(first, Micrograph) else None
    if carried is None or (isinstance(carried, Mapping) and not carried.get("steps")):
        return None, ()
    try:
        return read_record(carried, str(first.name or "image")).plain(), ()
    # other programs write such metadata too: the operation itself needs none of it
    except ValueError as error:
        return None, (f"the record of the image was ignored: {error}",)


def inherited(operation: Operation, first: Any, choices: Mapping[str, Any]) -> dict[str, Any]:
    """What the first input tells of how it was made, where the choice is empty.

    Model and class of an explanation; the filter that denoised an image.
    """
    if not operation.inherits:
        return {}
    made: dict[str, Any]
    if "denoised" in operation.inherits:
        made = {"denoised": _denoised_by(first)}
    elif isinstance(first, Result):
        # the class of all slices of a stack is a fact
        target = first.target or first.facts.get("target")
        path = (prediction_of(first) or first).model.get("path")
        made = {"target": target if isinstance(target, str) else "", "model": path}
    elif isinstance(first, Layer):
        made = {"target": first.facts.get("target"), "model": first.facts.get("model_path")}
    else:
        from .record import explained

        made = explained(carried_record(first)[0])
    if made.get("model"):
        made["model"] = Path(made["model"])
    return {key: made[key] for key in operation.inherits if made.get(key) and not choices.get(key)}


def _denoised_by(first: Any) -> str:
    """Filter of the last step that denoised an image, also before further steps; else empty."""
    if isinstance(first, Layer):
        return str(first.facts.get("denoised", ""))
    record = first.record if isinstance(first, Result) else None
    made = record.plain() if record is not None else carried_record(first)[0] or {"steps": []}
    last = True
    for step in reversed(made["steps"]):
        choices = step.get("parameters") or {}
        if step["operation"] == "denoise":
            if choices.get("denoised"):
                return str(choices["denoised"])
            # what it removed is a fact of the last step alone
            share = (made.get("facts") or {}).get("share", 1) if last else 1
            if choices.get("strength", 1) and share:
                return str(choices.get("method", "denoise"))
        last = False
    return ""
