from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.layers import Placement
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.lens import cells
from napari_visual_ccc.engine.lens.cells import cell_means, open_model, see, see_file


def test_cells_are_averaged_over_their_pixels():
    plane = np.arange(24.0).reshape(4, 6)
    found = cell_means(plane, Placement(2.0), (2, 3))
    np.testing.assert_allclose(found, plane.reshape(2, 2, 3, 2).mean(axis=(1, 3)))


def test_cells_finer_than_a_pixel_take_the_pixel_that_they_lie_in():
    plane = np.arange(6.0).reshape(2, 3)
    found = cell_means(plane, Placement(0.5, -0.25), (4, 6))
    np.testing.assert_array_equal(found, plane.repeat(2, axis=0).repeat(2, axis=1))


def test_a_lazy_image_gives_the_maps_of_a_loaded_one(image, tiny, monkeypatch):
    model = run(open_model(tiny, "cpu"))
    whole = run(see(image, None, "px", model, "features.4"))
    monkeypatch.setattr(cells, "LARGE_PIXELS", 1000)
    lazy = run(see(da.from_array(image, chunks=50), None, "px", model, "features.4"))
    assert lazy.placement == whole.placement
    np.testing.assert_allclose(lazy.maps, whole.maps, atol=2e-3)


def test_positions_in_a_file_count_its_info_bar(image, tiny):
    model = run(open_model(tiny, "cpu"))
    examples = from_arrays([image, image], ["a", "b"], spacings=[((2, 2), "nm")] * 2).examples
    one = run(see_file(examples[0], model, ""))
    stride = one.seen.stride
    row = one.row((1, 2), 10.0)
    assert row["y_nm"] == pytest.approx(2 * row["y_px"])
    assert row["x_px"] - row["y_px"] == pytest.approx(stride)
    assert row["side_nm"] == 20
