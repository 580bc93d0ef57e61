"""How many workers the memory of this machine allows; that of a GPU is not counted."""

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
from .images import Image

# share of the free memory that all workers may take together
_SHARE = 0.8

# files whose headers are read at most, and the largest of a kind that are tried
_HEADERS, _TRIES = 1000, 3

# bytes a pixel of operations that were never measured
_UNKNOWN = 100

# bytes of a model with what it needs to run
_MODEL = 400_000_000


def bounded(workers: int, job: FileJob, images: Sequence[Image]) -> int:
    """Reduce a number of workers to what fits into memory with the largest image.

    Parameters
    ----------
    workers : int
        Wanted.
    job : FileJob
        What is done with each image.
    images : sequence of Image
        The largest one is found by the headers of the files, of very many of a sample.

    Returns
    -------
    int
        At least 1: a single image may need more than there is, as alone.
    """
    needs = [needed(job, one) for one in _largest(images)]
    if not needs:
        # all are listed among the failures later
        return workers
    return max(1, min(workers, int(_SHARE * available() // max(needs))))


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
    steps: list[tuple[str, Any]] = [(job.name, job.parameters)]
    if job.record is not None:
        steps = [(one.operation, one.parameters) for one in job.record.steps]
    if job.measured:
        steps.append((MEASURES, defaults(MEASURES)))
    return max(_bytes(image, name, choices) for name, choices in steps)


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
