import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from napari_visual_ccc.core.pixel_size import PixelSize
from napari_visual_ccc.engine.acquisition.drift import (
    Drift,
    displacement,
    drift_columns,
    line_jumps,
    slice_name,
)


@pytest.fixture
def texture(rng):
    return gaussian_filter(rng.normal(size=(160, 180)), 2)


@pytest.mark.parametrize("moved", [(0.0, 0.0), (3.0, -7.0), (1.4, 2.3), (-20.0, 11.5)])
def test_displacement_is_how_far_the_content_lies_below_and_right(texture, moved):
    found, match = displacement(texture, shift(texture, moved, order=3, mode="reflect"))
    assert found == pytest.approx(moved, abs=0.1)
    assert match > 0.9


def test_images_of_different_things_do_not_match(rng):
    one, other = rng.normal(size=(2, 160, 160))
    found, match = displacement(one, other)
    assert found == (0.0, 0.0)
    assert match < 0.2


def test_steps_add_up_and_empty_slices_are_skipped(texture):
    drift = Drift()
    planes = [np.roll(texture, (2 * k, -3 * k), axis=(0, 1)) for k in range(4)]
    planes[2] = np.full_like(texture, np.nan)
    moves = [drift.follow((k,), plane) for k, plane in enumerate(planes)]
    assert moves[0].match == 1.0
    assert moves[2].since is None
    assert np.isnan(moves[2].step).all()
    assert moves[2].total == moves[1].total
    assert moves[3].since == (1,)
    assert moves[3].step == pytest.approx((4, -6), abs=0.1)
    assert moves[3].total == pytest.approx((6, -9), abs=0.1)


def test_drift_is_given_in_pixels_and_in_the_unit():
    assert drift_columns((2.0, -1.0), None) == {"drift_y_px": 2.0, "drift_x_px": -1.0}
    assert drift_columns((2.0, -1.0), PixelSize((3.0, 5.0), "nm")) == {
        "drift_y_px": 2.0, "drift_x_px": -1.0, "drift_y_nm": 6.0, "drift_x_nm": -5.0
    }  # fmt: skip


def test_slices_are_named_by_their_index():
    assert slice_name((4,)) == "4"
    assert slice_name((0, 4)) == "(0, 4)"


def test_jumps_of_rows_are_not_jumps_of_columns(rng):
    image = gaussian_filter(rng.normal(size=(400, 400)), 4)
    image = 10 * image / image.std() + rng.normal(0, 0.3, (400, 1))
    rows, columns = line_jumps([image])
    assert rows == pytest.approx(0.3, rel=0.25)
    assert columns < 0.05
    assert line_jumps([image.T]) == (columns, rows)
