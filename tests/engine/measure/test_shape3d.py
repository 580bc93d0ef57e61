from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc

# thick slices, as of FIB-SEM: nm
VOXEL = (4.0, 2.0, 2.0)


def ball(centre, radius, shape=(40, 80, 80), voxel=VOXEL):
    places = np.indices(shape).reshape(3, -1).T * voxel
    inside = ((places - np.asarray(centre)) ** 2).sum(axis=1) <= radius**2
    return inside.reshape(shape)


def test_a_ball_has_the_sizes_of_a_ball():
    labels = ball((80, 80, 80), 50).astype(np.uint8)
    row = ccc.region_table(labels, None, VOXEL, "nm", dimensions="3D").table.iloc[0]
    assert row["volume_nm3"] == pytest.approx(4 / 3 * np.pi * 50**3, rel=0.01)
    assert row["equivalent_diameter_nm"] == pytest.approx(100, rel=0.005)
    assert row["feret_max_nm"] == pytest.approx(100, rel=0.05)
    for axis in ("major", "middle", "minor"):
        assert row[f"axis_{axis}_nm"] == pytest.approx(100, rel=0.01)
    assert row["aspect_ratio"] == pytest.approx(1, abs=0.01)
    assert row[["centroid_z_px", "centroid_y_px", "centroid_x_px"]].tolist() == [20, 40, 40]
    assert not row["touches_border"]


def test_an_ellipsoid_has_its_axes():
    z, y, x = np.indices((40, 60, 90)) - np.array([20, 30, 45])[:, None, None, None]
    labels = ((z / 10) ** 2 + (y / 15) ** 2 + (x / 30) ** 2 <= 1).astype(int)
    row = ccc.region_table(labels, dimensions="3D").table.iloc[0]
    found = row[["axis_minor_px", "axis_middle_px", "axis_major_px"]].tolist()
    np.testing.assert_allclose(found, [20, 30, 60], rtol=0.01)
    assert row["aspect_ratio"] == pytest.approx(1 / 3, rel=0.01)


def test_a_box_is_measured_by_its_voxels():
    labels = np.zeros((2, 10, 12, 14), np.uint16)
    labels[1, 0:3, 2:6, 5:10] = 7
    image = np.random.default_rng(0).random(labels.shape)
    row = ccc.region_table(labels, image, (3.0, 2.0, 1.0), "nm", dimensions="3D").table.iloc[0]
    assert (row["label"], row["index_0"]) == (7, 1)
    assert row["volume_nm3"] == 60 * 6
    assert row["feret_max_nm"] == pytest.approx(np.linalg.norm([9, 8, 5]))
    assert row["intensity_mean"] == pytest.approx(image[labels == 7].mean())
    corners = ["bbox_front", "bbox_top", "bbox_left", "bbox_back", "bbox_bottom", "bbox_right"]
    assert row[corners].tolist() == [0, 2, 5, 3, 6, 10]
    assert row["touches_border"]
    centre = row[["centroid_z_nm", "centroid_y_nm", "centroid_x_nm"]].tolist()
    np.testing.assert_allclose(centre, [3, 7, 7])
    with pytest.raises(ValueError, match="none of 1 regions"):
        ccc.region_table(labels, dimensions="3D", exclude_border=True)


def test_doubled_voxels_double_lengths():
    labels = ball((80, 80, 80), 30).astype(int)
    one, two = (
        ccc.region_table(labels, None, size, "µm", dimensions="3D").table.iloc[0]
        for size in (0.1, 0.2)
    )
    assert two["volume_µm3"] == pytest.approx(8 * one["volume_µm3"])
    for column in ("equivalent_diameter_µm", "feret_max_µm", "axis_minor_µm"):
        assert two[column] == pytest.approx(2 * one[column])


def test_neighbours_and_shares_of_a_volume():
    labels = np.zeros((10, 20, 20), np.uint8)
    labels[2:4, 4:6, 4:6], labels[7:9, 4:6, 4:6] = 1, 2
    found = ccc.region_table(labels, None, (4.0, 2.0, 2.0), "nm", dimensions="3D")
    assert found.table["nearest_neighbour_nm"].tolist() == [20, 20]
    assert found.facts["volume_percent"] == pytest.approx(100 * 16 / 4000)
    assert found.facts["number_density_per_nm3"] == pytest.approx(2 / (4000 * 16))


@pytest.mark.parametrize("step", [1e-30, 1e30])
def test_slices_of_any_step_have_a_diameter(step):
    labels = np.zeros((4, 9, 9), np.uint8)
    labels[1:3, 2:5, 3:7] = 1
    table = ccc.region_table(labels, None, (step, 1.0, 1.0), "nm", dimensions="3D").table
    assert table["feret_max_nm"][0] == pytest.approx(np.hypot(2 * step, 5))
