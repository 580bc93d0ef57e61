"""A recorded result as a Python script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..choices import without_effect
from ..recipe import check_level, load
from ..record import Record, Step
from ..signature import calibrated, checked, inputs

_HEAD = """\
from pathlib import Path

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.pixel_size import scaled
from napari_visual_ccc.workflow.recipe import at_level, spacing_at

path = Path({path!r})
micrograph = ccc.read(path)
image, spacing, unit = micrograph.data, {spacing}, {unit}
"""


def to_script(record: Record | Mapping[str, Any] | str | Path) -> str:
    """Write a record as a Python script that makes the same result.

    Parameters
    ----------
    record : Record, mapping or path
        As for `recipe.replay`. Further inputs that were files are read from where they were.

    Raises
    ------
    ValueError
        As `recipe.replay` does.
    """
    record = load(record)
    source, steps = record.source, record.steps
    has_size = bool(source.spacing)
    text = _HEAD.format(
        path=source.path or source.name or "image.tif",
        spacing=tuple(source.spacing or ()) if has_size else "micrograph.voxel",
        unit=repr(source.unit or "px") if has_size else "micrograph.unit",
    )
    level = steps[0].level
    if level != 1:
        text += f"image = at_level(micrograph, {level})\n"
        text += "spacing = spacing_at(micrograph, image, spacing)\n"
    if any(step.lengths for step in steps):
        text = text.replace("import scaled", "import pixel_side, scaled")
    if any(step.drawn for step in steps):
        text = text.replace(
            "\n\npath", "\nfrom napari_visual_ccc.workflow.record import Drawn\n\npath"
        )
    current, variables = "image", {source.name: "image"}
    for number, step in enumerate(steps, start=1):
        check_level(step, first=step is steps[0])
        variables[step.inputs.get(inputs(step.operation)[0]) or ""] = current
        if step.plane:
            current += f"[{', '.join(map(str, step.plane))}]"
        text += f"result_{number} = {_call(step, current, variables)}\n"
        if step is not steps[-1]:
            current = f"image_{number}"
            text += f"layer_{number} = result_{number}.layer({step.output!r})\n"
            text += f"{current}, spacing = layer_{number}.data, "
            text += f"scaled(spacing, layer_{number}.placement.stride)\n"
    return text + f"print(result_{len(steps)})\n"


def _call(step: Step, current: str, variables: Mapping[str, str]) -> str:
    name = step.operation
    arguments = [current]
    for other in inputs(name)[1:]:
        recorded = step.inputs.get(other)
        if other in step.drawn:
            kept = step.drawn[other].model_dump(exclude_unset=True)
            arguments.append(f"{other}=Drawn.model_validate({kept}).layer()")
        elif recorded is not None:
            arguments.append(f"{other}={variables.get(recorded, f'ccc.read({recorded!r}).data')}")
    if calibrated(name):
        arguments += ["spacing=spacing", "unit=unit"]
    if any(step.info_bar.values()):
        arguments.append(f"info_bar={step.bar!r}")
    choices = checked(name, step.parameters, limits=False)
    idle = without_effect(name, {**choices, **step.inputs})
    for key, value in choices.items():
        if key in idle:
            # a script would be warned of it
            continue
        text = f"Path({str(value)!r})" if isinstance(value, Path) else repr(value)
        if step.lengths == "px" and value and key == "min_diameter":
            axes = ", axes=3" if step.parameters.get("dimensions") == "3D" else ""
            text += f" * pixel_side(spacing{axes})"
        arguments.append(f"{key}={text}")
    return f"ccc.{name}({', '.join(arguments)})"
