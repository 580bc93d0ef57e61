from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed

import napari_visual_ccc as ccc
from napari_visual_ccc.core.pixel_size import diameter_of
from napari_visual_ccc.engine.segmentation.watershed import _add_seeds


@pytest.mark.parametrize(("overlap", "objects"), [(16, 2), (40, 2)])
def test_touching_discs_are_split(overlap, objects):
    y, x = np.mgrid[:100, :180]
    left, right = 60, 60 + 2 * 30 - overlap / 2
    mask = ((y - 50) ** 2 + (x - left) ** 2 < 900) | ((y - 50) ** 2 + (x - right) ** 2 < 900)
    found = ccc.watershed_split(mask, 0.5, "nm")
    assert found.labels.max() == objects
    np.testing.assert_array_equal(found.labels > 0, mask)
    assert found.table["area_nm2"].sum() == pytest.approx(mask.sum() / 4)
    assert ccc.watershed_split(mask, tolerance=20.0).labels.max() == 1


def test_a_speck_lower_than_the_tolerance_is_an_object_still():
    mask = np.zeros((30, 30), bool)
    mask[5, 5] = True
    mask[10:25, 10:25] = True
    found = ccc.watershed_split(mask, tolerance=3.0)
    assert found.labels.max() == 2
    assert found.labels[5, 5] > 0
    assert ccc.watershed_split(mask, min_diameter=diameter_of(5)).labels.max() == 1


def test_numbers_go_on_through_a_stack():
    stack = np.zeros((2, 20, 20), np.uint8)
    stack[:, 2:8, 2:8] = 1
    found = ccc.watershed_split(stack)
    assert found.labels[0].max() == 1
    assert found.labels[1].max() == 2


def test_one_class_of_several_can_be_split():
    labels = np.zeros((20, 20), np.uint8)
    labels[:, :10], labels[5:9, 12:16] = 1, 2
    assert (ccc.watershed_split(labels, only=2).labels > 0).sum() == 16
    with pytest.raises(ValueError, match="no label 3"):
        ccc.watershed_split(labels, only=3)
    # lazy labels are not looked at before
    lazy = ccc.watershed_split(da.from_array(labels), only=3).labels
    assert not lazy.any().compute()


def test_an_image_is_no_labels(discs):
    with pytest.raises(ValueError, match="segment or cluster"):
        ccc.watershed_split(discs / 2)


def test_negative_labels_are_refused():
    labels = np.zeros((20, 20), int)
    labels[3:6, 3:6] = -1
    for function in (ccc.watershed_split, ccc.region_table):
        with pytest.raises(ValueError, match="labels hold -1"):
            function(labels)


@pytest.mark.case("S16")
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("size", [(2.0, 1.0), (1.0, 2.0), (1.0, 3.0), (0.5, 0.8)])
def test_discs_are_split_whatever_the_pixels(size, axis):
    y, x = np.mgrid[0 : 100 : size[0], 0 : 100 : size[1]]
    along, across = ((y, x), (x, y))[axis]
    mask = np.zeros(y.shape, bool)
    for middle in (35, 65):
        mask |= (along - middle) ** 2 + (across - 50) ** 2 <= 20**2
    found = ccc.watershed_split(mask, size, "nm", tolerance=1.0)
    assert len(ccc.watershed_split(mask, size, "nm").table) == len(found.table) == 2
    np.testing.assert_allclose(found.table["area_nm2"], mask.sum() * np.prod(size) / 2, rtol=0.05)
    lazy = ccc.watershed_split(da.from_array(mask), size, "nm", tolerance=1.0).labels
    np.testing.assert_array_equal(np.asarray(lazy) > 0, mask)
    assert len(np.unique(np.asarray(lazy))) == 3


def test_an_ellipse_of_stretched_pixels_is_not_split():
    y, x = np.mgrid[0:100:4, 0:100:1]
    disc = (y - 50) ** 2 + (x - 50) ** 2 <= 40**2
    assert len(ccc.watershed_split(disc, (4, 1), "nm").table) == 1


def test_objects_of_one_seed_each_are_what_the_watershed_gives():
    from skimage.segmentation import watershed

    from napari_visual_ccc.engine.segmentation.watershed import _add_seeds

    y, x = np.mgrid[:60, :90]
    mask = (y - 20) ** 2 + (x - 25) ** 2 < 200
    mask |= (y - 40) ** 2 + (x - 65) ** 2 < 250
    mask[2, 80] = True
    seeds = np.zeros(mask.shape, np.int32)
    seeds[40, 65], seeds[20, 25] = 1, 2
    parts, alone = _add_seeds(seeds, mask)
    assert alone
    seeds[2, 80] = 3
    np.testing.assert_array_equal(parts, watershed(np.zeros(mask.shape), seeds, mask=mask))
    # two in one object
    seeds[22, 30] = 4
    assert not _add_seeds(seeds, mask)[1]
    # the lower number below
    seeds = np.zeros(mask.shape, np.int32)
    seeds[20, 20], seeds[22, 30] = 2, 1
    assert not _add_seeds(seeds, mask & (x < 45))[1]


def test_specks_that_touch_at_a_corner_keep_no_object_whole():
    mask = np.zeros((60, 90), bool)
    y, x = np.mgrid[:60, :90]
    mask |= ((y - 30) ** 2 + (x - 20) ** 2 <= 144) | ((y - 30) ** 2 + (x - 41) ** 2 <= 144)
    mask[5:8, 70:73] = mask[8:11, 73:76] = True
    split = ccc.watershed_split(mask).labels
    assert len(np.unique(split[20:40])) - 1 == 2


def test_seeds_that_fill_their_objects_are_what_the_watershed_gives(rng):
    kinds = set()
    for number in range(60):
        smooth = ndimage.gaussian_filter(rng.random((40, 50)), 1 + number % 3)
        mask = smooth > np.quantile(smooth, (0.5, 0.85, 0.97)[number // 20])
        distance = ndimage.distance_transform_edt(mask)
        peaks = (distance >= ndimage.maximum_filter(distance, 3 + 4 * (number % 4))) & mask
        seeds, _ = ndimage.label(peaks, structure=np.ones((3, 3)))
        made, alone = _add_seeds(seeds, mask)
        kinds.add(alone)
        if alone:
            empty = ~np.isin(made, seeds[seeds > 0])
            expected = watershed(-distance, np.where(empty, made, seeds), mask=mask)
            np.testing.assert_array_equal(made, expected)
    assert kinds == {True, False}
