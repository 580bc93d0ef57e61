from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import reconstruction

from napari_visual_ccc.engine.segmentation import distance as module
from napari_visual_ccc.engine.segmentation.distance import distances, lowered, raised, ranked


@pytest.mark.parametrize("shape", [(61, 47), (172, 222), (300, 640)])
def test_distances_are_exact_wherever_the_mask_lies_in_memory(rng, shape):
    mask = rng.random(shape) < 0.995
    exact = ndimage.distance_transform_edt(mask).astype(np.float32)
    for offset in (0, 1, 3, 17):
        moved = np.empty(mask.size + offset, bool)[offset:].reshape(shape)
        moved[:] = mask
        np.testing.assert_array_equal(distances(moved), exact)


def test_maxima_of_a_plane_of_several_tiles_are_those_of_the_whole(monkeypatch):
    monkeypatch.setattr(module, "_TILE", 30**2)
    for shape in ((130, 101), (20, 70, 33)):
        mask = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 3) > 0
        distance = ndimage.distance_transform_edt(mask)
        seed = lowered(distance, 1.0, 0.15)
        whole = reconstruction(seed, distance)
        steps = list(raised(seed, distance))
        assert len(steps) >= 20
        np.testing.assert_array_equal(seed, whole)


@pytest.mark.parametrize("share", [0.0, 0.15, 0.25])
@pytest.mark.parametrize("shape", [None, (1.3, 0.8)])
def test_ranks_are_raised_to_the_same_maxima_as_distances(rng, share, shape):
    mask = ndimage.gaussian_filter(rng.normal(size=(150, 190)), 4) > 0
    distance, low, high = ranked(mask, 1.0, share, shape)
    exact = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=shape)[1:-1, 1:-1]
    np.testing.assert_array_equal(distance, exact)
    assert low.dtype.itemsize < 4
    np.testing.assert_array_equal(high > np.roll(high, 1), exact > np.roll(exact, 1))
    seed = lowered(exact, 1.0, share)
    whole = reconstruction(seed, exact)
    for _ in raised(low, high):
        pass
    # of the same order, and alike where those are
    for one, other in ((low, whole), (high, exact)):
        pairs = np.unique(np.stack([one.ravel().astype(float), other.ravel()]), axis=1)
        assert (np.diff(pairs, axis=1) > 0).all()


def test_a_corridor_longer_than_all_dilations_is_followed_to_its_end(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 12)
    mask = np.full((5, 200), 3, np.uint16)
    seed = np.zeros_like(mask)
    seed[2, 0] = 2
    assert len(list(raised(seed, mask))) == 1
    assert (seed == 2).all()


def test_large_distances_are_those_of_scipy():
    mask = np.ones((2300, 2300), bool)
    distance, _, _ = ranked(mask, 1.0)
    assert distance.max() == 1150
    np.testing.assert_array_equal(np.square(distance[0]), 1)
    assert not np.isnan(distances(np.pad(mask, 1))).any()
