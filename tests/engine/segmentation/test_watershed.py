from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.pixel_size import diameter_of


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


def test_maxima_of_a_plane_of_several_tiles_are_those_of_the_whole(monkeypatch):
    from scipy.ndimage import distance_transform_edt, gaussian_filter
    from skimage.morphology import reconstruction

    from napari_visual_ccc.engine.segmentation import watershed

    monkeypatch.setattr(watershed, "_TILE", 30**2)
    for shape in ((130, 101), (20, 70, 33)):
        mask = gaussian_filter(np.random.default_rng(0).normal(size=shape), 3) > 0
        distance = distance_transform_edt(mask)
        seed = np.maximum(distance - np.maximum(1.0, 0.15 * distance), 0)
        whole = reconstruction(seed, distance)
        steps = list(watershed._raised(seed, distance))
        assert len(steps) >= 20
        np.testing.assert_array_equal(seed, whole)
