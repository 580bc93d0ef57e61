"""How many workers memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...arrays.lazy import is_lazy
from ...core.memory import available
from ...core.micrograph import Micrograph, has_colours
from ...io.read import read
from .. import cost
from ..files.measured import MEASURES
from ..files.run_on_file import FileJob
from ..operations import OPERATIONS
from ..signature import defaults, parameters
from .images import Image

# share of the free memory that all workers may take together
_SHARE = 0.8

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
        The largest file is read.

    Returns
    -------
    int
        At least 1: a single image may need more than there is, as alone.
    """
    sizes = [(_size(image), number) for number, image in enumerate(images)]
    try:
        largest = read(images[max(sizes)[1]].path)
    # it is listed among the failures later
    except (ValueError, OSError, RuntimeError, MemoryError, ImportError):
        return workers
    return max(1, min(workers, int(_SHARE * available() // needed(job, largest))))


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


def _size(image: Image) -> int:
    try:
        return image.path.stat().st_size
    except OSError:
        return 0
