"""Run an operation on image files and write the results into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...core.files import check_free
from ...core.layers.frame import common_size
from ...core.micrograph import Axis, InfoBar, Micrograph
from ...core.progress import Steps
from ...core.result import Result
from ...engine.acquisition.bar_detector import info_bar_of
from ...io.read import read
from ...io.read.coordinates import read_prompts
from ..operations import OPERATIONS
from ..recipe import replayed
from ..record import Record
from ..run import execute
from ..save import DEFAULT, NOTHING, Formats, base_name, recipe_file, write_result
from ..signature import input_kinds, inputs
from ..upgrade import lengths_in
from .measured import with_measures


@dataclass(frozen=True)
class FileJob:
    """What is done with every file.

    Parameters
    ----------
    name : str
        Of the operation.
    parameters : mapping
        Its choices.
    output : Path
        Folder for the results.
    further : mapping
        Files of its other inputs.
    spacing, unit : tuple and str
        Pixel size instead of that of the files; None takes that of the files.
    keep_info_bar : bool
        Include the info bar.
    formats : Formats
        Of the results.
    force : bool
        Replace files that exist.
    record : Record, optional
        Steps that are replayed instead; `name` is then the last of them.
    title : str
        Start of the names of all files; the name of the image by default.
    measured : bool
        Give the objects of `measured.OBJECTS` all columns of `region_table`.
    lengths : str
        Unit of the lengths among the parameters; empty for that of each file.
    """

    name: str
    parameters: Mapping[str, Any]
    output: Path
    further: Mapping[str, Path] = field(default_factory=dict)
    spacing: tuple[float, ...] | None = None
    unit: str = "px"
    keep_info_bar: bool = False
    formats: Formats = DEFAULT
    force: bool = False
    record: Record | None = None
    title: str = ""
    measured: bool = False
    lengths: str = ""


class FileRun(NamedTuple):
    """A result that has been written: its files, all notes, its record."""

    result: Result
    files: list[Path]
    notes: tuple[str, ...]
    record: Record


def run_on_file(job: FileJob, path: Path) -> Steps[FileRun]:
    """Read an image, run the operation and write the result.

    Raises
    ------
    FileExistsError
        Before anything is computed, if there is a result already.
    ValueError, OSError, RuntimeError
        As the reader, the operation and the writers do.
    """
    micrograph = read(path)
    first, kinds = inputs(job.name)[0], input_kinds(job.name)
    # a further input is recorded by the file that it is read from
    images = {first: micrograph} | {
        key: replace(_read(file, kinds[key]), name=str(file)) for key, file in job.further.items()
    }
    spacing, unit = (job.spacing, job.unit) if job.spacing else common_size(images)
    under = next((images[key].data for key in images if kinds[key] == "image"), None)
    if job.record is not None:
        under = micrograph.data
    title = job.title or micrograph.name
    # results that exist are refused before anything is computed
    for target in ("", job.parameters.get("target") or ""):
        check_free(recipe_file(job.output, base_name(title, job.name, target)), force=job.force)
    bar = InfoBar() if job.keep_info_bar else None
    if job.record is None:
        choices = lengths_in(job.name, job.parameters, job.lengths, spacing, unit)
        outcome = yield from execute(
            job.name, images, choices, spacing=spacing, unit=unit, info_bar=bar
        )
    else:
        outcome = yield from replayed(
            job.record, micrograph, spacing=job.spacing, unit=job.unit if job.spacing else "",
            info_bar=info_bar_of(micrograph) if bar is None else bar,
        )  # fmt: skip
    result, operation = outcome.result, OPERATIONS[job.name]
    if job.measured:
        result = yield from with_measures(job.name, result, images, spacing, unit)
    axes = _axes(micrograph.axes, job.spacing, unit, micrograph.data.ndim)
    written = [] if job.formats == NOTHING else write_result(
        result,
        job.output,
        base_name(title, job.name, result.target),
        outcome.record,
        Micrograph(
            under if job.record or operation.takes != "labels" else None,
            spacing, unit, axes=axes, info_bar=None if operation.whole else outcome.info_bar,
            metadata={"origin": _origin(micrograph, axes, spacing)},
        ),
        formats=job.formats,
        force=job.force,
    )  # fmt: skip
    return FileRun(result, written, _notes(images, result), outcome.record)


def _notes(images: Mapping[str, Any], result: Result) -> tuple[str, ...]:
    """Notes about the files of all inputs, and about the result."""
    of_files = (note for one in images.values() for note in getattr(one, "notes", ()))
    return (*dict.fromkeys(of_files), *result.notes)


def _read(file: Path, kind: str) -> Any:
    """Read a further input."""
    return read_prompts(file) if kind == "prompts" else read(file)


def _origin(micrograph: Any, axes: tuple[Any, ...], spacing: Any) -> tuple[float, ...]:
    """Origin of the image, with the slice step and pixel size of the options."""
    stated = micrograph.metadata.get("origin") or (0.0, 0.0)
    was, now = (
        [*(one.step for one in leading), *(size or (1.0, 1.0))[-2:]]
        for leading, size in ((micrograph.axes, micrograph.spacing), (axes, spacing))
    )
    known = len(stated) if len(stated) <= min(len(was), len(now)) else 2
    steps = zip(stated[-known:], was[-known:], now[-known:], strict=True)
    return tuple(place / old * new for place, old, new in steps)


def _axes(axes: tuple[Any, ...], spacing: Any, unit: str, ndim: int) -> tuple[Any, ...]:
    """Leading axes, with the slice step of the options."""
    if spacing is None or np.size(spacing) < 3 or ndim < 3:
        return axes
    others = axes[:-1] if axes else tuple(Axis(f"axis {k}") for k in range(ndim - 3))
    return (*others, Axis("z", float(spacing[-3]), unit))
