from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.autoencoder.known import STRIDE
from napari_visual_ccc.engine.autoencoder.quality import Pairs
from napari_visual_ccc.engine.autoencoder.usual import (
    HALO,
    Usual,
    _normal,
    _thinned,
    blurred,
    distance,
    fit_usual,
    relative,
    residual_statistics,
    squared_residual,
    threshold_of,
    without_surroundings,
)
from napari_visual_ccc.nets.training.selection import AnomalyScale


def test_a_perfect_reconstruction_has_no_residual(rng):
    image = rng.random((64, 48)).astype(np.float32)
    known = np.ones(image.shape, bool)
    found = residual_statistics(image, image, known)
    assert found.shape == (8, 8, 6)
    np.testing.assert_allclose(found[[1, 3, 5, 6]], 0, atol=1e-6)
    np.testing.assert_allclose(found[0], np.log(1e-5), atol=1e-4)
    assert squared_residual(image, image, known).max() == 0


def test_filled_pixels_have_no_residual_and_change_no_reconstruction(rng):
    image, flat = rng.random((64, 48)).astype(np.float32), np.full((64, 48), 0.5, np.float32)
    known = np.ones(image.shape, bool)
    known[30:33, 20:23] = False
    found = residual_statistics(image, flat, known)
    np.testing.assert_allclose(found[7], np.log(1e-4), atol=1e-3)
    other = np.where(known, image, 7)
    assert np.array_equal(residual_statistics(other, flat, known), found)
    squares = squared_residual(other, flat, known)
    assert np.array_equal(squares, squared_residual(np.where(known, image, 0.5), flat, known))


def test_a_part_with_a_halo_has_the_statistics_of_the_whole(rng):
    image, made = rng.random((2, 320, 64)).astype(np.float32)
    known = rng.random(image.shape) > 0.1
    whole = residual_statistics(image, made, known)
    part = slice(128 - HALO, 192 + HALO)
    inner = slice(HALO // STRIDE, HALO // STRIDE + 8)
    found = residual_statistics(image[part], made[part], known[part])[:, inner]
    np.testing.assert_allclose(found, whole[:, 16:24], atol=1e-4)
    np.testing.assert_allclose(
        squared_residual(image[part], made[part], known[part])[inner],
        squared_residual(image, made, known)[16:24],
        atol=1e-5,
    )


def test_the_distance_is_about_one_where_it_was_fitted(rng):
    mixing = rng.normal(size=(5, 5))
    features = np.einsum("ij,njyx->niyx", mixing, rng.normal(size=(20, 5, 12, 12)))
    usual = _normal(features, np.ones((20, 12, 12), bool))
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


@pytest.fixture(scope="module")
def windows():
    """Windows of tiles of 64 pixels, and reconstructions that lack the noise."""
    rng = np.random.default_rng(0)
    smooth = np.stack([blurred(one, 4) for one in rng.random((8, 192, 192))]) * 3 - 1
    noisy = (smooth + rng.normal(0, 0.02, smooth.shape)).astype(np.float32)
    return Pairs(noisy, smooth.astype(np.float32), np.ones(noisy.shape, bool))


def scale_of(trained: Pairs, held_out: Pairs):
    index = np.arange(len(held_out.made)) // 2
    return run(fit_usual(trained, held_out, index, "tiles", torch.device("cpu")))


def with_gap(pairs: Pairs) -> Pairs:
    """A gap in the margin, near the tile, filled with what no image holds."""
    found, known = pairs.windows.copy(), pairs.known.copy()
    found[:, :58], known[:, :58] = 5, False
    return Pairs(found, np.where(known, pairs.made, found), known)


def test_filled_pixels_have_no_influence_on_the_threshold(windows):
    trained, held_out = (Pairs(*(one[part] for one in windows)) for part in (np.s_[:4], np.s_[4:]))
    right, _ = scale_of(trained, held_out)
    found, tensors = scale_of(with_gap(trained), with_gap(held_out))
    wrong, _ = scale_of(trained, held_out._replace(windows=with_gap(held_out).windows))
    assert found.tiles == 4
    assert wrong.level > 2 * right.level
    for score, peaks in right.peaks.items():
        # half of the places remain: their largest score may be smaller, and is not larger
        assert 0.5 * peaks[-1] < found.peaks[score][-1] < 1.2 * peaks[-1]
    assert wrong.peaks["residual"][-1] > 2 * right.peaks["residual"][-1]
    assert found.level == pytest.approx(right.level, rel=0.2)
    assert np.isfinite(tensors["reference.anomaly.mean"].numpy()).all()


def test_there_is_no_threshold_without_a_place_to_score(windows):
    known = np.zeros(windows.known.shape, bool)
    assert scale_of(windows, windows._replace(known=known)) is None


def test_places_without_a_score_do_not_count_in_those_beside_them(rng):
    usual = Usual(np.zeros(3), np.eye(3))
    features = rng.normal(size=(3, 16, 16)).astype(np.float32)
    known = np.ones((16, 16), bool)
    known[:, 8:] = False
    features[:, :, 8:] = 100
    found = distance(features, usual, known)
    assert np.isnan(found[:, 8:]).all()
    assert found[:, :8].max() < 4
    (scaled,), level = relative([found])
    assert level == pytest.approx(np.median(found[:, :8]))
    assert np.isnan(scaled[:, 8:]).all()


def test_surroundings_are_subtracted_without_places_that_are_not_known():
    features = np.full((2, 64, 64), 3, np.float32)
    features[0, 30:34, 30:34] += 1
    known = np.ones((64, 64), bool)
    known[:, 50:], features[:, :, 50:] = False, 1e3
    run(without_surroundings(features, known))
    np.testing.assert_allclose(features[1, :, :50], 0, atol=1e-4)
    assert features[0, 31, 31] > 0.9
    # smaller arrays than the window, as of tiles
    small = np.full((1, 12, 12), 2, np.float32)
    run(without_surroundings(small, np.ones((12, 12), bool)))
    np.testing.assert_allclose(small, 0, atol=1e-5)


def test_a_model_of_an_earlier_version_has_no_threshold_of_the_local_score():
    with pytest.raises(ValueError, match="trained by an earlier version; train it again"):
        threshold_of(scale(9), "local", 0.9)
