"""How many images at a time the memory allows, here or in a worker of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays.lazy import is_lazy
from ...core.memory import available
from ...core.micrograph import Micrograph, has_colours
from ...io.read import declared, read
from .. import cost
from ..files.measured import MEASURES
from ..files.run_on_file import FileJob
from ..operations import OPERATIONS
from ..signature import defaults, parameters
from .cluster.need import MOST_ON_CARD, Need, at_once, on_card
from .images import Image

# files whose headers are read at most, and the largest of a kind that are tried
_HEADERS, _TRIES = 1000, 3

# bytes a pixel of operations that were never measured
_UNKNOWN = 100

# bytes of a model with what it needs to run
_MODEL = 400_000_000


def need_of(job: FileJob, images: Sequence[Image]) -> Need:
    """Forecast what the largest image needs.

    Parameters
    ----------
    job : FileJob
        What is done with each image.
    images : sequence of Image
        The largest one is found by the headers of the files, of very many of a sample.
    """
    devices = tuple(
        str(choices.get("device", "auto"))
        for name, choices in _steps(job)
        if "device" in parameters(name)
    )
    # where none can be read, all are listed among the failures later
    return Need(max((needed(job, one) for one in _largest(images)), default=0), devices)


def bounded(workers: int, need: Need) -> int:
    """Reduce a number of workers of this machine to what its memory and its GPU allow.

    Parameters
    ----------
    workers : int
        Wanted.
    need : Need
        Of the largest image.
    """
    card = workers > MOST_ON_CARD and on_card(need.devices)
    return at_once(workers, need.bytes, available(), on_card=card)


def _largest(images: Sequence[Image]) -> Iterator[Micrograph]:
    """Read the largest image of each kind of file: bytes and numbers of kinds do not compare."""
    kinds: dict[str, list[tuple[int, Path]]] = {}
    for image in _sample(images):
        kind = kinds.setdefault(image.path.suffix.lower(), [])
        kind.append((declared(image.path), image.path))
    for kind in kinds.values():
        for _, path in sorted(kind, reverse=True)[:_TRIES]:
            # one that cannot be read is listed among the failures later
            with suppress(ValueError, OSError, RuntimeError, MemoryError, ImportError):
                yield read(path)
                break


def _sample(images: Sequence[Image]) -> Sequence[Image]:
    """All images, or of very many those with most bytes and some of the others."""
    if len(images) <= _HEADERS:
        return images
    by_bytes = sorted(images, key=_bytes_of, reverse=True)
    half = _HEADERS // 2
    return [*by_bytes[:half], *by_bytes[half :: len(images) // half]]


def needed(job: FileJob, image: Micrograph) -> int:
    """Bytes that one worker needs for an image: the image, and the most expensive step."""
    return max(_bytes(image, name, choices) for name, choices in _steps(job))


def _steps(job: FileJob) -> list[tuple[str, Any]]:
    """Operations of a job with their choices."""
    steps: list[tuple[str, Any]] = [(job.name, job.parameters)]
    if job.record is not None:
        steps = [(one.operation, one.parameters) for one in job.record.steps]
    if job.measured:
        steps.append((MEASURES, defaults(MEASURES)))
    return steps


def _bytes(image: Micrograph, name: str, choices: Any) -> int:
    data = image.data
    shape = tuple(data.shape[:-1] if has_colours(image) else data.shape)
    found = cost.estimate(OPERATIONS[name].cost, shape, data.dtype, is_lazy(data), choices)
    own = 0 if is_lazy(data) else int(np.prod(data.shape)) * data.dtype.itemsize
    work = int(np.prod(shape)) * _UNKNOWN if found is None else found.bytes
    return own + work + (_MODEL if "device" in parameters(name) else 0)


def _bytes_of(image: Image) -> int:
    try:
        return image.path.stat().st_size
    except (OSError, ValueError):
        return 0
