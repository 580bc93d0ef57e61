from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc


@pytest.mark.parametrize(
    ("shape", "size", "longest", "min_length"),
    [((1, 1), (1, 1), np.sqrt(2), 1), ((3, 4), (1, 1), 5, 3), ((3, 4), (2, 1), np.hypot(6, 4), 4)],
)
def test_calipers_of_known_outlines(shape, size, longest, min_length):
    row = ccc.region_table(np.ones(shape, bool), spacing=size, unit="nm").table.iloc[0]
    assert row["feret_max_nm"] == pytest.approx(longest)
    assert row["feret_min_nm"] == pytest.approx(min_length)


@pytest.mark.parametrize(("angle", "rows", "columns"), [(0, 3, 21), (90, 21, 3)])
def test_orientation_is_counter_clockwise_from_the_rows(angle, rows, columns):
    labels = np.zeros((40, 40), int)
    labels[5 : 5 + rows, 5 : 5 + columns] = 1
    found = ccc.region_table(labels).table["orientation_deg"].iloc[0]
    assert min(abs(found - angle), 180 - abs(found - angle)) < 1e-6


def test_a_rising_bar_has_an_angle_below_90():
    labels = np.zeros((40, 40), int)
    for i in range(30):
        labels[35 - i, 5 + i : 8 + i] = 1
    assert ccc.region_table(labels).table["orientation_deg"].iloc[0] == pytest.approx(45, abs=3)


def test_pixels_that_are_not_square_count_as_they_are():
    labels = np.ones((10, 10), int)
    found = ccc.region_table(labels, spacing=(2.0, 1.0), unit="nm")
    row = found.table.iloc[0]
    assert row["area_nm2"] == 200
    assert row["feret_max_nm"] == pytest.approx(np.hypot(20, 10))
    assert "perimeter_nm" not in row
    assert "not square" in found.notes[-1]
