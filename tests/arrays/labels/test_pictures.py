import colorsys
from io import BytesIO

import dask.array as da
import numpy as np
import pytest
from PIL import Image

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.labels.pictures import labels_of

COLOURS = np.array(
    [(0, 0, 0), (230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48),
     (145, 30, 180)], np.uint8,
)  # fmt: skip


@pytest.fixture
def numbers():
    labels = np.zeros((40, 60), np.uint8)
    labels[2:10, 3:12], labels[15:22, 30:44], labels[28:38, 5:25] = 1, 2, 3
    return labels


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool])
@pytest.mark.parametrize("stack", [False, True])
def test_a_mask_saved_as_colour_is_a_mask(numbers, channels, dtype, stack):
    mask = (numbers > 0).astype(dtype) * np.array(255 if dtype is np.uint8 else 1, dtype)
    picture = np.stack([mask] * channels, -1)
    picture = np.stack([picture, picture]) if stack else picture
    labels, notes = labels_of(picture)
    np.testing.assert_array_equal(labels, [mask, mask] if stack else mask)
    assert "equal channels" in notes[0]


@pytest.mark.parametrize("ground", [(0, 0, 0), (255, 255, 255)])
@pytest.mark.parametrize("channels", [3, 4])
def test_each_colour_of_a_map_is_a_label(numbers, ground, channels):
    table = np.array([ground, (200, 10, 10), (10, 200, 10), (10, 10, 200)], np.uint8)
    picture = table[numbers]
    if channels == 4:
        picture = np.concatenate([picture, np.full((*numbers.shape, 1), 255, np.uint8)], -1)
    labels, notes = labels_of(picture)
    # the same regions, whatever their numbers
    assert len(np.unique(labels)) == 4
    assert len({(int(a), int(b)) for a, b in zip(labels.flat, numbers.flat, strict=True)}) == 4
    np.testing.assert_array_equal(labels == 0, numbers == 0)
    assert "3 colours" in notes[0]
    assert ("most frequent" in notes[0]) is (ground != (0, 0, 0))


@pytest.mark.case("S02a")
@pytest.mark.parametrize("ground", [(0, 0, 0), (255, 255, 255), (200, 10, 10)])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 10, 10)])
@pytest.mark.parametrize("opacity", [255, 100])
def test_clear_pixels_are_the_background_whatever_their_colour(numbers, ground, colour, opacity):
    inside = numbers > 0
    colours = np.where(inside[..., None], colour, ground)
    picture = np.dstack([colours, np.where(inside, opacity, 0)]).astype(np.uint8)
    labels, notes = labels_of(picture)
    np.testing.assert_array_equal(labels > 0, inside)
    assert len(np.unique(labels)) == 2
    assert "clear pixels" in notes[-1]
    # a clear corner of a map in colours
    table = np.array([(0, 0, 0), (200, 10, 10), (10, 200, 10), (10, 10, 200)], np.uint8)
    clear = np.dstack([table[numbers], np.full(numbers.shape, opacity)]).astype(np.uint8)
    clear[:2] = (*ground, 0)
    there = np.where(np.arange(len(numbers))[:, None] < 2, 0, numbers)
    assert len(np.unique(labels_of(clear)[0])) == len(np.unique(there))


def test_a_photograph_is_no_map(rng):
    with pytest.raises(ValueError, match="colour picture of"):
        labels_of(rng.integers(0, 255, (100, 100, 3)).astype(np.uint8))


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_a_mask_in_jpeg_is_a_mask_again(numbers, quality):
    from io import BytesIO

    from PIL import Image

    mask = np.where(numbers > 0, 255, 0).astype(np.uint8)
    mask = np.kron(mask, np.ones((5, 5), np.uint8))
    file = BytesIO()
    Image.fromarray(mask).save(file, "JPEG", quality=quality)
    blurred = np.array(Image.open(file))
    assert len(np.unique(blurred)) > 3
    labels, notes = labels_of(blurred)
    assert (labels != mask).mean() < 0.002
    assert "JPEG" in notes[0]


def test_labels_stay_as_they_are(numbers, rng):
    many = rng.integers(0, 30, (40, 60)).astype(np.uint8)
    ignored = np.where(numbers == 3, 255, numbers).astype(np.uint8)
    for labels in (numbers, many, ignored, numbers.astype(np.int32), np.stack([numbers] * 5)):
        assert labels_of(labels) == (labels, ())
    lazy = da.from_array(numbers)
    assert labels_of(lazy)[0] is lazy


@pytest.fixture(scope="module")
def discs():
    """Six discs of 1 to 6, and their areas."""
    y, x = np.mgrid[:160, :240]
    labels = np.zeros((160, 240), np.uint8)
    for number, radius in enumerate((14, 16, 18, 20, 22, 24), 1):
        row, column = divmod(number - 1, 3)
        labels[np.hypot(y - 40 - 80 * row, x - 40 - 80 * column) <= radius] = number
    return labels


def saved(picture, kind, **how):
    file = BytesIO()
    Image.fromarray(picture).save(file, kind, **how)
    return np.array(Image.open(file))


def resized(picture, size, how):
    return np.array(Image.fromarray(picture).resize(size, getattr(Image.Resampling, how)))


def areas(labels):
    return sorted(np.unique(labels[labels > 0], return_counts=True)[1].tolist())


@pytest.mark.parametrize("ground", [0, 255])
@pytest.mark.parametrize(
    ("kind", "quality"), [("JPEG", 60), ("JPEG", 85), ("JPEG", 95), ("WEBP", 80)]
)
def test_colours_that_compression_smeared_are_put_back(discs, kind, quality, ground):
    table = COLOURS.copy()
    table[0] = ground
    picture = saved(table[discs], kind, quality=quality)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 64
    labels, notes = labels_of(picture)
    # each disc has one number, whatever it is
    assert len(np.unique(labels)) == 7
    pairs = np.unique(np.stack([labels.ravel(), discs.ravel()]), axis=1, return_counts=True)[1]
    assert np.sort(pairs)[-7:].sum() > 0.999 * discs.size
    assert "6 colours" in notes[0]
    assert "put back" in notes[0]


def hues(saturation, value):
    turns = [colorsys.hsv_to_rgb(number / 9, saturation, value) for number in range(6)]
    return np.array([(0, 0, 0), *np.multiply(turns, 255).astype(int)], np.uint8)


def test_pale_colours_and_small_regions_in_jpeg_are_refused(discs):
    labels, _ = labels_of(saved(hues(0.6, 1.0)[discs], "JPEG", quality=75), lossy=True)
    np.testing.assert_allclose(areas(labels), areas(discs), rtol=0.01)
    small = np.zeros_like(discs)
    small[::4, ::6] = discs[::4, ::6]
    for picture in (hues(0.3, 0.7)[discs], hues(0.8, 1.0)[small]):
        with pytest.raises(ValueError, match="save labels without loss"):
            labels_of(saved(picture, "JPEG", quality=60), lossy=True)


@pytest.mark.parametrize("how", ["BILINEAR", "BICUBIC", "LANCZOS"])
def test_colours_and_levels_that_resizing_blended_are_put_back(discs, how):
    for picture in (COLOURS[discs], discs * np.uint8(40)):
        labels, notes = labels_of(resized(picture, (300, 200), how))
        assert len(np.unique(labels)) == 7
        np.testing.assert_allclose(areas(labels), np.multiply(areas(discs), 1.25**2), rtol=0.02)
        assert "put back" in notes[0]


@pytest.mark.parametrize("quality", [70, 85, 95])
def test_levels_that_jpeg_smeared_are_put_back(discs, quality):
    picture = saved(discs * np.uint8(40), "JPEG", quality=quality)
    labels, notes = labels_of(picture, lossy=True)
    np.testing.assert_allclose(areas(labels), areas(discs), rtol=0.002)
    np.testing.assert_allclose(np.unique(labels), 40 * np.arange(7), atol=2)
    assert "7 levels" in notes[0]


def test_a_smoothed_mask_is_a_mask(discs):
    large = np.where(np.kron(discs, np.ones((4, 4), np.uint8)) > 0, np.uint8(255), np.uint8(0))
    from scipy.ndimage import gaussian_filter

    labels, notes = labels_of(gaussian_filter(large, 3)[::4, ::4].copy())
    assert set(np.unique(labels)) == {0, 255}
    assert abs((labels > 0).mean() / (discs > 0).mean() - 1) < 0.02
    assert "smoothing" in notes[0]


@pytest.mark.parametrize("high", [128, 160, 255])
def test_a_mask_of_any_level_is_cut_at_half_of_it(discs, high):
    picture = saved(np.where(discs > 0, high, 0).astype(np.uint8), "JPEG", quality=80)
    labels, _ = labels_of(picture, lossy=True)
    assert abs((labels > 0).sum() / (discs > 0).sum() - 1) < 0.005


def test_levels_too_close_for_jpeg_are_refused(discs):
    for near in (discs > 0, discs, discs * 5, discs * 12):
        picture = saved(near.astype(np.uint8), "JPEG", quality=85)
        with pytest.raises(ValueError, match="PNG or TIFF"):
            labels_of(picture, lossy=True)


def test_an_overlay_on_a_micrograph_is_no_map(discs, rng):
    grey = np.clip(rng.normal(120, 20, discs.shape), 0, 255).astype(np.uint8)
    picture = np.stack([grey] * 3, -1)
    picture[discs > 0] = (255, 0, 0)
    # one that lets the micrograph through
    through = np.stack([np.where(discs > 0, 128 + grey // 2, grey), grey // 2, grey // 2], -1)
    for one in (picture, through.astype(np.uint8), saved(picture, "JPEG", quality=90)):
        with pytest.raises(ValueError, match="colour picture"):
            labels_of(one)


def test_specks_noise_and_many_labels_without_loss_stay_as_they_are(discs, rng):
    specks = np.zeros((160, 240), np.uint8)
    specks[4::8, 4::8] = np.arange(20 * 30).reshape(20, 30) % 250 + 1
    noisy = np.where(rng.random(discs.shape) < 0.2, rng.integers(0, 7, discs.shape), discs)
    for labels in (discs, specks, noisy.astype(np.uint8), discs * np.uint8(40)):
        found, notes = labels_of(labels)
        assert found is labels
        assert notes == ()


@pytest.mark.parametrize("quality", [75, 85])
def test_a_map_in_a_file_of_jpeg_is_measured(discs, quality, tmp_path):
    path = tmp_path / "map.jpg"
    Image.fromarray(COLOURS[discs]).save(path, quality=quality)
    result = ccc.region_table(ccc.read(path))
    table = next(iter(result.tables.values()))
    assert sorted(table["area_px2"]) == areas(discs)
    # numbers from 1, one level apart
    Image.fromarray(discs).save(path, quality=quality)
    with pytest.raises(ValueError, match="PNG or TIFF"):
        ccc.region_table(ccc.read(path))


def test_many_clusters_of_noise_are_no_smeared_levels(rng):
    # each label lies between those of its neighbours, as blends at edges do
    from scipy.ndimage import gaussian_filter

    image = gaussian_filter(rng.normal(size=(100, 120)), 1.5)
    labels = (90 * (image - image.min()) / np.ptp(image)).astype(np.uint8)
    labels[90:] = 0
    found, notes = labels_of(labels)
    np.testing.assert_array_equal(found, labels)
    assert notes == ()
