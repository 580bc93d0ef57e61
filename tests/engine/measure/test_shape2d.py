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


def drawn(inside, half):
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    return inside(y, x)


@pytest.mark.parametrize("radius", [10, 11, 12.5, 13, 17, 25, 40, 65])
def test_discs_are_round(radius):
    rng = np.random.default_rng(0)
    places = [(0, 0), (0.5, 0.5), *rng.uniform(-0.5, 0.5, (4, 2))]
    for cy, cx in places:
        disc = drawn(lambda y, x: (y - cy) ** 2 + (x - cx) ** 2 <= radius**2, int(radius) + 3)  # noqa: B023
        row = ccc.region_table(disc).table.iloc[0]
        assert row["circularity"] == pytest.approx(1, abs=0.01)
        assert row["perimeter_px"] == pytest.approx(2 * np.pi * radius, rel=0.03)


@pytest.mark.case("S28")
@pytest.mark.parametrize(
    ("rows", "columns", "off"), [(1, 20, 0.07), (2, 20, 0.06), (20, 20, 0.04), (40, 10, 0.04),
                                 (200, 200, 0.02)]
)  # fmt: skip
def test_rectangles_have_the_perimeter_of_their_outline(rows, columns, off):
    row = ccc.region_table(np.pad(np.ones((rows, columns), int), 3)).table.iloc[0]
    assert row["perimeter_px"] == pytest.approx(2 * (rows + columns), rel=off)
    outline = np.sqrt(4 * np.pi * rows * columns) / (2 * (rows + columns))
    assert outline <= row["circularity"] < 1.08 * outline
    assert row["solidity"] == pytest.approx(1)
    assert row["aspect_ratio"] == row["feret_min_px"] / row["feret_max_px"] < 1


@pytest.mark.parametrize("angle", [0, 15, 30, 45, 80])
def test_a_rotated_square_keeps_its_perimeter(angle):
    t = np.radians(angle)

    def inside(y, x):
        along, across = np.cos(t) * x + np.sin(t) * y, np.cos(t) * y - np.sin(t) * x
        return np.maximum(abs(along), abs(across)) < 25.3

    row = ccc.region_table(drawn(inside, 40)).table.iloc[0]
    assert row["perimeter_px"] == pytest.approx(4 * 50.6, rel=0.04)
    assert row["circularity"] == pytest.approx(np.sqrt(np.pi) / 2, rel=0.04)


@pytest.mark.case("S28")
def test_no_small_region_is_rounder_than_a_disc():
    rng = np.random.default_rng(1)
    labels = np.zeros((400, 400), np.uint16)
    for number in range(1, 401):
        top, left = np.multiply(divmod(number - 1, 20), 20)
        labels[top : top + rng.integers(1, 9), left : left + rng.integers(1, 9)] = number
    table = ccc.region_table(labels).table
    known = table["circularity"].notna()
    np.testing.assert_array_equal(known, table["area_px2"] >= 20)
    assert table["circularity"].max() <= 1
    thin = known & (table["aspect_ratio"] < 0.4)
    assert 0 < table["circularity"][thin].max() < 0.95
    assert (table["perimeter_px"] >= np.sqrt(4 * np.pi * table["area_px2"]) * (1 - 1e-9)).all()


def test_an_ellipse_has_its_axes_and_angles_whatever_the_pixels():
    t = np.radians(30)

    def inside(y, x):
        along, across = np.cos(t) * x - np.sin(t) * y, np.cos(t) * y + np.sin(t) * x
        return (along / 40) ** 2 + (across / 15) ** 2 <= 1

    for height in (1.0, 2.0, 0.5):
        y, x = np.mgrid[-60 : 60 + height / 2 : height, -60:61].astype(float)
        row = ccc.region_table(inside(y, x), None, (height, 1.0), "nm").table.iloc[0]
        assert row["axis_major_nm"] == pytest.approx(80, rel=0.01)
        assert row["axis_minor_nm"] == pytest.approx(30, rel=0.02)
        assert row["orientation_deg"] == pytest.approx(30, abs=0.5)
        assert row["feret_angle_deg"] == pytest.approx(30, abs=3)
        assert row["aspect_ratio"] == pytest.approx(15 / 40, rel=0.05)


def test_a_ring_sector_is_not_solid():
    half = drawn(lambda y, x: (np.hypot(y, x) < 30) & (np.hypot(y, x) > 20) & (y < 0), 35)
    assert ccc.region_table(half).table["solidity"][0] < 0.7
    # half of a ring in half of a disc
    assert ccc.region_table(half).table["solidity"][0] == pytest.approx(
        1 - (20 / 30) ** 2, abs=0.03
    )


@pytest.mark.parametrize("radius", [0.5, 1.5, 2, 3, 5, 10, 30])
@pytest.mark.parametrize("spacing", [1.0, (1.0, 3.0)])
def test_a_disc_is_solid_at_any_radius_and_place(radius, spacing, rng):
    y, x = np.mgrid[:80, :80]
    for _ in range(3):
        down, across = 40 + rng.random(2)
        labels = (y - down) ** 2 + (x - across) ** 2 <= max(radius, 0.75) ** 2
        assert ccc.region_table(labels, None, spacing, "nm").table["solidity"][0] == 1


def test_solidity_counts_the_pixels_of_the_hull():
    labels = np.zeros((9, 9), int)
    # corners of a square of 5 x 5 pixels, and a bent line with one pixel missing to its hull
    labels[np.ix_((0, 4), (0, 4))] = 1
    labels[7, 2:6] = 2
    labels[8, 5] = 2
    labels[6, 8] = 3
    found = ccc.region_table(labels).table["solidity"]
    np.testing.assert_allclose(found, [4 / 25, 1, 1])


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e6])
def test_orientation_does_not_depend_on_the_unit(size):
    labels = np.zeros((20, 30), int)
    labels[5:8, 4:24], labels[10:14, 4:8] = 1, 2
    found = ccc.region_table(labels, None, size, "m").table["orientation_deg"]
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert np.isnan(found[1])
