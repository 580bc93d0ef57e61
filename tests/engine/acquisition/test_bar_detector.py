from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from benchmarks.bar_layouts import LAYOUTS, drawn, fei, zeiss
from benchmarks.bar_styles import STYLES, spoilt, white_two_lines, with_bar
from benchmarks.degrade import compressed
from benchmarks.hard_negatives import KINDS as HARD
from benchmarks.info_bars import error, grey, image_paths
from benchmarks.more_layouts import NEW
from benchmarks.no_bars import KINDS, in_a_row
from napari_visual_ccc import samples
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.engine.acquisition.bar_detector import (
    BIAS,
    CERTAIN,
    PROPOSED,
    WEIGHTS,
    candidates,
    find_info_bar,
    score,
    terms,
)
from napari_visual_ccc.io.read import read
from scripts.train_bar_weights import TABLE, Table, fit

# a full field of view costs four times as much as its middle
SIDE = 512


def small(name):
    """Middle of a sample."""
    image = samples.load(name).data
    y, x = (max(0, (n - SIDE) // 2) for n in image.shape)
    return image[y : y + SIDE, x : x + SIDE]


@pytest.fixture(scope="module")
def made():
    """A picture with a bar at the bottom."""
    return with_bar(small("powder"), "black, framed cells (FEI)", np.random.default_rng(3))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", samples.NAMES)
def test_bars_of_all_styles_are_found(style, name):
    # each style as drawn on some of the samples, and spoilt on the others
    k = samples.NAMES.index(name) + list(STYLES).index(style)
    rng = np.random.default_rng(k // 2 % 2)
    drawn = with_bar(small(name), style, rng)
    one = spoilt(drawn, rng) if k % 2 else drawn
    assert error(find_info_bar(one.image), one.bar) <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_looks_like_a_bar_is_left_alone(kind):
    for k in range(list(KINDS).index(kind) % 2, len(samples.NAMES), 2):
        name, rng = samples.NAMES[k], np.random.default_rng(k)
        assert not find_info_bar(KINDS[kind](small(name), rng)), name


@pytest.mark.parametrize("border", ["top", "bottom", "left", "right"])
def test_the_border_of_the_bar_is_found(border, made):
    image, height = made.image, made.bar.bottom
    assert height
    turned = {
        "bottom": image, "top": image[::-1], "left": image[::-1].T, "right": image.T
    }  # fmt: skip
    assert find_info_bar(turned[border]) == InfoBar(**{border: height})


def test_a_bar_above_and_one_below_are_both_found(made):
    height = made.bar.bottom
    both = np.vstack([made.image[-height:], made.image])
    assert find_info_bar(both) == InfoBar(top=height, bottom=height)


def test_missing_pixels_and_huge_or_tiny_values_do_not_matter(made):
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


def test_only_the_borders_of_a_lazy_image_are_read(made):
    specimen = made.image[: -made.bar.bottom]
    image = np.tile(np.vstack([*[specimen] * 6, made.image]), (1, 3))
    touched = set()

    def watched(block, block_info=None):
        touched.add(tuple(block_info[0]["chunk-location"]))
        return block

    whole = da.from_array(image, chunks=(400, 128))
    lazy = whole.map_blocks(watched, dtype=image.dtype, meta=image[:0, :0])
    assert find_info_bar(lazy) == made.bar
    assert (len(image) // 400, 0) in touched
    assert not touched & {(4, column) for column in (5, 6)}


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
    # every twelfth of all kinds; benchmarks.info_bars measures all
    paths = [path for tune in (True, False) for path in image_paths(data, tune)]
    masks = sorted(data.glob("segmentation/*/test/masks/*.png"))
    assert len(paths) > 150
    assert len(masks) > 20
    for path in (*sorted(paths)[::12], *masks[::18]):
        assert not find_info_bar(grey(path)), path


@pytest.mark.parametrize("period", [8, 25, 60])
@pytest.mark.parametrize("wave", [np.sin, lambda u: np.sign(np.sin(u))])
def test_regular_lines_are_no_bar(period, wave, rng):
    y = np.arange(300)[:, None] * 2 * np.pi / period
    for noise in (3, 10, 25):
        lines = wave(y) * 60 + 128 + rng.normal(0, noise, (300, 300))
        lines = lines.clip(0, 255).astype(np.uint8)
        for image in (lines, lines.T):
            assert not find_info_bar(image)


def test_the_image_is_left_as_it_was(rng):
    image = rng.random((64, 160))
    image[:, :7] = np.nan
    before = image.copy()
    find_info_bar(image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("beneath", [18, 40, 90])
@pytest.mark.parametrize("name", ["powder", "coating"])
def test_a_bar_with_specimen_beneath_is_found(name, beneath):
    image = samples.load(name).data[:700, :800]
    bar = np.array(zeiss(np.random.default_rng(beneath), 60, image.shape[1], "sans").pixels)
    whole = np.vstack([image, bar, image[:beneath]])
    for upper, turned in (("bottom", whole), ("top", whole[::-1])):
        found = find_info_bar(turned)
        assert error(found, InfoBar(**{upper: 60 + beneath})) <= 2
        # a few rows may count as part of the bar
        assert beneath < 40 or found.beneath == pytest.approx(beneath, abs=2)


@pytest.mark.parametrize(("by", "quality"), [(0.45, 75), (0.45, 40), (0.7, 40), (1.4, 40)])
@pytest.mark.parametrize("layout", ["Zeiss", "FEI", "Hitachi TEM", "JEOL, two lines"])
def test_bars_outlast_resampling_and_jpeg(layout, by, quality, rng):
    image = samples.load("powder").data[:640, :900]
    strip = LAYOUTS[layout][0](np.random.default_rng(1), 56, image.shape[1], "sans")
    whole = np.vstack([image, strip.pixels])
    size = tuple(round(by * n) for n in whole.shape[::-1])
    small = np.array(Image.fromarray(whole).resize(size, Image.Resampling.BILINEAR))
    found = find_info_bar(compressed(small, quality))
    assert found.bottom == pytest.approx(56 * by, abs=2)


def test_few_figures_that_look_as_if_they_had_a_bar_lose_rows():
    lost = []
    for kind, spoil in HARD.items():
        for k, name in enumerate(("coating", "nanoparticles")):
            image = spoil(small(name), np.random.default_rng(k))
            lost += [kind] if find_info_bar(image) else []
    # a label with its scale bar on a margin without any grain may be a bar
    assert len(lost) <= 2, lost


def test_the_weights_are_those_of_the_script():
    with np.load(TABLE) as file:
        table = Table(**file)
    bias, weights = fit(table)
    assert bias == BIAS
    assert dict(zip(WEIGHTS, weights, strict=True)) == WEIGHTS


def test_every_weight_has_its_evidence(made):
    every = candidates(made.image, "bottom")
    for one in every:
        assert set(terms(one.evidence)) == set(WEIGHTS)
        assert all(0 <= value <= 1.3 for value in terms(one.evidence).values())
    assert score(max(every, key=score)) > CERTAIN > PROPOSED


@pytest.mark.parametrize("seed", [0, 1])
def test_specimen_as_bright_as_the_paper_beneath_a_bar_is_told_from_it(seed):
    image = samples.load("coating").data[:700]
    bar = np.array(white_two_lines(np.random.default_rng(seed), 60, image.shape[1]).image)
    for beneath in (0, 50):
        found = find_info_bar(np.vstack([image, bar, image[:beneath]]))
        assert error(found, InfoBar(bottom=60 + beneath)) <= 2
        assert found.beneath == pytest.approx(beneath, abs=2)


def test_bands_that_are_left_out_unread_could_not_be_a_bar(rng, made):
    noise = rng.integers(0, 255, (200, 256)).astype(np.uint8)
    for image in (noise, made.image):
        every = candidates(image, "bottom")
        read = candidates(image, "bottom", PROPOSED)
        assert all(one in read for one in every if score(one) >= PROPOSED)
    assert not candidates(noise, "bottom", PROPOSED)


def test_a_bar_of_an_image_that_is_read_in_reduced_rows_ends_to_the_row(rng):
    small = rng.normal(120, 20, (400, 300))
    specimen = np.repeat(np.repeat(small, 12, axis=0), 8, axis=1).clip(0, 255).astype(np.uint8)
    strip = fei(np.random.default_rng(0), 431, specimen.shape[1], "sans").pixels
    assert find_info_bar(np.vstack([specimen, strip])) == InfoBar(bottom=431)


@pytest.mark.parametrize(("depth", "size"), [(79, 20), (59, 14), (40, 10)])
@pytest.mark.parametrize("form", ["square", "blob", "bar of a grating"])
def test_particles_in_a_row_on_a_flat_layer_lose_no_rows(form, depth, size, rng):
    image = np.full((400, 480), 130.0) + 40 * soft_noise((400, 480), rng)
    image[-depth:] = 30
    y, x = np.mgrid[:400, :480]
    for left in range(10, 450, 2 * size):
        up, along = (y - 400 + depth / 2) / size * 2, (x - left - size / 2) / size * 2
        if form == "blob":
            inside = np.hypot(up / rng.uniform(0.8, 1.1), along / rng.uniform(0.8, 1.1)) < 1
        else:
            inside = (abs(up) < 1) & (abs(along) < (1 if form == "square" else 0.4))
        image[inside] = 220
    found = find_info_bar(np.uint8(np.clip(image + rng.normal(0, 3, image.shape), 0, 255)))
    assert not found
    assert found.doubtful is None or found.doubtful.bottom


def test_irregular_particles_in_rows_lose_no_rows():
    # 7 of 24 such pictures lost rows when letters were told by their sizes and strokes alone
    rng = np.random.default_rng(4)
    images = [in_a_row(small(samples.NAMES[k % len(samples.NAMES)]), rng) for k in range(12)]
    assert sum(bool(find_info_bar(image)) for image in images) <= 1


def test_bars_of_layouts_that_no_fit_has_seen_are_found():
    missed = []
    for k, (layout, (make, _)) in enumerate(NEW.items()):
        image = small(("powder", "coating")[k % 2])
        strip = make(np.random.default_rng(2), 56, image.shape[1], "sans").pixels
        found = find_info_bar(np.vstack([image, strip]))
        missed += [layout] if error(found, InfoBar(bottom=56)) > 2 else []
    # cells of light and dark paper have no one grey level
    assert "two papers" not in missed
    assert len(missed) <= 2, missed


def test_a_thick_line_along_the_edge_of_a_bar_is_left_out_with_it():
    image = small("powder")
    strip = fei(np.random.default_rng(1), 100, image.shape[1], "sans").pixels
    strip[:6] = 128
    assert find_info_bar(np.vstack([image, strip])) == InfoBar(bottom=100)


@pytest.mark.parametrize("layout", ["FEI", "Zeiss"])
@pytest.mark.parametrize("far", [0.22, 0.3, 0.35])
def test_a_bar_with_a_third_of_the_specimen_beneath_is_proposed(layout, far):
    image = samples.load("powder").data[:700, :800]
    made = drawn(image, layout, "sans", np.random.default_rng(round(100 * far)), far)
    upper = made.image if made.border == "top" else made.image[::-1]
    for border, turned in (("top", upper), ("bottom", upper[::-1])):
        found = find_info_bar(turned)
        there = found if far < 0.3 else found.doubtful
        assert error(there, InfoBar(**{border: made.taken})) <= 2
        assert there.beneath == pytest.approx(made.beneath, abs=3)


def soft_noise(shape, rng):
    noise = gaussian_filter(rng.normal(size=shape), 3)
    return noise / noise.std()
