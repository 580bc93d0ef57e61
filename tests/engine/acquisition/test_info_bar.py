from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from benchmarks.bar_styles import with_bar
from napari_visual_ccc import samples
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.acquisition.bar_detector import find_info_bar
from napari_visual_ccc.engine.acquisition.info_bar import Doubts
from napari_visual_ccc.io.read import read
from napari_visual_ccc.io.write.images import write_image
from napari_visual_ccc.io.write.layers import micrograph_of
from tests.doubtful_bar import doubtful_picture


@pytest.fixture(scope="module")
def image():
    """Specimen without a bar."""
    return samples.load("powder").data[:512, :700]


@pytest.fixture(scope="module")
def made(image):
    """The same with a bar at the bottom."""
    return with_bar(image, "black, framed cells (FEI)", np.random.default_rng(3))


def test_the_mask_covers_the_bar(made, image):
    found = ccc.detect_info_bar(made.image)
    height = made.bar.bottom
    assert found.facts == {"info_bar": {"top": 0, "bottom": height, "left": 0, "right": 0}}
    assert found.notes == (f"info bar: {height} rows at the bottom",)
    assert (found.labels[-height:] == 1).all()
    assert not found.labels[:-height].any()
    assert ccc.detect_info_bar(image).notes == ("no info bar",)


def test_a_manual_bar_overrides_the_stated_one_and_that_the_detected_one(made):
    image = made.image
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


def test_the_cropped_specimen_keeps_its_position_and_values(tmp_path, image):
    whole = np.pad(image, ((50, 8), (20, 4)))
    bar = InfoBar(50, 8, 20, 4)
    field = ccc.crop_info_bar(whole, bar)
    np.testing.assert_array_equal(field.data, image)
    assert field.data.dtype == image.dtype
    place = field.layer().placement
    assert place.corner == place.first_centre == (50, 20)
    assert not np.shares_memory(field.data, whole)
    path = tmp_path / "field.ome.tif"
    run(write_image(micrograph_of(field.layer(), Micrograph(None, (2.0, 3.0), "nm")), path))
    import tifffile

    with tifffile.TiffFile(path) as tif:
        assert 'PositionY="100.0"' in tif.ome_metadata
        assert 'PositionX="60.0"' in tif.ome_metadata
    np.testing.assert_array_equal(read(path).data, image)


def test_the_middle_slice_of_a_stack_decides(made):
    stack = np.stack([np.zeros_like(made.image), made.image, made.image])
    height = made.bar.bottom
    for image in (stack, da.from_array(stack, chunks=(1, 200, 200))):
        mask, field = ccc.detect_info_bar(image), ccc.crop_info_bar(image)
        assert mask.labels.shape == stack.shape
        assert np.asarray(mask)[:, -height:].all()
        np.testing.assert_array_equal(np.asarray(field), stack[:, :-height])


def test_a_figure_shows_the_field_where_it_was_cut_out():
    from matplotlib.figure import Figure

    from napari_visual_ccc.report.figures import draw

    whole = np.pad(samples.load("superalloy").data, ((50, 8), (20, 4)))
    axes = Figure().subplots()
    draw(axes, ccc.crop_info_bar(whole, InfoBar(50, 8, 20, 4)).layer(), image=whole)
    height, width = (n - m for n, m in zip(whole.shape, (8, 4), strict=True))
    assert axes.images[1].get_extent() == [20, width, height, 50]


def test_a_doubtful_bar_is_proposed_and_not_cut(image):
    possible = InfoBar(top=5, doubtful=InfoBar(top=5, bottom=30))
    for given in (image, da.from_array(image, chunks=200)):
        found = ccc.detect_info_bar(given, possible)
        marks = np.asarray(found)
        assert (marks[:5] == 1).all()
        assert (marks[-30:] == 2).all()
        assert not marks[5:-30].any()
    assert found.facts["doubtful_info_bar"] == InfoBar(5, 30).pixels
    assert 'find="manual", top=5, bottom=30' in found.notes[1]
    field = ccc.crop_info_bar(image, possible)
    assert field.data.shape[0] == len(image) - 5


def test_specimen_beyond_the_bar_is_left_out_with_it_and_said(made, image):
    strip = made.image[-made.bar.bottom :]
    whole = np.vstack([image, strip, image[:40]])
    found = ccc.crop_info_bar(whole)
    np.testing.assert_array_equal(found.data, image)
    rows = len(strip) + 40
    assert found.facts["info_bar"]["bottom"] == rows
    assert found.notes[0].startswith(f"info bar: {rows} rows at the bottom; 4")
    assert found.notes[0].endswith("of them are specimen beyond the bar, left out with it")


def test_images_with_a_doubtful_bar_are_gathered_as_they_are_read():
    plain, doubtful = samples.load("powder").data, doubtful_picture()
    channels = np.stack([doubtful, doubtful[::-1]])
    arrays = [plain, *[doubtful] * 7]
    doubts = Doubts()
    watched = doubts.watched(from_arrays(arrays, list("abababab"), names=[*"pqrstuvw"]).examples)
    assert not doubts.notes
    for one, array in zip(watched, arrays, strict=True):
        read_again = [one.read(), one.read()]
        assert read_again[0].info_bar == find_info_bar(array)
        np.testing.assert_array_equal(read_again[0].data, array)
    (note,) = doubts.notes
    assert note.startswith("7 images may have an info bar")
    assert ": q, r, s, t, u and 2 more. Detect" in note
    # of several channels the first tells, as it does where the bar is left out
    both = from_arrays([channels, channels], ["a", "b"], names=["m", "n"], channels=["SE", "BSE"])
    (one, _) = (other := Doubts()).watched(both.examples, both.channels)
    assert one.read().data.shape == channels.shape
    assert other.notes[0].startswith("1 image may have an info bar, which was not left out: m.")
