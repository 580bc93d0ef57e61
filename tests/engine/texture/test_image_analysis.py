"""Grey image, mask and texture in one run."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from skimage.filters import threshold_otsu

import napari_visual_ccc as ccc


def test_three_layers_are_those_of_visual_ccc(discs):
    found = ccc.image_analysis(discs)
    grey, binary, texture = found.layers
    assert [one.name for one in found.layers] == ["grey", "binary", "texture"]
    np.testing.assert_array_equal(grey.data, discs)
    np.testing.assert_array_equal(binary.data, discs > threshold_otsu(discs))
    np.testing.assert_array_equal(texture.data, ccc.edge_density(discs).data)
    assert found.facts["threshold"] > threshold_otsu(discs)


def test_colours_become_grey_and_a_constant_image_has_no_mask():
    colours = np.zeros((20, 30, 3), np.uint8)
    colours[5:, :, 1] = 200
    grey, binary, _ = ccc.image_analysis(colours).layers
    assert grey.data.shape == (20, 30)
    assert binary.data.sum() == 15 * 30
    found = ccc.image_analysis(np.ones((9, 9)))
    assert "constant" in found.notes[0]
    assert not found.layers[1].data.any()


@pytest.mark.parametrize("scope", ["stack", "slice"])
def test_lazy_stacks_equal_numpy(rng, scope):
    image = rng.integers(0, 4000, (2, 40, 30)).astype(np.uint16)
    image[1] += 900
    whole = ccc.image_analysis(image, scope=scope)
    lazy = ccc.image_analysis(da.from_array(image, chunks=(1, 40, 30)), scope=scope)
    for one, other in zip(whole.layers, lazy.layers, strict=True):
        assert isinstance(other.data, da.Array)
        np.testing.assert_array_equal(other.data.compute(), one.data)
    if scope == "slice":
        assert len(whole.facts["threshold"]) == 2
