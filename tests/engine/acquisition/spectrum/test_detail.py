import cv2
import dask.array as da
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from napari_visual_ccc import samples
from napari_visual_ccc.engine.acquisition.spectrum.detail import (
    band_end,
    finest_detail,
    power_of,
    windows_of,
)


def test_nine_windows_show_a_large_plane_level(rng):
    plane = rng.normal(size=(1600, 2000)) + np.linspace(0, 100, 2000)
    windows = windows_of(plane)
    assert len(windows) == 9
    for window in windows:
        assert window.shape == (512, 512)
        assert abs(window.mean()) < 1e-9
        assert abs(window[:, :100].mean() - window[:, -100:].mean()) < 0.1
    lazy = windows_of(da.from_array(plane, chunks=300))
    np.testing.assert_array_equal(windows, lazy)


def test_windows_without_a_finite_pixel_are_left_out():
    plane = np.ones((600, 600))
    plane[:, 600 - 512 :] = np.nan
    plane[0, 100] = np.nan
    windows = windows_of(plane)
    # of three columns the last shows nothing
    assert len(windows) == 6
    assert all(np.isfinite(window).all() for window in windows)


@pytest.mark.parametrize("period", [4.0, 8.0])
def test_detail_ends_with_the_band_of_the_signal(rng, period):
    spectrum = np.fft.fft2(rng.normal(size=(512, 512)))
    y, x = np.fft.fftfreq(512)[:, None], np.fft.fftfreq(512)[None]
    image = np.fft.ifft2(spectrum * (np.hypot(y, x) < 1 / period)).real
    image += rng.normal(0, 0.01 * image.std(), image.shape)
    detail, along = finest_detail(power_of([image]), 512)
    assert detail == pytest.approx(period, rel=0.08)
    assert along == pytest.approx([period] * 4, rel=0.1)


def test_windows_too_small_for_detail_are_not_a_number():
    assert np.isnan(finest_detail(power_of([np.ones((31, 64))]), 64)[0])


def resampled(name, factor, kernel, quality=None, letters=False):
    small = samples.load(name).data[: 500 // factor, : 500 // factor]
    large = np.asarray(Image.fromarray(small).resize((factor * small.shape[1],) * 2, kernel))
    large = large[1:, 3:].copy()
    if letters:
        cv2.rectangle(large, (8, 420), (220, 480), 0, -1)
        cv2.putText(large, "500 nm", (20, 465), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 255, 2)
    if quality:
        code = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        large = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)
    return large


@pytest.mark.parametrize("quality", [None, 95, 75])
@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
@pytest.mark.parametrize("factor", [2, 3, 5])
@pytest.mark.parametrize("name", ["nanocomposite", "powder"])
def test_the_band_of_an_enlarged_image_ends_where_that_of_its_original_did(
    name, factor, kernel, quality
):
    small = windows_of(samples.load(name).data[: 500 // factor, : 500 // factor])
    original, _ = finest_detail(power_of(small), small[0].shape[1])
    for letters in (False, True):
        found = band_end(windows_of(resampled(name, factor, kernel, quality, letters)))
        if found.known:
            assert 1.45 * factor < found.period < 1.4 * factor * original, found
        else:
            # JPEG hides a weak fall
            assert quality == 75
            assert factor < 5


def test_images_as_they_are_have_no_end_of_band(rng):
    for name in ("superalloy", "coating", "powder", "nanocomposite"):
        image = samples.load(name).data[:400, :400]
        assert not band_end(windows_of(image)).known
        code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
        assert not band_end(windows_of(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))).known
    # the detail of a blurred image ends in the noise of the detector
    smooth = gaussian_filter(rng.normal(size=(300, 300)), 3)
    found = band_end([100 * smooth / smooth.std() + rng.normal(0, 10, smooth.shape)])
    assert found.noisy
    assert not found.known


def test_no_end_of_band_without_a_spectrum():
    for image in (np.zeros((100, 100)), np.ones((40, 300))):
        found = band_end([image])
        assert np.isnan(found.period)
        assert not found.known
