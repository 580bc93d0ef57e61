from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc


@pytest.mark.parametrize("features", ["multiscale", "texture", "network"])
def test_feature_clusters_find_what_grey_cannot(rng, features):
    image = np.full((64, 96), 100.0)
    image[:, 48:] += rng.normal(0, 20, (64, 48))
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


@pytest.mark.parametrize("features", ["intensity", "multiscale", "texture"])
def test_a_slice_of_nothing_is_passed_over(rng, features):
    stack = rng.normal(size=(3, 30, 30))
    stack[1] = np.nan
    found = ccc.kmeans(stack, clusters=2, features=features)
    assert not found.labels[1].any()
    assert found.labels[0].all()


@pytest.mark.parametrize("features", ["multiscale", "texture"])
def test_a_large_grey_level_below_does_not_blur_the_features(discs, features):
    discs = discs[:60, :100]
    plain = ccc.kmeans(discs.astype(float), clusters=2, features=features)
    lifted = ccc.kmeans(discs + 1e9, clusters=2, features=features)
    assert (plain.labels != lifted.labels).mean() < 0.01


def test_slices_of_different_brightness_are_told_apart_by_texture(rng):
    stack = np.stack([rng.normal(10, 1, (64, 64)), rng.normal(100, 1, (64, 64))])
    found = ccc.kmeans(stack, clusters=2, features="texture").labels
    assert (found[0] == 1).all()
    assert (found[1] == 2).all()


@pytest.mark.case("S27")
@pytest.mark.parametrize("features", ["multiscale", "texture", "network"])
@pytest.mark.parametrize("value", [0, 9, 200])
def test_a_constant_image_is_one_cluster(features, value):
    image = np.full((48, 64), value, np.uint8)
    found = ccc.kmeans(image, clusters=3, features=features)
    assert np.unique(found.labels).tolist() == [1]
    assert "constant" in found.notes[-1]
    missing = np.full((48, 64), float(value))
    missing[:9] = np.nan
    assert np.unique(ccc.kmeans(missing, clusters=3, features=features).labels).tolist() == [0, 1]
