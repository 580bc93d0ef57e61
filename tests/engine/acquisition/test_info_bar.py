from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from benchmarks.bar_styles import STYLES, spoilt, with_bar
from benchmarks.info_bars import error, grey, images
from benchmarks.no_bars import KINDS
from napari_visual_ccc import samples
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.acquisition.bar_detector import find_info_bar
from napari_visual_ccc.engine.acquisition.lettering import in_lines, is_written
from napari_visual_ccc.io.read import read
from napari_visual_ccc.io.write.images import of_result, write_image


def barred(name="powder", style="black, framed cells (FEI)", seed=0):
    return with_bar(samples.load(name).data, style, np.random.default_rng(seed))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", samples.NAMES)
def test_bars_of_all_styles_are_found(style, name):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        made = with_bar(samples.load(name).data, style, rng)
        assert error(find_info_bar(made.image), made.bar) <= 2
        made = spoilt(made, rng)
        assert error(find_info_bar(made.image), made.bar) <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_looks_like_a_bar_is_left_alone(kind):
    for k, name in enumerate(samples.NAMES):
        rng = np.random.default_rng(k)
        assert not find_info_bar(KINDS[kind](samples.load(name).data, rng)), name


@pytest.mark.parametrize("border", ["top", "bottom", "left", "right"])
def test_the_border_is_told(border):
    image = barred(seed=3).image
    height = barred(seed=3).bar.bottom
    assert height
    turned = {
        "bottom": image, "top": image[::-1], "left": image[::-1].T, "right": image.T
    }  # fmt: skip
    assert find_info_bar(turned[border]) == InfoBar(**{border: height})


def test_a_bar_above_and_one_below_are_both_found():
    below = barred(seed=3)
    both = np.vstack([below.image[-below.bar.bottom :], below.image])
    assert find_info_bar(both) == InfoBar(top=below.bar.bottom, bottom=below.bar.bottom)


def test_missing_pixels_and_huge_or_tiny_values_do_not_matter():
    made = barred(seed=3)
    image = made.image.astype(float)
    assert find_info_bar(image * 1e-12) == made.bar
    assert find_info_bar(image * 1e30 - 1e31) == made.bar
    assert find_info_bar(made.image.astype(np.int32) + 2**30) == made.bar
    image[:20] = np.nan
    image[-5, 30:60] = np.inf
    assert find_info_bar(image) == made.bar


@pytest.mark.parametrize("shape", [(1, 1), (11, 300), (300, 11), (40, 63), (64, 64)])
def test_images_without_room_for_a_bar_have_none(shape, rng):
    assert not find_info_bar(rng.integers(0, 255, shape).astype(np.uint8))
    assert not find_info_bar(np.zeros(shape))
    assert not find_info_bar(np.full(shape, np.nan))


def test_only_the_borders_of_a_lazy_image_are_read():
    made = barred(seed=3)
    image = np.pad(made.image, ((3000, 0), (0, 0)), mode="symmetric")
    touched = set()

    def watched(block, block_info=None):
        touched.add(tuple(block_info[0]["chunk-location"]))
        return block

    whole = da.from_array(image, chunks=(400, 128))
    lazy = whole.map_blocks(watched, dtype=image.dtype, meta=image[:0, :0])
    assert find_info_bar(lazy) == made.bar
    assert (10, 0) in touched
    assert not touched & {(row, column) for row in (4, 5) for column in (5, 6)}


def test_the_mask_covers_the_bar():
    made = barred(seed=3)
    found = ccc.detect_info_bar(made.image)
    height = made.bar.bottom
    assert found.facts == {"info_bar": {"top": 0, "bottom": height, "left": 0, "right": 0}}
    assert found.notes == (f"info bar: {height} rows at the bottom",)
    assert (found.labels[-height:] == 1).all()
    assert not found.labels[:-height].any()
    assert ccc.detect_info_bar(samples.load("powder").data).notes == ("no info bar",)


def test_the_file_knows_better_than_the_picture_and_the_hand_better_than_both():
    image = barred(seed=3).image
    known = InfoBar(bottom=7, left=2)
    assert ccc.detect_info_bar(image, known).facts["info_bar"] == {
        "top": 0, "bottom": 7, "left": 2, "right": 0
    }  # fmt: skip
    assert not ccc.detect_info_bar(image, InfoBar()).labels.any()
    by_hand = ccc.detect_info_bar(image, known, find="manual", right=9)
    assert by_hand.labels.sum() == 9 * len(image)
    assert not ccc.detect_info_bar(image, known, find="manual").labels.any()


def test_an_unknown_choice_is_refused():
    with pytest.raises(ValueError, match="choose auto or manual"):
        ccc.detect_info_bar(np.eye(64), find="guess")


def test_a_bar_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="leaves nothing of an image 40 x 30"):
        ccc.crop_info_bar(np.eye(30, 40), find="manual", top=20, bottom=10)


def test_the_bar_is_cut_off_and_the_field_keeps_its_place_and_values(tmp_path):
    image = samples.load("powder").data
    whole = np.pad(image, ((50, 8), (20, 4)))
    bar = InfoBar(50, 8, 20, 4)
    field = ccc.crop_info_bar(whole, bar)
    np.testing.assert_array_equal(field.data, image)
    assert field.data.dtype == image.dtype
    assert field.corner == field.first_centre == (50, 20)
    assert not np.shares_memory(field.data, whole)
    path = tmp_path / "field.ome.tif"
    run(write_image(of_result(field, spacing=(2.0, 3.0), unit="nm"), path))
    import tifffile

    with tifffile.TiffFile(path) as tif:
        assert 'PositionY="100.0"' in tif.ome_metadata
        assert 'PositionX="60.0"' in tif.ome_metadata
    np.testing.assert_array_equal(read(path).data, image)


def test_stacks_and_lazy_stacks_are_looked_at_in_the_middle():
    made = barred(seed=3)
    stack = np.stack([np.zeros_like(made.image), made.image, made.image])
    height = made.bar.bottom
    for image in (stack, da.from_array(stack, chunks=(1, 200, 200))):
        mask, field = ccc.detect_info_bar(image), ccc.crop_info_bar(image)
        assert mask.labels.shape == stack.shape
        assert np.asarray(mask)[:, -height:].all()
        np.testing.assert_array_equal(np.asarray(field), stack[:, :-height])


def test_letters_stand_in_lines_and_grains_do_not():
    letters = np.array([[10 * k, 20 + k % 2, 6, 12 - 4 * (k % 3 == 0), 40] for k in range(6)])
    letters[:, 1] = 32 - letters[:, 3]
    assert in_lines(letters).all()
    grains = letters.copy()
    grains[:, 1] += 9 * np.arange(6)
    assert not in_lines(grains).any()
    assert not in_lines(letters[:2]).any()


def test_equal_dots_in_a_row_are_not_written():
    ink = np.zeros((30, 200), bool)
    for x in range(10, 190, 12):
        ink[10:18, x : x + 6] = True
    assert not is_written(ink)
    ink[10:14, 34:40] = ink[10:18, 84:87] = ink[10:18, 140:142] = False
    assert is_written(ink)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "bar"),
    [
        ("FEI-Helios-Ebeam-8bits", InfoBar(bottom=29)),
        ("FEI-Helios-Ebeam-16bits", InfoBar(bottom=29)),
        ("test_tiff_Zeiss_SEM_1k", InfoBar(bottom=77)),
        ("JEOL-SightX-TEM-mag-dummy", InfoBar()),
        ("olympus_SIS", InfoBar()),
        ("test_loading_image_saved_with_imageJ", InfoBar()),
    ],
)
def test_bars_of_vendors_are_found(data, name, bar):
    image = np.asarray(read(data / "formats" / f"{name}.tif").data)
    assert find_info_bar(image if image.ndim == 2 else image[..., 0]) == bar


@pytest.mark.data
def test_real_micrographs_and_their_masks_have_no_bar(data):
    for tune in (True, False):
        for path, image in images(data, tune).items():
            assert not find_info_bar(image), path
    for path in sorted(data.glob("segmentation/*/test/masks/*.png")):
        assert not find_info_bar(grey(path)), path


def test_a_figure_shows_the_field_where_it_was_cut_out():
    from matplotlib.figure import Figure

    from napari_visual_ccc.report.figures import draw

    whole = np.pad(samples.load("superalloy").data, ((50, 8), (20, 4)))
    axes = Figure().subplots()
    draw(axes, ccc.crop_info_bar(whole, InfoBar(50, 8, 20, 4)), image=whole)
    height, width = (n - m for n, m in zip(whole.shape, (8, 4), strict=True))
    assert axes.images[1].get_extent() == [20, width, height, 50]


@pytest.mark.parametrize("period", [8, 25, 60])
@pytest.mark.parametrize("wave", [np.sin, lambda u: np.sign(np.sin(u))])
def test_regular_lines_are_no_bar(period, wave, rng):
    y = np.arange(300)[:, None] * 2 * np.pi / period
    for noise in (3, 10, 25):
        lines = wave(y) * 60 + 128 + rng.normal(0, noise, (300, 300))
        lines = lines.clip(0, 255).astype(np.uint8)
        for image in (lines, lines.T):
            assert not find_info_bar(image)
