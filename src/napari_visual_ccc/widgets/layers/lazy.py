"""Lazy results in the viewer: added at once, computed slice by slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...arrays.lazy import is_lazy, tile_workers
from ...arrays.reduction import computed
from ...core.layers import Layer
from ...core.progress import Progress, Steps
from ...core.settings import current as settings
from ...workflow.cost import available
from ...workflow.record import fingerprint
from ...workflow.run import Outcome

# divisor: the share of free memory that lazy results may take
_SHARE = 4

# longest time of one batch of chunks, in seconds: Cancel and a change of the slice wait for its end
_BATCH_S = 0.5


def memory_budget() -> int:
    """Bytes of memory that the lazy results of one run may take; larger ones go to a file."""
    return min(settings.current().memory_mb << 20, available() // _SHARE)


class PreparedLayer(NamedTuple):
    """A layer of a result that the viewer can add without computing anything.

    Parameters
    ----------
    layer : Layer
        The layer. A lazy one that fits into memory has an array of zeros, to be computed.
    print : str
        `record.fingerprint` of its data; empty where the data are to be computed.
    lazy : dask array, optional
        What `compute_lazy` computes into the array of the layer.
    """

    layer: Layer
    print: str = ""
    lazy: Any = None

    @classmethod
    def of(cls, layer: Layer) -> PreparedLayer:
        """Replace a lazy array by zeros in memory."""
        lazy = layer.data
        return cls(layer.with_array(np.zeros(lazy.shape, lazy.dtype)), lazy=lazy)


def prepare_for_display(
    steps: Steps[Outcome], *, at_once: bool = False
) -> Steps[tuple[Outcome, list[PreparedLayer]]]:
    """Run an operation, and do what the viewer would otherwise do on its own thread.

    Parameters
    ----------
    steps : generator
        The operation.
    at_once : bool
        Compute lazy layers before anything is displayed.
    """
    outcome = yield from steps
    layers, prepared = outcome.result.layers, []
    fits = sum(one.data.nbytes for one in layers if is_lazy(one.data)) <= memory_budget()
    for layer in layers:
        held = is_lazy(layer.data) and fits
        if held and not at_once:
            prepared.append(PreparedLayer.of(layer))
            continue
        if held:
            layer = layer.with_array((yield from computed(layer.data)))
        prepared.append(PreparedLayer(layer, fingerprint(layer.data)))
    return outcome, prepared


def compute_lazy(
    layers: Sequence[PreparedLayer], current: Callable[[], tuple[int, ...]] = tuple
) -> Steps[None]:
    """Compute lazy arrays chunk by chunk, those of the displayed slice first.

    Parameters
    ----------
    layers : sequence of PreparedLayer
        Of one result; those that are not lazy are left out.
    current : callable
        Returns the displayed slice, which may change meanwhile; the nearest chunks come next.
    """
    from dask.array.core import slices_from_chunks
    from dask.base import compute

    layers = [one for one in layers if one.lazy is not None]
    waiting = [
        (number, index, place)
        for number, one in enumerate(layers)
        for index, place in zip(
            np.ndindex(one.lazy.numblocks), slices_from_chunks(one.lazy.chunks), strict=True
        )
    ][::-1]
    total, first, count = len(waiting), None, 1
    while waiting:
        if first != current():
            first = current()
            # the nearest last, where a list gives its items quickly
            waiting.sort(key=lambda one: (-_distance(one[2], first), -one[0]))
            count = 1
        batch, start = [waiting.pop() for _ in range(min(count, len(waiting)))], time.monotonic()
        # together, so that what neighbours share is computed once, on all cores
        blocks = [layers[number].lazy.blocks[index] for number, index, _ in batch]
        found = compute(*blocks, scheduler="threads", num_workers=tile_workers())
        for (number, _, place), values in zip(batch, found, strict=True):
            layers[number].layer.data[place] = values
        count = max(1, count // 2) if time.monotonic() - start > _BATCH_S else 2 * count
        yield Progress(total - len(waiting), total, "compute")


def _distance(place: tuple[slice, ...], first: tuple[int, ...]) -> int:
    """Number of slices between a chunk and a slice."""
    return sum(
        max(one.start - wanted, wanted - (one.stop - 1), 0)
        for one, wanted in zip(place, first, strict=False)
    )
