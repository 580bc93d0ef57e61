"""Do a job: decode its image, run its operation, write its results into its folder."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.files import PICTURE, sha256
from ..core.micrograph import Micrograph, has_colours
from ..core.plain import plain
from ..core.progress import Progress, run
from ..core.result import Prediction, Result, prediction_of
from ..workflow import cost, signature
from ..workflow.operations import OPERATIONS
from ..workflow.record import Record, RecordSource, versions
from . import decoder, offers
from .jobs import Job
from .settings import MEGABYTE, Limits, Refused, Settings
from .uploads import suffixes

# seconds between looks at a job whose image is awaited
_POLL_S = 0.2

# bytes that a decoder needs for the smallest image
_DECODER = 512 * MEGABYTE

# rows of a table in JSON; the CSV file has all
ROWS = 200

_TYPES = {
    ".png": "image/png",
    ".csv": "text/csv",
    ".yaml": "application/yaml",
    ".tif": "image/tiff",
}

FILE_TYPES = (*_TYPES.values(), "application/octet-stream")

# name of all files, whatever the client calls its image
_NAME = "image"

# figures are drawn one at a time: the settings of matplotlib belong to the process
_drawing = threading.Lock()


def work(job: Job, report: Callable[[Progress], None], *, settings: Settings) -> None:
    """Do a job, and set its result and files.

    Parameters
    ----------
    job : Job
        With a file to decode, or an owner whose image is used again.
    report : callable
        Takes the progress; stops the job by raising.
    settings : Settings
        Of the server.

    Raises
    ------
    Refused
        If the image cannot be read, or is too large for the operation.
    ValueError, RuntimeError, MemoryError
        As the operation does.
    """
    report(Progress(0, 0, "reading"))
    if job.file is not None:
        job.digest = sha256(job.file)
        decoder.decode(
            job.file, job.name, _fitting(settings.limits),
            lambda: report(Progress(0, 0, "reading")),
        )  # fmt: skip
        job.decoded.set()
    image, plane = _image(job, report)
    seen: dict[str, Any] = {"image": _described(image)}
    if job.operation == offers.PREVIEW:
        job.files = {"preview.png": _picture(image, job.folder / "preview.png")}
    else:
        result, record, drawn = _computed(job, image, settings, report)
        record = _of_upload(record, job, image, plane)
        report(Progress(0, 0, "figures"))
        job.files = _written(result, record, drawn, job)
        seen |= _result(result, record, settings)
    job.result = seen | {"files": [_file(job, name, settings.prefix) for name in job.files]}


def limits_of(limits: Limits) -> dict[str, Any]:
    """What a client may want to know before it sends something."""
    return {**limits.plain(), "suffixes": suffixes()}


def _fitting(limits: Limits) -> Limits:
    """Limits whose decoders, all at once, fit into the memory that is free."""
    share = cost.available() // limits.workers
    return replace(limits, decode_bytes=max(_DECODER, min(limits.decode_bytes, share)))


def _image(job: Job, report: Callable[[Progress], None]) -> tuple[Micrograph, tuple[int, ...]]:
    """Image of a job, and which slice of its stack it is."""
    owner = job.owner
    # jobs begin in the order of their requests: the one that decodes it has begun
    while not owner.decoded.wait(_POLL_S):
        report(Progress(0, 0, "reading"))
    if not (owner.folder / decoder.FACTS).exists():
        raise owner.refused or Refused(404, "the image has expired: send it again")
    image = decoder.load(owner.folder, job.name)
    plane, notes = _plane(image, int(job.frame.get("slice", 0)))
    if plane:
        spacing = image.spacing and image.spacing[-2:]
        image = replace(
            image, data=image.data[plane], axes=(), spacing=spacing, notes=(*image.notes, *notes)
        )
    if "spacing" in job.frame:
        size = job.frame["spacing"]
        image = replace(image, spacing=(size, size), unit=job.frame["unit"])
    return image, plane


def _plane(image: Micrograph, number: int) -> tuple[tuple[int, ...], list[str]]:
    """Slice of a stack, or of the slices of a series one after the other; a note on it."""
    leading = image.data.shape[: -3 if has_colours(image) else -2]
    slices = math.prod(leading)
    if not 0 <= number < slices:
        raise Refused(422, f"{image.name} has {slices} slices, counted from 0")
    plane = np.unravel_index(number, leading) if leading else ()
    notes = [f"slice {number + 1} of {slices} is used"] if slices > 1 else []
    return tuple(int(one) for one in plane), notes


def _described(image: Micrograph) -> dict[str, Any]:
    size = image.pixel_size
    described = {
        "shape": image.data.shape, "dtype": str(image.data.dtype), "notes": image.notes,
        "pixel_size": size and {"height": size.height, "width": size.width, "unit": size.unit},
    }  # fmt: skip
    values: dict[str, Any] = plain(described)
    return values


def _picture(image: Micrograph, path: Path) -> Path:
    from matplotlib.image import imsave

    from ..arrays.inputs import to_gray
    from ..core.contrast import contrast
    from ..report.layers import thinned

    grey, _ = to_gray(image.data)
    small = thinned(np.asarray(grey, np.float64))
    low, high = contrast(small, "grey") or (0.0, 1.0)
    imsave(path, small, cmap="gray", vmin=low, vmax=high, metadata=PICTURE)
    return path


def _computed(
    job: Job, image: Micrograph, settings: Settings, report: Callable[[Progress], None]
) -> tuple[Result, Record, Micrograph]:
    """Result, its record, and the frame that it is written in."""
    if job.operation == offers.RECIPE and settings.recipe is not None:
        from ..workflow.recipe import load, replaying

        # the pixel size of the image that the recipe was made on says nothing of this one
        source = RecordSource(name=image.name)
        record = load(settings.recipe).model_copy(update={"source": source})
        for step in record.steps:
            _check_cost(job, image, step.operation, step.parameters)
        result = run(replaying(record, image), report)
        known = {"facts": plain(result.facts), "versions": versions()}
        return result, record.model_copy(update=known), image
    _check_cost(job, image, job.operation, job.choices)
    from ..workflow.run import execute

    inputs = {signature.inputs(job.operation)[0]: image}
    outcome = run(execute(job.operation, inputs, job.choices), report)
    return outcome.result, outcome.record, replace(image, info_bar=outcome.info_bar)


def _check_cost(job: Job, image: Micrograph, operation: str, choices: dict[str, Any]) -> None:
    """Refuse what would need more memory than is free."""
    needs = OPERATIONS[operation].cost
    forecast = cost.estimate(needs, image.data.shape[:2], image.data.dtype, choices=choices)
    if forecast is not None and forecast.bytes > cost.available():
        raise Refused(413, f"{job.name} is too large: {cost.describe(forecast)}; send a part of it")


def _of_upload(record: Record, job: Job, image: Micrograph, plane: tuple[int, ...]) -> Record:
    """The record with what of the file was used: replaying it on the file gives this result."""
    is_recipe = job.operation == offers.RECIPE
    steps = [
        step.model_copy(update={"plane": list(plane)}) if is_recipe or step is record.last else step
        for step in record.steps
    ]
    source = record.source
    # the source of a file that is a result itself is another file
    if is_recipe or len(steps) == 1:
        size = image.spacing and list(image.spacing)
        known = {"sha256": job.owner.digest, "spacing": size, "unit": image.unit}
        source = source.model_copy(update=known)
    return record.model_copy(update={"steps": steps, "source": source})


def _written(result: Result, record: Record, frame: Micrograph, job: Job) -> dict[str, Path]:
    from ..workflow.save import base_name, write_result

    record = record.model_copy(update={"steps": [_public(step) for step in record.steps]})
    folder = job.folder / "result"
    with _drawing:
        paths = write_result(result, folder, base_name(_NAME, job.operation), record, frame)
    return {path.name: path for path in paths if path.is_file()}


def _public(step: Any) -> Any:
    """A step of a record without the folders of this server."""
    known = signature.parameters(step.operation)
    changed = {
        key: Path(value).name
        for key, value in step.parameters.items()
        if value and key in known and offers.is_path(known[key])
    }
    return step.model_copy(update={"parameters": {**step.parameters, **changed}})


def _result(result: Result, record: Record, settings: Settings) -> dict[str, Any]:
    from ..report.summary import summary

    tables = {
        name: {
            "rows": len(table),
            "columns": list(table.columns),
            "values": table.head(ROWS).to_numpy(object).tolist(),
        }
        for name, table in result.tables.items()
    }
    found: dict[str, Any] = {
        "summary": summary(result), "facts": result.facts, "notes": result.notes,
        "layers": [layer.name for layer in result.layers],
        "tables": tables, "model": result.model, "parameters": _public(record.last).parameters,
    }  # fmt: skip
    if result.target:
        found["target"] = result.target
    prediction = prediction_of(result)
    if prediction is not None:
        found["prediction"] = _prediction(prediction, settings)
    values: dict[str, Any] = plain(found)
    return values


def _prediction(prediction: Prediction, settings: Settings) -> dict[str, Any]:
    return {
        "verdict": prediction.verdict,
        "unknown": prediction.unknown,
        "calibrated": card(settings.model).is_calibrated,
        "prediction_set": prediction.prediction_set,
        "windows": prediction.windows,
        "means": prediction.means,
        "top": [{"class": name, "probability": value} for name, value in prediction.top()],
    }


@functools.cache
def card(model: Path | None) -> Any:
    """Card of the model of the server."""
    from ..nets.card import read_card

    return read_card(model)


def _file(job: Job, name: str, prefix: str) -> dict[str, Any]:
    path = job.files[name]
    return {
        "name": name,
        "type": type_of(path),
        "bytes": path.stat().st_size,
        "url": f"{prefix}/api/jobs/{job.id}/files/{name}",
    }


def type_of(path: Path) -> str:
    """Media type of a file of a result."""
    return _TYPES.get(path.suffix, FILE_TYPES[-1])
