from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc


def test_clusters_are_numbered_by_mean_intensity_and_add_up(discs):
    found = ccc.kmeans(discs, 0.5, "nm", clusters=4)
    table = found.table
    assert table["mean_intensity"].is_monotonic_increasing
    assert table["area_percent"].sum() == pytest.approx(100)
    assert table["area_nm2"].sum() == pytest.approx(discs.size * 0.25)
    for label, mean, pixels in table[["label", "mean_intensity", "pixels"]].to_numpy():
        assert discs[found.labels == label].mean() == pytest.approx(mean)
        assert (found.labels == label).sum() == pixels


@pytest.mark.parametrize("features", ["multiscale", "texture", "network"])
def test_feature_clusters_find_what_grey_cannot(rng, features):
    image = np.full((96, 96), 100.0)
    image[:, 48:] += rng.normal(0, 20, (96, 48))
    found = ccc.kmeans(image.clip(0, 255).astype(np.uint8), clusters=2, features=features)
    half = found.labels[:, 8:40], found.labels[:, 56:88]
    most = [np.bincount(part.ravel(), minlength=3).argmax() for part in half]
    assert most[0] != most[1]
    again = ccc.kmeans(image.clip(0, 255).astype(np.uint8), clusters=2, features=features)
    np.testing.assert_array_equal(found.labels, again.labels)


def test_feature_clusters_of_a_stack_mean_the_same_in_every_slice(discs):
    stack = np.stack([discs, discs[::-1]])
    found = ccc.kmeans(stack, clusters=2, features="multiscale", sample=5000)
    np.testing.assert_array_equal(found.labels[0, 30:90, 30:130].shape, (60, 100))
    assert (found.labels[0, 30, 30], found.labels[1, 89, 30]) == (1, 1)


def test_lazy_equals_numpy(rng):
    image = rng.integers(0, 4000, (2, 60, 50)).astype(np.uint16)
    whole = ccc.kmeans(image, clusters=3)
    lazy = ccc.kmeans(da.from_array(image, chunks=(1, 25, 50)), clusters=3)
    assert isinstance(lazy.labels, da.Array)
    np.testing.assert_array_equal(lazy.labels.compute(), whole.labels)


def test_a_16_bit_ramp_is_cut_in_equal_thirds(ramp16):
    found = ccc.kmeans(ramp16, clusters=3)
    np.testing.assert_allclose(found.facts["thresholds"], [65536 / 3, 2 * 65536 / 3], rtol=1e-3)


def test_missing_pixels_belong_to_no_cluster(rng):
    image = rng.normal(size=(20, 20))
    image[3, 4] = np.nan
    for features in ("intensity", "multiscale"):
        found = ccc.kmeans(image, clusters=2, features=features)
        assert found.labels[3, 4] == 0
        assert found.table["pixels"].sum() == 399


def test_fewer_levels_than_clusters_are_said():
    found = ccc.kmeans(np.array([[1, 1], [9, 9]], np.uint8), clusters=3)
    assert found.labels.max() == 2
    assert "2 distinct grey levels" in found.notes[0]
    assert "constant" in ccc.kmeans(np.zeros((4, 4)), clusters=3).notes[0]


def test_target_cluster_gives_a_mask_and_its_share(discs):
    labels = ccc.kmeans(discs, clusters=2).labels
    found = ccc.select_cluster(labels, (0.5, 0.5), "nm", cluster=1)
    np.testing.assert_array_equal(found.labels, labels == 1)
    row = found.table.iloc[0]
    assert row["area_percent"] == pytest.approx(100 * (labels == 1).mean())
    assert row["area_nm2"] == pytest.approx((labels == 1).sum() / 4)


def test_a_cluster_that_is_not_there_is_named(discs):
    labels = ccc.kmeans(discs, clusters=2).labels
    with pytest.raises(ValueError, match="no cluster 7; labels hold 1, 2"):
        ccc.select_cluster(labels, cluster=7)
    with pytest.raises(ValueError, match="run k-means first"):
        ccc.select_cluster(discs / 2.0)


@pytest.mark.parametrize(
    ("choices", "words"),
    [({"clusters": 1}, "2 to 20"), ({"features": "smell"}, "intensity, multiscale")],
)
def test_wrong_choices_are_refused(discs, choices, words):
    with pytest.raises(ValueError, match=words):
        ccc.kmeans(discs, **choices)


def test_a_pixel_without_size_is_refused(discs):
    with pytest.raises(ValueError, match="above zero"):
        ccc.kmeans(discs, 0.0, "nm")


@pytest.mark.parametrize("features", ["intensity", "multiscale", "texture"])
def test_a_slice_of_nothing_is_passed_over(rng, features):
    stack = rng.normal(size=(3, 40, 40))
    stack[1] = np.nan
    found = ccc.kmeans(stack, clusters=2, features=features)
    assert not found.labels[1].any()
    assert found.labels[0].all()


@pytest.mark.parametrize("features", ["multiscale", "texture"])
def test_a_large_grey_level_below_does_not_blur_the_features(discs, features):
    plain = ccc.kmeans(discs.astype(float), clusters=2, features=features)
    lifted = ccc.kmeans(discs + 1e9, clusters=2, features=features)
    assert (plain.labels != lifted.labels).mean() < 0.01


def test_slices_of_different_brightness_are_told_apart_by_texture(rng):
    stack = np.stack([rng.normal(10, 1, (64, 64)), rng.normal(100, 1, (64, 64))])
    found = ccc.kmeans(stack, clusters=2, features="texture").labels
    assert (found[0] == 1).all()
    assert (found[1] == 2).all()


def test_a_range_beyond_counting_is_refused():
    with pytest.raises(ValueError, match="scale them"):
        ccc.kmeans(np.array([[-1e308, 1e308]]))
