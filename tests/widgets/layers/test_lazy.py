"""Lazy results, computed slice by slice."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.core.layers import ImageLayer, PointsLayer
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.widgets.layers import lazy as lazies
from napari_visual_ccc.widgets.layers.lazy import (
    PreparedLayer,
    compute_lazy,
    prepare_for_display,
)


class Finished:
    """An outcome of which only the result counts."""

    def __init__(self, *layers):
        self.result = Result(layers)


def finished(*layers):
    yield from ()
    return Finished(*layers)


def prepared(*layers, **more):
    return run(prepare_for_display(finished(*layers), **more))[1]


def test_arrays_are_ready_and_lazy_ones_are_zeros_at_first():
    lazy, points = da.ones((4, 8), chunks=2), PointsLayer(np.ones((2, 2)))
    one, two, three = prepared(ImageLayer(lazy), ImageLayer(np.ones((4, 8))), points)
    assert not one.layer.data.any()
    assert (one.print, one.lazy is lazy) == ("", True)
    assert two.print
    assert two.lazy is three.lazy is None
    run(compute_lazy([one, two, three]))
    assert one.layer.data.all()


def test_lazy_arrays_are_computed_first_where_that_is_asked_for():
    (one,) = prepared(ImageLayer(da.ones((4, 8), chunks=2)), at_once=True)
    assert one.layer.data.all()
    assert one.lazy is None
    assert one.print


@pytest.mark.parametrize("at_once", [False, True])
def test_arrays_beyond_the_memory_budget_stay_lazy(monkeypatch, at_once):
    monkeypatch.setattr(lazies, "memory_budget", lambda: 100)
    (one,) = prepared(ImageLayer(da.ones((4, 8), chunks=2)), at_once=at_once)
    assert isinstance(one.layer.data, da.Array)
    assert one.lazy is None


def test_the_displayed_slice_is_computed_first():
    read = []

    def slice_of(block, block_info=None):
        read.append(block_info[0]["chunk-location"][0])
        return block

    stack = da.ones((40, 8, 8), chunks=(1, 8, 8)).map_blocks(
        slice_of, dtype=float, meta=np.empty((0, 0, 0))
    )
    prepared = PreparedLayer.of(ImageLayer(stack))
    here = [(5,)]
    steps = compute_lazy([prepared, PreparedLayer(ImageLayer(np.ones(3)))], lambda: here[0])
    next(steps)
    assert read == [5]
    here[0] = (30,)
    next(steps)
    assert read == [5, 30]
    assert [one.done for one in steps][-1] == 40
    assert sorted(read) == list(range(40))
    assert prepared.layer.data.all()
