"""What a batch does with each image: checked before it begins, and known again by a later run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ...core.files import sha256
from ...core.plain import absolute, path_given, plain, shown
from ...core.units import length
from ...engine.classification.decision import thresholds_of
from ..files.lengths import lengths_given
from ..files.measured import OBJECTS
from ..files.run_on_file import FileJob
from ..operations import OPERATIONS
from ..recipe import load
from ..record import Record, versions
from ..save import Formats
from ..scripts.models import kept_as_files
from ..signature import checked, defaults, inputs, optional_inputs, parameters, resolved
from ..specimen import model_channels
from .output import place_of

# parameters of `batch` that are of what is done, not of how it is run
_OF_JOB = ("further", "spacing", "unit", "keep_info_bar")

# what the step of a record has beside its choices
_RECORDED = ("recorded model", "slice", "level", "unit of lengths")


def prepared(
    operation: str | Path | Record | Mapping[str, Any],
    output: str | Path,
    choices: Mapping[str, Any] | None,
    chosen: Mapping[str, Any],
) -> tuple[FileJob, dict[str, Any]]:
    """What is done with each image of a batch, and how it is run: parameters of `Settings`.

    Parameters
    ----------
    operation, output, choices
        As in `batch`.
    chosen : mapping
        All further parameters of `batch` by their name, but for ``report``.
    """
    given = dict(chosen)
    figures: Any = "png" if given.pop("thumbnails") else "none"
    formats = Formats(given.pop("layers"), "none", figures, given.pop("overlays"))
    folder, table = place_of(path_given(output, "output"))
    choices, unsaved = kept_as_files(choices or {})
    if unsaved is not None:
        raise ValueError(
            "a batch needs a model with a file, to go on later: write it with save_model"
        )
    own = {name: given.pop(name) for name in _OF_JOB}
    job = make_job(operation, choices, folder, formats=formats, **own)
    return job, {**given, "table": table}


def make_job(
    operation: str | Path | Record | Mapping[str, Any],
    choices: Mapping[str, Any] | None,
    output: Path,
    *,
    further: Mapping[str, str | Path] | None = None,
    spacing: Any = None,
    unit: str = "nm",
    keep_info_bar: bool = False,
    formats: Formats,
) -> FileJob:
    """Check what is to be done with each image, before any is read."""
    if isinstance(operation, str) and operation in OPERATIONS:
        name, record = operation, None
        choices, lengths = lengths_given(name, choices or {})
        choices = resolved(name, checked(name, choices))
    else:
        record = _replayable(operation)
        name = record.last.operation
        if choices:
            raise ValueError("a record has its choices; give none beside it")
        choices, lengths = {}, ""
    files = {key: Path(file) for key, file in (further or {}).items()}
    if record is None:
        _check_inputs(name, files)
    size = None
    if spacing is not None:
        given = spacing if isinstance(spacing, Sequence) else (spacing, spacing)
        sizes = [length(float(one), unit) for one in given]
        size, unit = tuple(one for one, _ in sizes), sizes[0][1]
    return FileJob(
        name, choices, output, files, size, unit, keep_info_bar, formats, True, record,
        measured=name in OBJECTS, lengths=lengths,
    )  # fmt: skip


def absolute_job(job: FileJob) -> FileJob:
    """Make the paths of a job absolute, for workers with another working directory.

    Those of nothing that is there stay: they may be names, as of models that were fetched.
    """
    record = job.record
    if record is not None:
        steps = [
            one.model_copy(update={"parameters": _absolute(one.operation, one.parameters)})
            for one in record.steps
        ]
        record = record.model_copy(update={"steps": steps})
    return replace(
        job,
        output=absolute(job.output),
        further={key: absolute(file) for key, file in job.further.items()},
        parameters=_absolute(job.name, job.parameters),
        record=record,
    )


def _absolute(name: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    paths = {key for key, one in parameters(name).items() if one.type in (Path, Path | None)}
    return {
        key: type(value)(absolute(Path(value)))
        if key in paths and value and os.path.exists(value)
        else value
        for key, value in choices.items()
    }


def _replayable(operation: Any) -> Record:
    if isinstance(operation, str) and not Path(operation).exists():
        raise ValueError(
            f"no operation {shown(operation)}, and no file of a record; there are "
            f"{', '.join(name for name, one in OPERATIONS.items() if one.takes_arrays)}"
        )
    record = load(operation)
    for step in record.steps:
        if step.drawn:
            raise ValueError(
                f"{step.operation} was given what was drawn on one image: its record cannot be "
                "replayed on others"
            )
    return record


def _check_inputs(name: str, files: Mapping[str, Path]) -> None:
    if not OPERATIONS[name].has_form:
        raise ValueError(
            f"{name} works on a {OPERATIONS[name].takes} or on drawn regions, not image by image"
        )
    first, *further = inputs(name)
    for key, file in files.items():
        if key not in further:
            raise ValueError(f"{name} takes no {key!r} beside {first}")
        if not file.exists():
            raise FileNotFoundError(f"{file}: no such file")
    for key in further:
        if key not in files and key not in optional_inputs(name):
            raise ValueError(f"{name} needs {key}")


def title_of(job: FileJob) -> str:
    """Name the steps of a job."""
    steps = [job.name] if job.record is None else [one.operation for one in job.record.steps]
    return ", ".join(steps)


def choices_of(job: FileJob) -> dict[str, Any]:
    """All choices of the operation of a job, those by default too."""
    return {**defaults(job.name), **job.parameters}


def check_model(job: FileJob) -> None:
    """Refuse a model, or thresholds of its classes, that would be wrong for every image.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such model, or a class has no threshold.
    """
    if job.record is None and "thresholds" in parameters(job.name):
        from ...nets.card import read_card

        chosen = choices_of(job)
        thresholds_of(read_card(chosen["model"]), chosen["decision"], chosen["thresholds"])


def channels_of(job: FileJob) -> tuple[str, ...]:
    """Names of the channels that the model of a job takes of each image, if it takes several."""
    if job.record is None:
        return model_channels(OPERATIONS[job.name], job.parameters)
    for step in job.record.steps:
        # what is wrong with a recorded model, its step says
        with suppress(ValueError, OSError):
            if channels := model_channels(OPERATIONS[step.operation], step.parameters):
                return channels
    return ()


def files_of(job: FileJob) -> list[Path]:
    """Files and folders that a job reads beside the images."""
    choices = [one for one in job.parameters.values() if isinstance(one, Path)]
    return [*job.further.values(), *choices]


def key_of(job: FileJob) -> str:
    """Hash of all that results depend on beside the image: steps, models, sizes, formats."""
    return _key(job, _steps(job), _contents(job.further))


def about_of(job: FileJob) -> dict[str, Any]:
    """What the ledger of a batch says of it: its key, steps, choices by name, and versions."""
    steps, further = _steps(job), _contents(job.further)
    several = len(steps) > 1
    choices: dict[str, Any] = {}
    for number, (name, found, *more) in enumerate(steps, 1):
        start = f"step {number} {name} " if several else ""
        own = {**found, **dict(zip(_RECORDED, more, strict=False))}
        choices |= {f"{start}{key}": value for key, value in own.items()}
    choices |= {f"{key} file": value for key, value in further.items()}
    choices |= {
        "pixel size": job.spacing, "unit of pixel size": job.unit if job.spacing else "",
        "keep_info_bar": job.keep_info_bar,
        **({"unit of lengths": job.lengths} if job.lengths else {}),
        "format of layers": job.formats.layers, "thumbnails": job.formats.figures != "none",
        "overlays": job.formats.overlays,
    }  # fmt: skip
    return {
        "key": _key(job, steps, further), "title": title_of(job), "choices": plain(choices),
        "versions": versions(),
    }  # fmt: skip


def _steps(job: FileJob) -> list[list[Any]]:
    if job.record is None:
        return [[job.name, _contents(choices_of(job))]]
    return [
        [
            one.operation, _contents(one.parameters), one.model, one.plane, one.level,
            *([one.lengths] if one.lengths else []),
        ]
        for one in job.record.steps
    ]  # fmt: skip


def _key(job: FileJob, steps: list[list[Any]], further: Mapping[str, Any]) -> str:
    values = {
        "steps": steps, "further": further, "spacing": job.spacing,
        "unit": job.unit if job.spacing else "", "bar": job.keep_info_bar,
        "formats": asdict(job.formats), "version": versions()["napari-visual-ccc"],
        **({"measured": True} if job.measured else {}),
        **({"lengths": job.lengths} if job.lengths else {}),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(plain(values), sort_keys=True).encode()).hexdigest()


def _contents(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values, with the content of files instead of their paths."""
    found = {}
    for key, value in values.items():
        is_file = isinstance(value, Path) and value.is_file()
        found[key] = sha256(value) if is_file else value
    return found
