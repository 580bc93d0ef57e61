"""Records of how results were made: read, written, run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.micrograph import InfoBar, Micrograph, has_colours
from ..core.pixel_size import scaled
from ..core.plain import plain
from ..core.progress import Progress, Steps, run
from ..core.result import Result
from . import operations, signature
from . import run as operation_run
from .provenance import model_of
from .signature import checked

_HEADER = (
    "# How a result of napari-visual-ccc was made; ccc.replay(this file, image) runs it again.\n"
)


def replay(
    record: Mapping[str, Any] | str | Path,
    image: Any,
    *,
    spacing: tuple[float, ...] | None = None,
    unit: str = "",
    others: Mapping[str, Any] | None = None,
    report: Callable[[Progress], object] | None = None,
) -> Result:
    """Run recorded steps again.

    Parameters
    ----------
    record : mapping or path
        What `provenance` gave; a YAML file of it; or a result file that carries it.
    image : (..., Y, X) array, Micrograph or path
        What the first step is given.
    spacing, unit : (y, x) and str, optional
        Pixel size. When absent: the recorded one, for an array and for the very file that the
        record names; else that of the Micrograph or file, and the recorded one where it has none.
    others : mapping, optional
        Arrays of further inputs by their name (``{"intensity": image}``). Not needed for those
        that were the source or the input of an earlier step.
    report : callable, optional
        Called with every `Progress`.

    Returns
    -------
    Result
        Of the last step, equal to the recorded one on the same versions and machine.

    Raises
    ------
    ValueError
        If the record is not one of ours, a further input is missing, or a model is another one
        than was recorded.
    """
    result: Result = run(
        replaying(record, image, spacing=spacing, unit=unit, others=others), report
    )
    return result


def replaying(
    record: Mapping[str, Any] | str | Path,
    image: Any,
    *,
    spacing: tuple[float, ...] | None = None,
    unit: str = "",
    others: Mapping[str, Any] | None = None,
) -> Steps[Result]:
    """Replay as a generator, for the viewer: see `replay`."""
    record = load(record)
    source = record["source"]
    micrograph = _as_micrograph(image)
    known_size, known_unit = _pixel_size(micrograph, source, image)
    spacing = spacing or known_size
    unit = unit or known_unit if spacing else "px"
    factor = record["steps"][0].get("level", 1)
    current, spacing = at_level(micrograph, factor), scaled(spacing, factor)
    known: dict[str, Any] = {str(source.get(key)): current for key in ("name", "path")}
    for step in record["steps"]:
        name = step["operation"]
        check_level(step, first=step is record["steps"][0])
        first, *further = signature.inputs(name)
        known[step["inputs"].get(first, "")] = current
        if step.get("plane") and current.ndim > 2:
            current = _plane(current, step["plane"], name)
        arrays = {first: current, **_further(step, further, known, others or {})}
        choices = checked(name, step["parameters"])
        bar = InfoBar(**step["info_bar"])
        result = yield from operation_run.start(
            name, arrays, choices, spacing=spacing, unit=unit, info_bar=bar
        )
        _check_model(step, result)
        if step is not record["steps"][-1]:
            layer = result.layer(step.get("output", ""))
            current, spacing = layer.data, scaled(spacing, layer.placement.stride)
    return result


def _as_micrograph(image: Any) -> Micrograph:
    if isinstance(image, str | Path):
        from ..io.read import read

        image = read(image)
    return image if isinstance(image, Micrograph) else Micrograph(image)


def _pixel_size(
    micrograph: Micrograph, source: Mapping[str, Any], image: Any
) -> tuple[tuple[float, ...] | None, str]:
    recorded = source.get("spacing"), source.get("unit") or "px"
    path = source.get("path")
    # a person may have given the file another size than it states
    same = isinstance(image, str | Path) and path and Path(path).resolve() == Path(image).resolve()
    if recorded[0] and (same or micrograph.spacing is None):
        return tuple(recorded[0]), recorded[1]
    return micrograph.voxel, micrograph.unit


def check_level(step: Mapping[str, Any], *, first: bool) -> None:
    """Refuse a step on a level of a pyramid that an earlier step has made."""
    if step.get("level", 1) != 1 and not first:
        raise ValueError(
            f"{step['operation']} was run on a level of a pyramid that an earlier step had made: "
            "open that result as an image and run it there"
        )


def at_level(micrograph: Micrograph, factor: float) -> Any:
    """Give the level of a pyramid that has 1/factor of the resolution; all of it for 1.

    Raises
    ------
    ValueError
        If the micrograph has no such level.
    """
    if factor == 1:
        return micrograph.data
    axis = -2 if has_colours(micrograph) else -1
    width = micrograph.data.shape[axis]
    for level in micrograph.levels:
        if abs(width / level.shape[axis] - factor) < 1e-6 * factor:
            return level
    raise ValueError(
        f"the record is of a level of a pyramid, 1/{factor:.4g} of the resolution: "
        "give the file that has this level, or a Micrograph with its levels"
    )


def _further(
    step: Mapping[str, Any], names: list[str], known: Mapping[str, Any], others: Mapping[str, Any]
) -> dict[str, Any]:
    found = {}
    for name in names:
        recorded = step["inputs"].get(name)
        if name in others:
            found[name] = others[name]
        elif recorded in known:
            found[name] = known[recorded]
        elif recorded is not None:
            raise ValueError(
                f"{step['operation']} was also given {recorded!r} as {name}; "
                f"pass that array in others={{{name!r}: ...}}"
            )
    return found


def _check_model(step: Mapping[str, Any], result: Result) -> None:
    was, now = step.get("model", {}).get("hash"), model_of(result).get("hash")
    if was and now and was != now:
        raise ValueError(
            f"{step['operation']} was recorded with model {was[:12]}, this one is {now[:12]}; "
            "give the recorded model"
        )


def load(record: Mapping[str, Any] | str | Path) -> dict[str, Any]:
    """Read a record and check that it is one.

    Parameters
    ----------
    record : mapping or path
        A record, a YAML file of one, or a result file that carries one.

    Raises
    ------
    ValueError
        If it has no steps or names operations that do not exist.
    """
    what = "record"
    if isinstance(record, str | Path):
        what, record = str(record), _from_file(Path(record))
    if not isinstance(record, Mapping) or not isinstance(record.get("steps"), list):
        raise ValueError(f"{what} holds no steps of napari-visual-ccc")
    source = record.get("source") or {}
    if not record["steps"] or not isinstance(source, Mapping):
        raise ValueError(f"{what} holds no steps of napari-visual-ccc, or no source for them")
    steps = [_checked_step(step, what) for step in record["steps"]]
    return {**record, "source": dict(source), "steps": steps}


def _checked_step(step: Any, what: str) -> dict[str, Any]:
    name = step.get("operation") if isinstance(step, Mapping) else step
    if not isinstance(name, str) or name not in operations.OPERATIONS:
        raise ValueError(f"{what} names an operation that does not exist: {name!r}")
    whole = {**step}
    for key in ("parameters", "inputs", "model", "info_bar"):
        whole[key] = whole.get(key) or {}
        if not isinstance(whole[key], Mapping):
            raise ValueError(f"{what}: {key} of {name} must be names with values")
    bar = whole["info_bar"]
    level = whole.get("level", 1)
    if not isinstance(level, int | float) or not level >= 1:
        raise ValueError(f"{what}: level of {name} must be how many times coarser it is")
    known = set(bar) <= set(InfoBar().pixels)
    if not known or any(type(n) is not int or n < 0 for n in bar.values()):
        raise ValueError(f"{what}: info_bar of {name} must be pixels at the borders")
    plane = whole.get("plane", [])
    if not isinstance(plane, list) or not all(type(one) is int and one >= 0 for one in plane):
        raise ValueError(f"{what}: plane of {name} must be a list of slice numbers")
    return whole


def _plane(stack: Any, plane: Sequence[int], name: str) -> Any:
    if len(plane) != stack.ndim - 2 or any(
        one >= size for one, size in zip(plane, stack.shape, strict=False)
    ):
        raise ValueError(f"{name} was given slice {plane}; a stack of {stack.shape} has no such")
    return stack[tuple(plane)]


def _from_file(path: Path) -> Any:
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        return from_yaml(path.read_text(encoding="utf-8", errors="replace"))
    from ..io.read import read

    return read(path).metadata.get("visual_ccc")


def to_yaml(record: Mapping[str, Any]) -> str:
    """Write a record as YAML text."""
    import yaml

    return _HEADER + yaml.safe_dump(plain(record), sort_keys=False, allow_unicode=True)


def from_yaml(text: str) -> Any:
    """Read back what `to_yaml` wrote; `load` checks that it is a record.

    Raises
    ------
    ValueError
        If it is not YAML.
    """
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"the recipe is not YAML: {str(error).splitlines()[0]}") from error
