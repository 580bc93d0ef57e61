from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.feature import graycomatrix, graycoprops

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.texture.cooccurrence import FEATURES, Pairs, feature_maps
from napari_visual_ccc.engine.texture.glcm import glcm_features, on_device

ANGLES = ["0", "45", "90", "135"]


def features_of(window, distances, angles, levels, symmetric):
    """The features of one window by scikit-image, averaged over distances and angles."""
    matrices = graycomatrix(
        window, distances, np.deg2rad([float(a) for a in angles]), levels, symmetric, normed=True
    )
    found = {
        name: graycoprops(matrices, "ASM" if name == "asm" else name).mean()
        for name in FEATURES
        if name not in ("entropy", "correlation")
    }
    # where all first (or second) pixels are alike, scikit-image divides rounding by rounding
    degenerate = ((matrices > 0).any(axis=1).sum(axis=0) == 1) | (
        (matrices > 0).any(axis=0).sum(axis=0) == 1
    )
    correlation = graycoprops(matrices, "correlation")
    found["correlation"] = np.where(degenerate, 1, correlation).mean()
    logs = np.log(np.where(matrices > 0, matrices, 1))
    found["entropy"] = -(matrices * logs).sum(axis=(0, 1)).mean()
    return found


def quantised(image, levels):
    low, high = float(image.min()), float(image.max())
    scaled = (image.astype(float) - low) * (levels / (high - low))
    return np.clip(scaled, 0, levels - 1).astype(np.uint8)


@given(
    seed=st.integers(0, 2**16),
    window=st.sampled_from([3, 5, 7, 9, 13, 15, 21]),
    distances=st.lists(st.integers(1, 2), min_size=1, max_size=2, unique=True),
    angle=st.sampled_from(["all", *ANGLES]),
    levels=st.integers(2, 256),
    symmetric=st.booleans(),
    smooth=st.booleans(),
)
def test_maps_equal_scikit_image_in_every_window(
    seed, window, distances, angle, levels, symmetric, smooth
):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(24, 27))
    if smooth:
        image = np.round(image.cumsum(axis=1).cumsum(axis=0) / 20)
    maps = ccc.glcm_features(
        image,
        feature="all",
        window=window,
        distances=",".join(map(str, distances)),
        angle=angle,
        levels=levels,
        symmetric=symmetric,
    ).maps
    padded = np.pad(quantised(image, levels), window // 2, mode="reflect")
    for y, x in [(0, 0), (23, 26), (12, 13), *rng.integers(0, 24, (3, 2))]:
        expected = features_of(
            padded[y : y + window, x : x + window],
            distances,
            ANGLES if angle == "all" else [angle],
            levels,
            symmetric,
        )
        for name, value in expected.items():
            np.testing.assert_allclose(
                maps[f"GLCM {name}"].data[y, x], value, rtol=0, atol=1e-9 * (1 + abs(value))
            )


def test_a_matrix_worked_out_by_hand():
    image = np.array([[0, 0, 1], [0, 0, 1], [0, 2, 2]], np.uint8)
    # pairs along rows: 00, 01, 00, 01, 02, 22
    maps = run(feature_maps(image, Pairs(3, [(0, 1)], 3, symmetric=False), FEATURES))
    found = dict(zip(FEATURES, maps[:, 1, 1], strict=True))
    assert found["contrast"] == pytest.approx((1 + 1 + 4) / 6)
    assert found["dissimilarity"] == pytest.approx((1 + 1 + 2) / 6)
    assert found["homogeneity"] == pytest.approx((3 + 2 / 2 + 1 / 5) / 6)
    assert found["asm"] == pytest.approx((4 + 4 + 1 + 1) / 36)
    assert found["entropy"] == pytest.approx(np.log(6) - (2 * np.log(2) * 2) / 6)


@pytest.mark.parametrize("window", [5, 21])
def test_a_constant_image_has_no_texture(window):
    maps = ccc.glcm_features(np.full((30, 30), 7, np.uint16), feature="all", window=window).maps
    for name, value in {
        "contrast": 0, "dissimilarity": 0, "entropy": 0, "homogeneity": 1, "asm": 1, "energy": 1,
        "correlation": 1,
    }.items():  # fmt: skip
        np.testing.assert_allclose(maps[f"GLCM {name}"].data, value, atol=1e-11)


@pytest.mark.parametrize("window", [5, 15])
@pytest.mark.parametrize("feature", ["homogeneity", "entropy"])
def test_chunks_and_stacks_equal_the_whole(rng, window, feature):
    image = rng.integers(0, 4000, (2, 90, 70)).astype(np.uint16)
    whole = ccc.glcm_features(image, feature=feature, window=window).data
    lazy = ccc.glcm_features(
        da.from_array(image, chunks=(1, 31, 23)), feature=feature, window=window
    ).data
    assert isinstance(lazy, da.Array)
    np.testing.assert_allclose(lazy.compute(), whole, atol=1e-12)


def test_a_16_bit_ramp_keeps_its_levels(ramp16, rng):
    noisy = np.clip(ramp16.astype(int) + rng.integers(0, 3000, ramp16.shape), 0, 65535)
    found = ccc.glcm_features(noisy.astype(np.uint16), levels=256, window=7, feature="contrast")
    assert len(np.unique(found.data)) > 1000


def test_missing_pixels_are_missing_in_the_map(rng):
    image = rng.normal(size=(20, 20))
    image[4, 5] = np.nan
    found = ccc.glcm_features(image).data
    assert np.isnan(found[4, 5])
    assert np.isfinite(found).sum() == 399


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"window": 4}, "odd"),
        ({"window": 31}, "smaller window"),
        ({"distances": "1, x"}, "write integers"),
        ({"distances": "5"}, "1 to 4"),
        ({"levels": 300}, "2 to 256"),
        ({"feature": "colour"}, "feature is 'colour'"),
        ({"angle": "30"}, "angle"),
    ],
)
def test_wrong_choices_are_refused_in_words(choices, words):
    with pytest.raises(ValueError, match=words):
        ccc.glcm_features(np.zeros((20, 20)), **choices)


@pytest.mark.parametrize(
    ("feature", "window", "most"),
    [("contrast", 9, 1 << 20), ("all", 9, 1 << 19), ("entropy", 13, 1 << 18),
     ("entropy", 31, 1 << 17)],
)  # fmt: skip
def test_slow_features_are_computed_in_small_steps(feature, window, most):
    """Between two steps a cancel waits: slow features and large windows take small ones."""
    steps = glcm_features(np.zeros((3000, 3000), np.uint8), feature=feature, window=window)
    texture = next(step for step in steps if step.note == "texture")
    steps.close()
    assert 3000 * 3000 / most <= texture.total < 4 * 3000 * 3000 / most


def test_one_tile_of_a_large_window_takes_many_steps():
    steps = glcm_features(np.zeros((140, 140), np.uint8), feature="entropy", window=127, angle="0")
    tiles = [step.done for step in steps if step.note == "texture"]
    assert steps.gi_frame is None and tiles[-1] == 1
    assert tiles.count(0) >= 5


def test_torch_maps_what_the_engine_maps(rng):
    levels = rng.integers(0, 16, (31, 40)).astype(np.uint8)
    levels[:, :15] = 3
    pairs = Pairs(7, [(0, 2), (2, 0), (1, -1)], 16, True)
    names = ["correlation", "entropy", "contrast", "energy"]
    expected = run(feature_maps(levels, pairs, names))
    found = on_device(levels, pairs, names, "cpu")
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("scope", ["stack", "slice"])
def test_a_device_is_obeyed_or_refused(rng, scope, monkeypatch):
    import torch

    stack = rng.random((2, 20, 24))
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="no cuda device"):
            ccc.glcm_features(stack, scope=scope, device="cuda")
        monkeypatch.setenv("VISUAL_CCC_DEVICE", "cuda")
        with pytest.raises(ValueError, match="no cuda device, which the settings ask for"):
            ccc.glcm_features(stack, scope=scope)
        assert ccc.glcm_features(stack, scope=scope, device="cpu").data.shape == stack.shape
        return
    expected = ccc.glcm_features(stack, scope=scope).data
    found = ccc.glcm_features(stack, scope=scope, device="cuda").data
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
