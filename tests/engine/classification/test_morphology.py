from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples


def test_a_morphology_map_agrees_with_the_masks():
    image = samples.load("nanoparticles").data
    shapes = samples.masks("nanoparticles")["shapes"]
    found = ccc.morphology_map(image, (2.0, 2.0), "nm")
    labels = found.labels
    assert labels.shape == image.shape
    both = (labels > 0) & (shapes > 0)
    assert (labels == shapes)[both].mean() > 0.8
    table = found.tables["morphology"]
    assert table["area_percent"].sum() == pytest.approx(100)
    total = sum(found.maps[f"probability {name}"].data for name in ("cube", "octahedron", "sphere"))
    np.testing.assert_allclose(total[np.isfinite(total)], 1, atol=1e-5)
    assert (np.isnan(total) == (labels == 0)).all()


def test_windows_and_strides_can_be_given_in_nanometres():
    image = samples.load("nanoparticles").data[:200, :240]
    pixels = ccc.morphology_map(image, window=48, stride=24, shared=False)
    units = ccc.morphology_map(
        image, (0.5, 0.5), "nm", window=24, stride=12, length="unit", shared=False
    )
    np.testing.assert_array_equal(pixels.labels, units.labels)
    assert pixels.facts["cell_px"] == 24
    with pytest.raises(ValueError, match="no pixel size"):
        ccc.morphology_map(image, window=24, length="unit")
    with pytest.raises(ValueError, match="does not fit"):
        ccc.morphology_map(image, window=500)
    with pytest.raises(ValueError, match="less than one pixel"):
        ccc.morphology_map(image, (2.0, 2.0), "nm", window=48, stride=0.9, length="unit")
    # the network's maps have a cell every 16 px of this image
    shared = ccc.morphology_map(image, window=64, stride=10)
    assert shared.facts["cell_px"] == 16
    assert any("stride 16 px" in note for note in shared.notes)


@pytest.mark.parametrize("shared", [True, False])
def test_nothing_is_shown_where_pixels_are_missing(shared):
    image = samples.load("nanoparticles").data[:200, :240].astype(np.float32)
    image[:, 120:] = np.nan
    found = ccc.morphology_map(image, window=48, stride=24, shared=shared)
    assert found.labels[:, :96].any()
    assert not found.labels[:, 144:].any()
    assert found.notes[0].startswith("50.00% of the pixels are missing")
