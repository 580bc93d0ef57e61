from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from napari_visual_ccc.arrays.mapping import map_planes
from napari_visual_ccc.core.progress import Progress, run


def blur(plane):
    return uniform_filter(plane.astype(float), 5, mode="nearest")


@pytest.mark.parametrize("shape", [(50, 40), (3, 50, 40), (2, 2, 17, 9)])
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_bands_give_what_whole_planes_give(rng, shape, rows):
    image = rng.normal(size=shape)
    whole = np.stack([blur(p) for p in image.reshape(-1, *shape[-2:])]).reshape(shape)
    found = run(map_planes(blur, image, dtype=float, halo=2, pixels=rows * shape[-1]))
    np.testing.assert_allclose(found, whole, atol=1e-12)


def test_chunks_give_what_whole_planes_give(rng):
    image = rng.normal(size=(2, 60, 50))
    lazy = run(map_planes(blur, da.from_array(image, chunks=(1, 13, 17)), dtype=float, halo=2))
    assert isinstance(lazy, da.Array)
    whole = np.stack([blur(p) for p in image])
    np.testing.assert_allclose(lazy.compute(), whole, atol=1e-12)


def test_without_a_halo_a_function_sees_whole_planes(rng):
    image = da.from_array(rng.normal(size=(2, 30, 20)), chunks=(1, 7, 5))
    found = run(map_planes(lambda p: p - p.mean(), image, dtype=float)).compute()
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-12)


def test_several_maps_come_as_a_first_axis(rng):
    image = rng.normal(size=(3, 20, 10))
    found = run(
        map_planes(lambda p: np.stack([p, -p]), image, dtype=float, halo=0, maps=2, pixels=30)
    )
    np.testing.assert_array_equal(found, [image, -image])


def test_a_function_may_be_a_generator(rng):
    image = rng.normal(size=(2, 40, 9))

    def double(plane):
        yield Progress(1, 2)
        return 2 * plane

    steps = list(map_planes(double, image, dtype=float, halo=0))
    np.testing.assert_array_equal(run(map_planes(double, image, dtype=float, halo=0)), 2 * image)
    assert len(steps) == 2 * steps[-1].total
    assert steps[-1].done == steps[-1].total
    lazy = run(map_planes(double, da.from_array(image, chunks=(1, 13, 9)), dtype=float, halo=0))
    np.testing.assert_array_equal(lazy, 2 * image)
