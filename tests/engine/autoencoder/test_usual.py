from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.autoencoder.usual import (
    HALO,
    STRIDE,
    Usual,
    _normal,
    _thinned,
    distance,
    relative,
    residual_statistics,
    squared_residual,
    threshold_of,
)
from napari_visual_ccc.nets.training.selection import AnomalyScale


def test_a_perfect_reconstruction_has_no_residual(rng):
    image = rng.random((64, 48)).astype(np.float32)
    found = residual_statistics(image, image)
    assert found.shape == (8, 8, 6)
    np.testing.assert_allclose(found[[1, 3, 5, 6]], 0, atol=1e-6)
    np.testing.assert_allclose(found[0], np.log(1e-5), atol=1e-4)
    assert squared_residual(image, image).max() == 0


def test_a_part_with_a_halo_has_the_statistics_of_the_whole(rng):
    image, made = rng.random((2, 320, 64)).astype(np.float32)
    whole = residual_statistics(image, made)
    part = slice(128 - HALO, 192 + HALO)
    inner = slice(HALO // STRIDE, HALO // STRIDE + 8)
    found = residual_statistics(image[part], made[part])[:, inner]
    np.testing.assert_allclose(found, whole[:, 16:24], atol=1e-4)
    np.testing.assert_allclose(
        squared_residual(image[part], made[part])[inner], squared_residual(image, made)[16:24],
        atol=1e-5,
    )  # fmt: skip


def test_the_distance_is_about_one_where_it_was_fitted(rng):
    mixing = rng.normal(size=(5, 5))
    features = np.einsum("ij,njyx->niyx", mixing, rng.normal(size=(20, 5, 12, 12)))
    usual = _normal(features)
    inside = distance(features[0].astype(np.float32), usual)
    assert 0.7 < inside.mean() < 1.2
    far = features[0] + 20
    assert distance(far.astype(np.float32), usual).min() > 2 * inside.max()


def test_the_distance_is_that_of_mahalanobis():
    usual = Usual(np.array([1.0, 0.0]), np.diag([0.5, 1.0]))
    features = np.broadcast_to(np.array([3.0, 2.0]).reshape(2, 1, 1), (2, 4, 4))
    np.testing.assert_allclose(distance(features, usual), np.sqrt((1 + 4) / 2), atol=1e-6)


def scale(tiles: int) -> AnomalyScale:
    peaks = _thinned(np.arange(1.0, tiles + 1))
    return AnomalyScale(
        peaks={"features": peaks, "residual": peaks},
        tiles=tiles,
        tile_px=96,
        level=1.0,
        chosen_on="tiles",
    )


@pytest.mark.parametrize("tiles", [99, 4999])
def test_the_threshold_is_the_conformal_quantile(tiles):
    threshold, notes = threshold_of(scale(tiles), "residual", 0.9)
    # of many tiles the card keeps 400 peaks, and the next higher one is taken
    assert 0.9 * (tiles + 1) <= threshold <= 0.9 * (tiles + 1) + tiles / 300
    assert notes == ()


def test_few_tiles_support_no_high_share():
    threshold, notes = threshold_of(scale(9), "features", 0.99)
    assert threshold == 9
    assert notes == ("9 held-out tiles support a share of 0.900 at most",)


def test_only_an_image_above_the_usual_level_is_scaled():
    low, high = np.full((2, 2), 0.5), np.array([[2.0, 2.0], [2.0, 6.0]])
    (same,), level = relative([low])
    assert (same.max(), level) == (0.5, 0.5)
    (scaled,), level = relative([high])
    assert (scaled.max(), level) == (3.0, 2.0)
