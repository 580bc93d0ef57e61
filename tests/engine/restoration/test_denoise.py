from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from skimage.io import imread
from skimage.metrics import peak_signal_noise_ratio

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.restoration import denoise as module
from napari_visual_ccc.engine.restoration.denoise import denoise

METHODS = list(module._FILTERS)


@pytest.fixture(scope="module")
def alloy(data):
    file = sorted((data / "segmentation/super1/test/images").glob("*.png"))[0]
    return imread(file)[:256, :256] / 255


def noisy(image, peak, sigma):
    rng = np.random.default_rng(3)
    return rng.poisson(image * peak) / peak + rng.normal(0, sigma, image.shape)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("peak", "sigma"), [(200, 0.02), (20, 0.05)])
def test_every_method_brings_a_real_micrograph_nearer_to_the_clean_one(alloy, method, peak, sigma):
    given = noisy(alloy, peak, sigma)
    found = ccc.denoise(given, method=method)
    before, after = (peak_signal_noise_ratio(alloy, i, data_range=1) for i in (given, found.data))
    assert after > before + 3
    # the transform and back must not shift grey
    assert found.data.mean() == pytest.approx(alloy.mean(), abs=0.01)
    assert found.data.dtype == np.float32


def sections(seed):
    """Membranes and grain of a serial section: no place without texture."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    level = gaussian_filter(rng.normal(size=(256, 256)), 1.5)
    level -= 0.5 * gaussian_filter(rng.normal(size=(256, 256)), 3)
    grain = gaussian_filter(rng.normal(size=(256, 256)), 0.6)
    image = -0.4 * np.exp(-((level / level.std() / 0.15) ** 2)) + 0.07 * grain / grain.std()
    return 0.05 + 0.9 * (image - image.min()) / np.ptp(image)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", [1, 3])
def test_an_image_without_flat_areas_does_not_become_worse(method, seed):
    clean = sections(seed)
    given = noisy(clean, 300, 0.01)
    found, before = ccc.denoise(given, method=method), np.mean((given - clean) ** 2)
    assert np.mean((found.data - clean) ** 2) <= before
    assert "cannot be distinguished from the texture" in " ".join(found.notes)
    if method == "non-local means":
        old = ccc.denoise(given, method=method, cautious=False).data
        assert np.mean((old - clean) ** 2) > 1.5 * before


@pytest.mark.parametrize("factor", [2, 3])
def test_noise_that_neighbours_share_does_no_harm(alloy, factor):
    from skimage.transform import resize

    clean = resize(alloy, (256 * factor, 256 * factor), order=3)
    given = resize(noisy(alloy, 60, 0.02), clean.shape, order=3)
    found = ccc.denoise(given)
    # next to nothing is removed; rounding to 32 bit
    assert np.mean((found.data - clean) ** 2) <= (1 + 1e-5) * np.mean((given - clean) ** 2)
    assert "estimate of the noise is poor" in " ".join(found.notes)


@pytest.mark.parametrize("method", METHODS)
def test_tiles_give_what_the_whole_gives(rng, method):
    image = rng.normal(100, 20, (2, 200, 90)).astype(np.float32)
    whole = ccc.denoise(image, method=method).data
    lazy = ccc.denoise(da.from_array(image, chunks=(1, 77, 90)), method=method).data
    assert isinstance(lazy, da.Array)
    np.testing.assert_allclose(lazy.compute(), whole, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_16_bit_ramp_keeps_its_levels(ramp16, method):
    noisy = np.clip(ramp16 + np.random.default_rng(0).normal(0, 300, ramp16.shape), 0, 65535)
    found = ccc.denoise(noisy.astype(np.uint16), method=method).data
    assert len(np.unique(found)) > 1000
    np.testing.assert_allclose(found[64:-64, 64:-64], ramp16[64:-64, 64:-64], atol=2500)


def test_an_image_without_noise_stays_as_it_is_and_says_so():
    image = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    found = ccc.denoise(image)
    np.testing.assert_array_equal(found.data, image)
    assert "no noise" in found.notes[-1]


def test_strength_decides_how_smooth(alloy):
    given = noisy(alloy, 20, 0.05)
    spread = [ccc.denoise(given, method="gaussian", strength=s).data.std() for s in (0, 0.5, 1, 2)]
    assert spread == sorted(spread, reverse=True)
    np.testing.assert_array_equal(ccc.denoise(given, strength=0).data, given.astype(np.float32))


def test_missing_pixels_stay_missing(rng):
    image = rng.normal(100, 10, (64, 64))
    image[5, 6] = np.nan
    found = ccc.denoise(image, method="median").data
    assert np.isnan(found[5, 6])
    assert np.isfinite(found).sum() == image.size - 1


def test_progress_comes_often_on_a_large_image(rng):
    image = rng.normal(100, 10, (1500, 1000)).astype(np.float32)
    steps = denoise(image)
    # the first steps try parameters on crops
    totals = {next(steps).total for _ in range(6)}
    steps.close()
    assert max(totals) >= 5


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"method": "magic"}, "non-local means"),
        ({"strength": 9}, "0 to 3"),
        ({"noise": "pink"}, "gaussian or poisson"),
    ],
)
def test_wrong_choices_are_refused(choices, words):
    with pytest.raises(ValueError, match=words):
        run(denoise(np.zeros((8, 8)), **choices))


def test_a_slice_of_nothing_is_passed_over(rng):
    stack = rng.normal(100, 10, (3, 40, 40))
    stack[1] = np.nan
    found = ccc.denoise(stack, method="gaussian").data
    assert np.isnan(found[1]).all()
    assert found[0].std() < stack[0].std()


def test_a_hole_in_the_middle_is_no_reason_to_refuse(rng):
    image = rng.normal(100, 10, (2300, 2300)).astype(np.float32)
    image[100:2200, 100:2200] = np.nan
    found = ccc.denoise(image, method="gaussian").data
    assert np.isfinite(found).sum() == np.isfinite(image).sum()


@pytest.mark.parametrize("method", ["non-local means", "total variation"])
def test_a_second_run_hardly_changes_the_image(alloy, method):
    once = ccc.denoise(noisy(alloy, 60, 0.02), method=method).data
    twice = ccc.denoise(once, method=method)
    before, after = (np.mean((image - alloy) ** 2) for image in (once, twice.data))
    assert after <= 1.002 * before
    assert twice.facts["kurtosis"] > 3.3
    assert "cannot be distinguished from the texture" in " ".join(twice.notes)
    # the first run is not held back
    assert ccc.denoise(noisy(alloy, 60, 0.02), method=method).facts["kurtosis"] < 3.1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grain", [0.5, 0.7, 1.2])
def test_fine_texture_alone_is_left_as_it_is(method, grain):
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    clean = gaussian_filter(rng.normal(size=(160, 160)), grain)
    clean = 0.05 + 0.9 * (clean - clean.min()) / np.ptp(clean)
    given = np.round(clean * 255) / 255
    found = ccc.denoise(given, method=method)
    before, after = (np.mean((image - clean) ** 2) for image in (given, found.data))
    assert after <= (1 + 1e-5) * before
    assert "estimate of the noise is poor" in " ".join(found.notes)


@pytest.mark.parametrize("method", ["median", "wavelet", "gaussian"])
def test_a_second_run_of_a_quick_method_does_no_harm(method):
    clean = sections(1)
    given = noisy(clean, 60, 0.02)
    once = ccc.denoise(given, method=method).data
    twice = ccc.denoise(once, method=method).data
    errors = [np.mean((image - clean) ** 2) for image in (given, once, twice)]
    assert errors[1] < 0.7 * errors[0]
    assert errors[2] <= 1.002 * errors[1]


def test_noise_that_was_compressed_is_still_removed(alloy):
    import cv2

    stored = np.clip(noisy(alloy, 60, 0.02) * 255, 0, 255).round().astype(np.uint8)
    code = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    given = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) / 255
    found = ccc.denoise(given).data
    before, after = (peak_signal_noise_ratio(alloy, i, data_range=1) for i in (given, found))
    assert after > before + 3


def test_an_image_that_is_said_to_be_denoised_stays_as_it_is(rng):
    image = noisy(np.full((96, 96), 0.5), 60, 0.02)
    found = ccc.denoise(image, denoised="BM3D")
    np.testing.assert_array_equal(found.data, image.astype(np.float32))
    assert found.notes[0].startswith("already denoised by BM3D: the image is unchanged")
    assert found.facts["share"] == 0
    # whoever wants it nevertheless
    again = ccc.denoise(image, denoised="BM3D", cautious=False)
    assert again.data.std() < 0.5 * image.std()
