from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from skimage.filters import threshold_multiotsu, threshold_otsu
from skimage.io import imread

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.tiling import plane_tiles
from napari_visual_ccc.core.pixel_size import diameter_of


def test_dark_particles_are_objects_and_so_are_bright_ones(discs):
    dark, bright = ccc.threshold(discs), ccc.threshold(255 - discs)
    np.testing.assert_array_equal(dark.labels, bright.labels)
    assert dark.facts["objects"] == "dark"
    assert bright.facts["objects"] == "bright"
    assert dark.labels[30, 30] == 1
    assert dark.labels[0, 0] == 0
    assert dark.table["area_percent"].iloc[0] == pytest.approx(
        100 * 6 * np.pi * 144 / discs.size, rel=0.05
    )


def test_the_side_can_be_chosen(discs):
    np.testing.assert_array_equal(
        ccc.threshold(discs, objects="bright").labels,
        1 - ccc.threshold(discs, objects="dark").labels,
    )


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_thresholds_equal_those_of_scikit_image(data, classes):
    file = sorted((data / "segmentation/super1/test/images").glob("*.png"))[0]
    image = imread(file)
    side = {"objects": "bright"} if classes == 2 else {}
    found = ccc.threshold(image, classes=classes, sigma=0, **side)
    reference = [threshold_otsu(image)] if classes == 2 else threshold_multiotsu(image, classes)
    labels = np.digitize(image, reference, right=True) + (classes > 2)
    np.testing.assert_array_equal(found.labels, labels)


def test_foreground_of_real_particles_is_found(data):
    folder = data / "nanoshapes"
    scores = []
    for file in sorted((folder / "images/test").glob("*.png")):
        truth = imread(folder / "instances/test" / file.name) > 0
        found = ccc.threshold(imread(file)).labels > 0
        scores.append((truth & found).sum() / (truth | found).sum())
    assert min(scores) > 0.8


def test_small_objects_are_dropped_and_the_table_knows(discs):
    image = discs.copy()
    image[3:5, 3:5] = 0
    kept, cleaned = (ccc.threshold(image, sigma=0, min_diameter=diameter_of(n)) for n in (0, 50))
    assert kept.labels[3, 3] == 1
    assert cleaned.labels[3, 3] == 0
    assert cleaned.table["pixels"].iloc[0] == cleaned.labels.sum()
    assert cleaned.table["pixels"].sum() == image.size


def test_stacks_share_a_threshold_and_lazy_ones_stay_lazy(discs):
    stack = np.stack([discs, discs // 2])
    whole = ccc.threshold(stack)
    lazy = ccc.threshold(da.from_array(stack, chunks=(1, 50, 60)))
    assert isinstance(lazy.labels, da.Array)
    np.testing.assert_array_equal(lazy.labels.compute(), whole.labels)


def test_missing_pixels_are_background(rng):
    image = rng.normal(size=(40, 40))
    image[10:20, 10:20] += 10
    image[12, 12] = np.nan
    found = ccc.threshold(image)
    assert found.labels[12, 12] == 0
    assert found.labels[15, 15] == 1


def test_a_constant_image_cannot_be_split():
    with pytest.raises(ValueError, match="too few for 2 classes"):
        ccc.threshold(np.full((9, 9), 3, np.uint8))


def test_lazy_tables_count_what_is_left(discs):
    image = discs.copy()
    image[3:5, 3:5] = 0
    whole = ccc.threshold(image, sigma=0, min_diameter=diameter_of(50))
    lazy = ccc.threshold(da.from_array(image, chunks=50), sigma=0, min_diameter=diameter_of(50))
    assert lazy.table.equals(whole.table)
    assert lazy.table["pixels"].iloc[0] == whole.labels.sum()


@pytest.mark.parametrize("sigma", [0.0, 1.0])
@pytest.mark.parametrize(
    "shift", [lambda i: i.astype(np.int32) + 10_000_000, lambda i: i * 1e-3 + 1e6]
)
def test_a_small_contrast_on_a_large_grey_level_is_found(discs, sigma, shift):
    plain, found = ccc.threshold(discs, sigma=sigma), ccc.threshold(shift(discs), sigma=sigma)
    assert (found.labels != plain.labels).mean() < 0.001


def test_a_hot_pixel_does_not_take_a_class(rng):
    image = np.where(np.arange(64) % 2, 10.0, 20.0) + rng.normal(0, 0.5, (64, 64))
    image[0, 0] = 1e5
    found = ccc.kmeans(image, clusters=3)
    assert found.labels.max() == 3
    assert np.bincount(found.labels.ravel())[3] == 1


@pytest.mark.parametrize(
    "choices", [{}, {"sigma": 0.0}, {"min_diameter": diameter_of(50)}, {"classes": 3}]
)
def test_means_are_those_of_the_image_over_the_labels(discs, choices):
    image = discs.copy()
    image[3:5, 3:5] = 0
    found = ccc.threshold(image, **choices)
    lazy = ccc.threshold(da.from_array(image, chunks=50), **choices)
    for label, mean, pixels in found.table[["label", "mean_intensity", "pixels"]].to_numpy():
        assert image[found.labels == label].mean() == pytest.approx(mean)
        assert (found.labels == label).sum() == pixels
    np.testing.assert_allclose(lazy.table["mean_intensity"], found.table["mean_intensity"])


@pytest.mark.parametrize("height", [200, 3000])
def test_bands_with_a_missing_pixel_give_what_chunks_give(rng, height):
    image = rng.normal(size=(height, 90)).cumsum(axis=0)
    image[190, 5] = np.nan
    assert len(list(plane_tiles(image.shape, 6))) == (1 if height == 200 else 4)
    lazy = ccc.threshold(da.from_array(image, chunks=(37, 41))).labels
    np.testing.assert_array_equal(lazy.compute(), ccc.threshold(image).labels)
