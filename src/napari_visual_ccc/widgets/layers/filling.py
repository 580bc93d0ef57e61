"""Lazy results in the viewer: the layer is there at once, its pixels come slice by slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...arrays.lazy import WORKERS
from ...core.progress import Progress, Steps
from ...workflow.cost import available

# lazy results up to this size get their place in memory; larger ones go to a file when asked
HELD_BYTES = 1 << 30

# of the memory that is free, the share that they may take
_SHARE = 4

# seconds that one batch of chunks may take: Cancel, and the slice on screen, wait for its end
_BATCH_S = 0.5


def room() -> int:
    """Bytes that the lazy results of one run may take in memory."""
    return min(HELD_BYTES, available() // _SHARE)


class Pending(NamedTuple):
    """A lazy array and the place in memory that its values come to."""

    lazy: Any
    held: np.ndarray


def pending(lazy: Any) -> Pending:
    """Make room for a lazy array, all zeros at first."""
    return Pending(lazy, np.zeros(lazy.shape, lazy.dtype))


def fill(parts: Sequence[Pending], here: Callable[[], tuple[int, ...]] = tuple) -> Steps[None]:
    """Compute lazy arrays chunk by chunk, those of the slice being looked at first.

    Parameters
    ----------
    parts : sequence of Pending
        Of one result.
    here : callable
        Gives the slice being looked at, which may change meanwhile; what is nearest to it comes
        next.
    """
    from dask.array.core import slices_from_chunks
    from dask.base import compute

    waiting = [
        (number, index, place)
        for number, part in enumerate(parts)
        for index, place in zip(
            np.ndindex(part.lazy.numblocks), slices_from_chunks(part.lazy.chunks), strict=True
        )
    ][::-1]
    total, first, count = len(waiting), None, 1
    while waiting:
        if first != here():
            first = here()
            # the nearest last, where a list gives its items quickly
            waiting.sort(key=lambda one: (-_distance(one[2], first), -one[0]))
            count = 1
        batch, start = [waiting.pop() for _ in range(min(count, len(waiting)))], time.monotonic()
        # together, so that what neighbours share is computed once, on all cores
        blocks = [parts[number].lazy.blocks[index] for number, index, _ in batch]
        found = compute(*blocks, scheduler="threads", num_workers=WORKERS)
        for (number, _, place), values in zip(batch, found, strict=True):
            parts[number].held[place] = values
        count = max(1, count // 2) if time.monotonic() - start > _BATCH_S else 2 * count
        yield Progress(total - len(waiting), total, "compute")


def _distance(place: tuple[slice, ...], first: tuple[int, ...]) -> int:
    """How many slices a chunk is away from one."""
    return sum(
        max(one.start - wanted, wanted - (one.stop - 1), 0)
        for one, wanted in zip(place, first, strict=False)
    )
