import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from napari_visual_ccc import samples
from napari_visual_ccc.engine.acquisition.quality import NAMED
from napari_visual_ccc.engine.acquisition.spectrum.detail import windows_of
from napari_visual_ccc.engine.acquisition.spectrum.enlargement import enlargements


@pytest.fixture(scope="module")
def specimen():
    rng = np.random.default_rng(0)
    image = gaussian_filter(rng.normal(size=(400, 400)), 1.5)
    return 128 + 40 * image / image.std() + rng.normal(0, 4, image.shape)


def enlargement(windows):
    """The factor, or the smaller of two; NaN without one, or where two differ much."""
    found = enlargements(windows)
    return found[0] if found and found[-1] <= NAMED * found[0] else np.nan


def enlarged(image, factor, kernel=cv2.INTER_CUBIC):
    rows = int(len(image) / factor)
    return cv2.resize(image[:rows, :rows], None, fx=factor, fy=factor, interpolation=kernel)


def test_what_was_not_enlarged_has_no_factor(specimen):
    stored = specimen.clip(0, 255).astype(np.uint8)
    code = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    images = [
        specimen,
        gaussian_filter(specimen, 2),
        cv2.medianBlur(stored, 5).astype(float),
        cv2.imdecode(code, cv2.IMREAD_GRAYSCALE).astype(float),
        enlarged(specimen, 1.5),
        specimen[:100, :100],
    ]
    assert np.isnan([enlargement([image]) for image in images]).all()


def test_an_image_stretched_in_one_direction_was_not_enlarged(specimen):
    wide = cv2.resize(specimen[:, :133], (400, 400), interpolation=cv2.INTER_CUBIC)
    assert np.isnan(enlargement([wide]))


@pytest.mark.parametrize("how", ["INTER_NEAREST", "INTER_LINEAR", "INTER_CUBIC", "INTER_AREA"])
def test_doubling_is_found_whatever_the_kernel(rng, how):
    small = gaussian_filter(rng.normal(100, 30, (200, 220)), 0.7).round()
    large = cv2.resize(small, None, fx=2, fy=2, interpolation=getattr(cv2, how)).round()
    assert enlargement(windows_of(large)) == pytest.approx(2, rel=0.02)
    assert enlargement(windows_of(large[1:, 3:])) == pytest.approx(2, rel=0.02)
    assert np.isnan(enlargement(windows_of(small)))
    # in one direction only it is no enlargement
    assert np.isnan(enlargement(windows_of(large[::2])))


@pytest.mark.parametrize("name", ["superalloy", "coating", "powder", "nanocomposite"])
def test_enlarging_by_six_is_not_taken_for_doubling(name):
    small = Image.fromarray(samples.load(name).data[:90, :90])
    large = small.resize((540, 540), Image.Resampling.BILINEAR)
    found = enlargement(windows_of(np.asarray(large)[:512, :512]))
    assert np.isnan(found) or found == pytest.approx(6, rel=0.05)


@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
def test_rows_that_are_equal_by_rounding_are_not_repeated(kernel):
    from scipy.ndimage import gaussian_filter

    small = gaussian_filter(samples.load("superalloy").data[:155, :155].astype(float), 2)
    large = Image.fromarray(np.uint8(small.round())).resize((620, 620), kernel)
    assert not any(one < 1.3 for one in enlargements(windows_of(np.asarray(large)))[-1:])


@pytest.mark.parametrize("factor", [1.25, 1.5, 2.5, 3, 5, 8])
def test_repeated_pixels_are_found_at_every_factor(rng, factor):
    small = rng.normal(100, 30, (160, 170)).round()
    size = tuple(round(factor * n) for n in small.shape[::-1])
    large = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)
    assert enlargement(windows_of(large)) == pytest.approx(factor, rel=0.03)
    # an empty margin repeats its columns, and shows nothing
    assert np.isnan(enlargement(windows_of(np.pad(small, ((0, 100), (0, 100))))))


@pytest.mark.parametrize("factor", [3, 4, 5, 6.3])
def test_repeated_pixels_are_found_through_jpeg(factor):
    for name in ("coating", "powder", "nanocomposite"):
        small = samples.load(name).data[: round(500 / factor), : round(500 / factor)]
        size = tuple(round(factor * n) for n in small.shape[::-1])
        large = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)
        code = cv2.imencode(".jpg", large[1:, 3:], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        found = enlargement(windows_of(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)))
        assert found == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize("factor", [1.7, 2.2, 2.5, 3, 4])
def test_interpolated_images_have_their_factor_or_the_lower_one_of_its_period(factor):
    small = samples.load("powder").data[: round(480 / factor), : round(480 / factor)]
    large = cv2.resize(small, (480, 480), interpolation=cv2.INTER_CUBIC)
    found = enlargement(windows_of(large))
    allowed = [factor, factor / (factor - 1)] if factor < 3.4 else [factor]
    assert min(abs(found / one - 1) for one in allowed) < 0.04
    # of two factors with one period the lower one is given
    assert found < 2.67 or factor > 3.4


@pytest.mark.parametrize(("factor", "count"), [(1.7, 1), (2.2, 2), (2.5, 2), (3, 2), (4, 1)])
def test_a_factor_is_alone_where_the_spectrum_ends_once(factor, count):
    small = samples.load("powder").data[: round(480 / factor), : round(480 / factor)]
    found = enlargements(windows_of(cv2.resize(small, (480, 480), interpolation=cv2.INTER_CUBIC)))
    assert len(found) == count
    assert min(abs(one / factor - 1) for one in found) < 0.04


@pytest.mark.parametrize("factor", [1.33, 1.5])
@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("blur", [0.0, 1.0, 2.0])
def test_a_smooth_image_does_not_get_the_larger_factor_of_its_period(factor, kernel, blur):
    """1.5 times and 3 times, 1.33 times and 4 times have one period."""
    from scipy.ndimage import gaussian_filter

    coating = gaussian_filter(samples.load("coating").data[:340, :340].astype(float), blur)
    small = Image.fromarray(np.uint8(coating.round()))
    large = small.resize((round(340 * factor),) * 2, kernel)
    found = enlargements(windows_of(np.asarray(large)))
    assert len(found) != 1


@pytest.mark.parametrize("by", [0.45, 0.6, 0.75, 0.9])
def test_shrunk_and_binned_images_were_not_enlarged(by):
    for name in ("coating", "powder"):
        image = Image.fromarray(samples.load(name).data[:600, :600])
        size = (round(600 * by),) * 2
        for kernel in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
            assert np.isnan(enlargement(windows_of(np.asarray(image.resize(size, kernel)))))
        assert np.isnan(enlargement(windows_of(np.asarray(image.reduce(2)))))
