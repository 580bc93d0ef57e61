"""Lazy results in the viewer: the layer is there at once, its pixels come slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..progress import Progress, Steps

# a lazy result up to this size gets its place in memory; a larger one goes to a file when asked
HELD_BYTES = 1 << 30


class Pending(NamedTuple):
    """A lazy array and the place in memory that its values come to."""

    lazy: Any
    held: np.ndarray


def pending(lazy: Any) -> Pending:
    """Make room for a lazy array, all zeros at first."""
    return Pending(lazy, np.zeros(lazy.shape, lazy.dtype))


def fill(parts: Sequence[Pending], first: tuple[int, ...] = ()) -> Steps[None]:
    """Compute lazy arrays chunk by chunk, those of the slice being looked at first.

    Parameters
    ----------
    parts : sequence of Pending
        Of one result.
    first : tuple of int
        The slice being looked at; what is nearest to it comes next.
    """
    work = [
        (_distance(part.lazy, index, first), number, index)
        for number, part in enumerate(parts)
        for index in np.ndindex(part.lazy.numblocks)
    ]
    for done, (_, number, index) in enumerate(sorted(work), start=1):
        lazy, held = parts[number]
        held[_place(lazy, index)] = np.asarray(lazy.blocks[index])
        yield Progress(done, len(work), "compute")


def _place(lazy: Any, index: tuple[int, ...]) -> tuple[slice, ...]:
    starts = [np.cumsum([0, *sizes]) for sizes in lazy.chunks]
    return tuple(slice(int(s[i]), int(s[i + 1])) for s, i in zip(starts, index, strict=True))


def _distance(lazy: Any, index: tuple[int, ...], first: tuple[int, ...]) -> int:
    """How many slices a chunk is away from one."""
    found = 0
    for place, wanted in zip(_place(lazy, index), first, strict=False):
        found += max(place.start - wanted, wanted - (place.stop - 1), 0)
    return found
