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


@pytest.fixture(scope="module")
def gap(image):
    """The image without a part, and where that is."""
    missing = np.zeros(image.shape, bool)
    missing[:70, 70:] = True
    missing[100, 20] = True
    return np.where(missing, np.nan, image.astype(np.float32)), missing


def test_cells_near_missing_pixels_have_no_value_and_others_keep_theirs(image, tiny, gap):
    model = run(open_model(tiny, "cpu"))
    whole = run(see(image, None, "px", model, "features.4"))
    seen = run(see(gap[0], None, "px", model, "features.4"))
    there = np.isfinite(seen.maps)
    assert (there == there[0]).all()
    covered = cell_means(gap[1], seen.placement, there.shape[1:]) > 0.2
    assert not there[0][covered].any()
    assert 0.5 < there[0].mean() < 1 - covered.mean()
    # grey values are stretched between percentiles of the known pixels: a little otherwise
    spread = whole.maps.std(axis=(1, 2))[:, None]
    assert (np.abs(seen.maps - whole.maps)[:, there[0]] / spread).mean() < 0.1
    np.testing.assert_array_equal(seen.known, ~gap[1])
    assert seen.notes[0].endswith("of them")
    assert seen.notes[1].startswith(f"{gap[1].mean():.2%} of the pixels are missing")


def test_a_lazy_image_has_the_same_cells_without_a_value(tiny, gap, monkeypatch):
    model = run(open_model(tiny, "cpu"))
    whole = run(see(gap[0], None, "px", model, "features.4"))
    monkeypatch.setattr(cells, "LARGE_PIXELS", 1000)
    lazy = run(see(da.from_array(gap[0], chunks=50), None, "px", model, "features.4"))
    np.testing.assert_allclose(lazy.maps, whole.maps, atol=2e-3)


def test_missing_pixels_everywhere_near_are_refused(image, tiny):
    dotted = image.astype(np.float32)
    dotted[::2] = np.nan
    with pytest.raises(ValueError, match="influence on every cell of this layer"):
        run(see(dotted, None, "px", run(open_model(tiny, "cpu")), "features.4"))


def test_places_and_sizes_in_a_file_count_both_sides_of_oblong_pixels(image, tiny):
    model = run(open_model(tiny, "cpu"))
    (example,) = from_arrays([image, image], ["a", "b"], spacings=[((4, 1), "nm")] * 2).examples[:1]
    row = run(see_file(example, model, "")).row((1, 2), 10.0)
    assert row["y_nm"] == pytest.approx(4 * row["y_px"])
    assert row["x_nm"] == pytest.approx(row["x_px"])
    assert (row["height_nm"], row["width_nm"], row["side_nm"]) == (40, 10, 20)
