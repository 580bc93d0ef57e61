"""Image files opened as layers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import notification_manager

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.widgets.layers.metadata import calibration
from napari_visual_ccc.widgets.layers.viewers import camera
from napari_visual_ccc.widgets.parts.open import open_image, open_row


def test_an_image_is_opened_once_with_its_pixel_size(viewer, tmp_path):
    path = ccc.write(Micrograph(np.zeros((8, 9), np.uint8), (2.0, 2.0), "nm"), tmp_path / "a.tif")
    open_image(viewer, path, "rods/a.tif")
    assert calibration(viewer.layers["rods/a.tif"]) == ((2, 2), "nm")
    viewer.layers.selection.clear()
    open_image(viewer, path, "rods/a.tif")
    assert len(viewer.layers) == 1
    assert viewer.layers.selection.active is viewer.layers[0]


def test_the_image_is_alone_and_fills_the_view(viewer, tmp_path):
    other = viewer.add_image(np.zeros((40, 50)), scale=(2600, 2600), units="nm", name="coarse")
    path = ccc.write(Micrograph(np.zeros((8, 9), np.uint8), (2.0, 2.0), "nm"), tmp_path / "a.tif")
    zoom = camera(viewer).zoom
    open_image(viewer, path, "a.tif")
    assert [layer.visible for layer in viewer.layers] == [False, True]
    # the coarse image is 5000 times as wide
    assert camera(viewer).zoom > 1000 * zoom
    np.testing.assert_allclose(camera(viewer).center[-2:], (7, 8), atol=2)
    other.visible = True
    open_image(viewer, path, "a.tif")
    assert not other.visible


@pytest.mark.filterwarnings("ignore")
def test_an_image_without_a_pixel_size_beside_others_is_named(viewer, tmp_path):
    viewer.add_image(np.zeros((40, 50)), scale=(2600, 2600), units="nm", name="coarse")
    path = ccc.write(Micrograph(np.zeros((8, 9), np.uint8)), tmp_path / "a.tif")
    open_image(viewer, path, "a.tif")
    assert "a.tif has no pixel size" in notification_manager.records[-1].message


@pytest.mark.filterwarnings("ignore")
def test_a_file_that_cannot_be_read_is_reported(viewer, tmp_path):
    open_image(viewer, tmp_path / "none.tif", "none")
    assert not viewer.layers
    assert "none.tif" in str(notification_manager.records[-1].message)


def test_a_row_shows_its_slice(viewer, tmp_path):
    ccc.write(Micrograph(np.zeros((5, 8, 9), np.uint8)), tmp_path / "stack.tif")
    ccc.write(Micrograph(np.zeros((8, 9), np.uint8)), tmp_path / "a.tif")
    frame = pd.DataFrame({"name": ["a.tif", "stack.tif", "stack.tif"], "index_0": [None, 1, 3]})
    for row, step in ((1, 1), (2, 3)):
        open_row(viewer, tmp_path, frame, row)
        assert viewer.layers["stack.tif"].visible
        assert viewer.dims.current_step[0] == step
    open_row(viewer, tmp_path, frame, 0)
    assert [layer.name for layer in viewer.layers if layer.visible] == ["a.tif"]
