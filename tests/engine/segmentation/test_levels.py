import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.segmentation.levels import grey_levels


def test_each_grey_level_of_8_bit_has_a_bin():
    image = np.array([[10, 12, 12], [12, 14, 14]], np.uint8)
    levels = run(grey_levels(image))
    assert levels.counts.tolist() == [1, 0, 3, 0, 2]
    assert (levels.low, levels.high, levels.step) == (10, 14, 1)


def test_the_info_bar_is_left_out_and_colours_are_grey():
    image = np.full((10, 8), 40, np.uint8)
    image[:, 4:] = 60
    image[8:] = 255
    levels = run(grey_levels(image, InfoBar(bottom=2)))
    assert (levels.counts.sum(), levels.low, levels.high) == (64, 40, 60)
    assert run(grey_levels(np.stack([image] * 3, axis=-1), InfoBar(bottom=2))).high == 60


def test_floats_are_counted_in_even_bins_without_missing_pixels():
    image = np.linspace(0, 1, 5000).reshape(50, 100)
    image[0, 0] = np.nan
    levels = run(grey_levels(image))
    assert (len(levels.counts), levels.counts.sum()) == (256, 4999)
    assert levels.counts.max() - levels.counts.min() <= 2
    assert levels.step == pytest.approx(1 / 256, rel=0.01)
    lazy = run(grey_levels(da.from_array(image, chunks=20)))
    np.testing.assert_array_equal(lazy.counts, levels.counts)


def test_a_constant_image_has_one_bin():
    levels = run(grey_levels(np.full((4, 4), 7, np.uint16)))
    assert (levels.counts.tolist(), levels.low, levels.step) == ([16], 7, 1)
