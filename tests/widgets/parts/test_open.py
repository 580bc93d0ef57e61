"""Image files opened as layers."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.widgets.layers.metadata import calibration
from napari_visual_ccc.widgets.parts.open import open_image


def test_an_image_is_opened_once_with_its_pixel_size(viewer, tmp_path):
    path = ccc.write(Micrograph(np.zeros((8, 9), np.uint8), (2.0, 2.0), "nm"), tmp_path / "a.tif")
    open_image(viewer, path, "rods/a.tif")
    assert calibration(viewer.layers["rods/a.tif"]) == ((2, 2), "nm")
    viewer.layers.selection.clear()
    open_image(viewer, path, "rods/a.tif")
    assert len(viewer.layers) == 1
    assert viewer.layers.selection.active is viewer.layers[0]


@pytest.mark.filterwarnings("ignore")
def test_a_file_that_cannot_be_read_is_reported(viewer, tmp_path):
    open_image(viewer, tmp_path / "none.tif", "none")
    assert not viewer.layers
    assert "none.tif" in str(notification_manager.records[-1].message)
