from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_visual_ccc.core.layers import LabelsLayer
from napari_visual_ccc.core.layers.palette import particle_colours
from napari_visual_ccc.report.overlay import coloured, label_overlay

COLOURS = particle_colours()
LABELS = np.zeros((8, 9), np.int32)
LABELS[1:6, 1:6], LABELS[3:7, 6:9] = 1, 32


def test_the_picture_is_transparent_in_the_colours_of_the_viewer(tmp_path):
    stack = LabelsLayer(np.stack([LABELS, LABELS * 0]), name="masks")
    label_overlay(stack, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "RGBA"
        found = np.asarray(picture)
    np.testing.assert_array_equal(found, coloured(LABELS, COLOURS))
    assert not found[LABELS == 0].any()
    assert set(found[LABELS > 0][:, 3]) == {89}
    # the colours repeat
    np.testing.assert_array_equal(found[3, 3], found[4, 7])
    assert found[3, 3, :3].tolist() == [0x78, 0x2D, 0x4B]


def test_outlines_are_white_pixels_at_the_border_of_labels():
    found = coloured(LABELS, COLOURS, outlined=True)
    white = (found[..., :3] == 255).all(axis=-1)
    expected = np.zeros(LABELS.shape, bool)
    expected[1:6, 1:6] = True
    expected[2:5, 2:5] = False
    expected[3:7, 6:9] = True
    expected[4:6, 7] = False
    np.testing.assert_array_equal(white, expected)
    assert set(found[white][:, 3]) == {191}


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "a.png").write_text("mine")
    with pytest.raises(FileExistsError):
        label_overlay(LabelsLayer(LABELS), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_text() == "mine"
