"""Replay records, and read and write them as YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.files import sha256
from ..core.layers.frame import in_unit, typed_scale
from ..core.micrograph import InfoBar, Micrograph, has_colours
from ..core.pixel_size import scaled
from ..core.plain import plain, real, shown
from ..core.progress import Reporting, Steps, reporter, run
from ..core.result import Result
from .operations import OPERATIONS
from .record import Record, RecordSource, Step, read_record
from .run import Outcome, execute
from .scripts.models import check_model, choices_of
from .signature import inputs
from .specimen import as_micrograph, model_channels, with_channels
from .upgrade import lengths_in

_HEADER = (
    "# How a result of napari-visual-ccc was made; ccc.replay(this file, image) runs it again.\n"
)


# letters and levels of a record, far more than drawn shapes of a whole day have
_LONGEST, _DEEPEST = 1 << 26, 100


def replay(
    record: Record | Mapping[str, Any] | str | Path,
    image: Any,
    *,
    spacing: tuple[float, ...] | None = None,
    unit: str = "",
    others: Mapping[str, Any] | None = None,
    report: Reporting = None,
) -> Result:
    """Run recorded steps again.

    Parameters
    ----------
    record : Record, mapping or path
        A record; a YAML file of one; or a result file that carries one.
    image : (..., Y, X) array, Micrograph, result, layer of one, or path
        Input of the first step.
    spacing, unit : (y, x) and str, optional
        Pixel size. When absent: the recorded one, for an array and for the very file that the
        record names, by its path or its SHA-256; else that of the Micrograph or file, and the
        recorded one where it has none, in `unit` if that is given.
    others : mapping, optional
        Arrays of further inputs by their name (``{"intensity": image}``). Not needed for those
        that were the source or the input of an earlier step. ``model``: the file of the recorded
        model, where it was moved or saved later, or the model itself.
    report : callable or True, optional
        Called with every `Progress`; ``True`` prints it.

    Returns
    -------
    Result
        Of the last step, equal to the recorded one on the same versions and machine.

    Raises
    ------
    ValueError
        If the record is not of this package, a further input is missing, or a model is not the
        recorded one.
    """
    result: Result = run(
        replaying(record, image, spacing=spacing, unit=unit, others=others),
        reporter(report, "replay"),
    )
    return result


def replaying(
    record: Record | Mapping[str, Any] | str | Path,
    image: Any,
    *,
    spacing: tuple[float, ...] | None = None,
    unit: str = "",
    others: Mapping[str, Any] | None = None,
) -> Steps[Result]:
    """Replay as a generator, for the viewer: see `replay`."""
    outcome = yield from replayed(record, image, spacing=spacing, unit=unit, others=others)
    result: Result = outcome.result
    return result


def replayed(
    record: Record | Mapping[str, Any] | str | Path,
    image: Any,
    *,
    spacing: tuple[float, ...] | None = None,
    unit: str = "",
    others: Mapping[str, Any] | None = None,
    info_bar: InfoBar | None = None,
) -> Steps[Outcome]:
    """Replay as a generator, for many images: see `replay`.

    With `info_bar` it is that of the image, not the recorded one.

    Returns
    -------
    Outcome
        Result of the last step, with the record of all of them on this image.
    """
    record = load(record)
    source, steps = record.source, record.steps
    micrograph = as_micrograph(image)
    own_size, own_unit = _pixel_size(micrograph, source, image)
    given: dict[str, Any] = {} if spacing is None else {"spacing": spacing, "unit": own_unit}
    given = typed_scale(given | ({"unit": unit} if unit else {}), {})
    if spacing is None:
        spacing, unit = in_unit(own_size, own_unit, given.get("unit", "px"))
    else:
        spacing, unit = given["spacing"], given["unit"]
    size = spacing
    factor = steps[0].level
    current = at_level(micrograph, factor)
    spacing = spacing_at(micrograph, current, spacing)
    channels = model_channels(OPERATIONS[steps[0].operation], choices_of(steps[0], others or {}))
    if channels:
        current = with_channels(micrograph, channels)
    start, axes = current, 3 if channels or has_colours(micrograph) else 2
    made = []
    by_name: dict[str, Any] = {str(one): current for one in (source.name, source.path)}
    for step in steps:
        check_level(step, first=step is steps[0])
        first, *further = inputs(step.operation)
        by_name[step.inputs.get(first) or ""] = current
        given = {first: current, **_further(step, further, by_name, others or {})}
        if step.plane:
            given = {
                key: _plane(one, step.plane, step.operation, axes if one is start else 2)
                for key, one in given.items()
            }
        whole = info_bar is None or OPERATIONS[step.operation].whole
        # scripts may exceed the limits of the form, and the limits of 0.1.0 may have been wider
        choices = lengths_in(
            step.operation, choices_of(step, others or {}), step.lengths, spacing, unit,
        )  # fmt: skip
        outcome = yield from execute(
            step.operation, given, choices, spacing=spacing, unit=unit,
            info_bar=step.bar if whole else info_bar, limits=False, typed=False,
        )  # fmt: skip
        result: Result = outcome.result
        made.append(_again(step, outcome.record.last, source, micrograph))
        check_model(step, result)
        if step is not steps[-1]:
            layer = result.layer(step.output)
            current, spacing = layer.data, scaled(spacing, layer.placement.stride)
    about = {
        "name": micrograph.name, "path": micrograph.path, "spacing": size, "unit": unit,
    }  # fmt: skip
    values = {**outcome.record.plain(), "source": plain(about), "steps": made}
    return replace(outcome, record=Record.model_validate(values))


def _again(step: Step, made: Step, source: RecordSource, micrograph: Micrograph) -> Step:
    """A step on another image: with the names, slices and points that were recorded."""
    known = (source.name, source.path)
    names = {k: micrograph.name if v in known else v for k, v in step.inputs.items()}
    kept = {"output": step.output, "plane": step.plane, "level": step.level, "drawn": step.drawn}
    return made.model_copy(update={"inputs": names, **kept})


def _pixel_size(
    micrograph: Micrograph, source: RecordSource, image: Any
) -> tuple[tuple[float, ...] | None, str]:
    # the pixel size may have been corrected by hand: then the file states another one
    same = isinstance(image, str | Path) and _is_file_of(source, Path(image))
    if source.spacing and (same or micrograph.spacing is None):
        return tuple(source.spacing), source.unit or "px"
    return micrograph.voxel, micrograph.unit


def _is_file_of(source: RecordSource, path: Path) -> bool:
    """Whether a record is of this very file, by its path; by its content where it has none."""
    if source.path or not source.sha256:
        return bool(source.path) and real(Path(str(source.path))) == real(path)
    return path.is_file() and sha256(path) == source.sha256


def check_level(step: Step, *, first: bool) -> None:
    """Refuse a step on a level of a pyramid that an earlier step has made."""
    if step.level != 1 and not first:
        raise ValueError(
            f"{step.operation} was run on a level of a pyramid that an earlier step created: "
            "open that result as an image and run it there"
        )


def at_level(micrograph: Micrograph, factor: float) -> Any:
    """Select the level of a pyramid with 1/factor of the resolution; full resolution for 1.

    The factor is that of the axis that has shrunk most.

    Raises
    ------
    ValueError
        If the micrograph has no such level.
    """
    if factor == 1:
        return micrograph.data
    # until version 0.2 the factor was that of the columns
    for measured in (max, lambda factors: factors[-1]):
        for level in micrograph.levels:
            if abs(measured(_factors(micrograph, level)) - factor) < 1e-6 * factor:
                return level
    raise ValueError(
        f"the record is of a level of a pyramid, 1/{factor:.4g} of the resolution: "
        "give the file that has this level, or a Micrograph with its levels"
    )


def spacing_at(
    micrograph: Micrograph, level: Any, spacing: Sequence[float] | None
) -> tuple[float, ...] | None:
    """Spacing of a level of a pyramid, whose axes may have shrunk by unlike factors."""
    return scaled(spacing, _factors(micrograph, level))


def _factors(micrograph: Micrograph, level: Any) -> list[float]:
    """How many times coarser a level is along each axis, without colours."""
    sizes = zip(micrograph.data.shape, level.shape, strict=True)
    # an empty image is refused later
    factors = [1.0 if whole == part else whole / part for whole, part in sizes]
    return factors[:-1] if has_colours(micrograph) else factors


def _further(
    step: Step, names: list[str], by_name: Mapping[str, Any], others: Mapping[str, Any]
) -> dict[str, Any]:
    inputs_by_name = {}
    for name in names:
        recorded = step.inputs.get(name)
        if name in others:
            inputs_by_name[name] = others[name]
        elif name in step.drawn:
            inputs_by_name[name] = step.drawn[name].layer()
        elif recorded and recorded in by_name:
            inputs_by_name[name] = by_name[recorded]
        elif recorded is not None:
            raise ValueError(
                f"{step.operation} was also given {recorded!r} as {name}; "
                f"pass that array in others={{{name!r}: ...}}"
            )
    return inputs_by_name


def load(record: Record | Mapping[str, Any] | str | Path) -> Record:
    """Read a record that can be replayed.

    Parameters
    ----------
    record : Record, mapping or path
        A record, its plain values, a YAML file of one, or a result file that carries one; those
        of earlier versions are brought to the terms of this one.

    Raises
    ------
    ValueError
        If it has no steps, or names operations that do not exist or take no image.
    """
    name = "record"
    if isinstance(record, str | Path):
        name, record = str(record), _from_file(Path(record))
    record = record if isinstance(record, Record) else read_record(record, name)
    for step in record.steps:
        operation = OPERATIONS.get(step.operation)
        if operation is None:
            raise ValueError(
                f"{name} names an operation that does not exist: {shown(step.operation)}"
            )
        if not operation.takes_arrays:
            raise ValueError(f"{name}: {step.operation} works on a {operation.takes}, not an image")
    return record


def _plane(given: Any, plane: Sequence[int], name: str, axes: int = 2) -> Any:
    """Slice of a stack; what is no stack as it is."""
    stack = given.data if isinstance(given, Micrograph) else given
    if getattr(stack, "ndim", 0) <= axes:
        return given
    if len(plane) != stack.ndim - axes or any(
        one >= size for one, size in zip(plane, stack.shape, strict=False)
    ):
        raise ValueError(
            f"{name} was given slice {plane}; a stack of shape {stack.shape} has no such slice"
        )
    return stack[tuple(plane)]


def _from_file(path: Path) -> Any:
    from ..io.read import is_image, read

    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        try:
            return from_yaml(path.read_text(encoding="utf-8", errors="replace"))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    if path.is_file() and not is_image(path):
        raise ValueError(
            f"{path}: not a record; give the YAML file of a result, or a file that carries one"
        )
    return read(path).metadata.get("visual_ccc")


def to_yaml(record: Record | Mapping[str, Any]) -> str:
    """Write a record as YAML text."""
    import yaml

    values = record.plain() if isinstance(record, Record) else plain(record)
    return _HEADER + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def from_yaml(text: str) -> Any:
    """Read back what `to_yaml` wrote; `load` checks that it is a record.

    Raises
    ------
    ValueError
        If it is not YAML, refers to parts of itself (which may be made to take all time and
        memory), or is far larger or deeper than records are.
    """
    import yaml

    if len(text) > _LONGEST:
        raise ValueError(f"the recipe has more than {_LONGEST:,} letters: it is no record")
    # the one in C is ten times as fast
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"the recipe refers to a part of itself (*{event.anchor})")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise ValueError("the recipe is nested far deeper than records are")
        return yaml.load(text, Loader=loader)  # a safe loader
    except yaml.YAMLError as error:
        raise ValueError(f"the recipe is not YAML: {str(error).splitlines()[0]}") from error
