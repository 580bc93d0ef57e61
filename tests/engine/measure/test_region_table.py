from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist
from skimage.measure import perimeter_crofton, regionprops

import napari_visual_ccc as ccc
from napari_visual_ccc.core.pixel_size import PixelSize, diameter_of
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.measure.accumulate import measured
from napari_visual_ccc.engine.measure.region_table import rescaled_table
from napari_visual_ccc.engine.measure.shape2d import plane_table


def disc(radius, size=None):
    size = size or 2 * radius + 11
    y, x = np.mgrid[:size, :size] - size // 2
    return (y**2 + x**2 <= radius**2).astype(np.uint8)


def test_a_disc_has_the_sizes_of_a_disc():
    row = ccc.region_table(disc(40), spacing=0.5, unit="nm").table.iloc[0]
    assert row["equivalent_diameter_nm"] == pytest.approx(40, rel=0.01)
    assert row["area_nm2"] == pytest.approx(np.pi * 20**2, rel=0.01)
    assert row["feret_max_nm"] == pytest.approx(40, rel=0.03)
    assert row["feret_min_nm"] == pytest.approx(40, rel=0.03)
    assert row["aspect_ratio"] == pytest.approx(1, abs=0.02)
    assert row["circularity"] == pytest.approx(1, abs=0.01)
    assert row["form_factor"] == pytest.approx(row["circularity"] ** 2)
    assert row["perimeter_nm"] == pytest.approx(2 * np.pi * 20, rel=0.01)
    assert row["axis_major_nm"] == row["axis_minor_nm"] == pytest.approx(40, rel=0.01)
    assert 0.97 < row["solidity"] <= 1
    assert np.isnan(row["orientation_deg"])
    assert not row["touches_border"]


def test_doubled_spacing_doubles_lengths():
    one, two = (ccc.region_table(disc(9), spacing=s, unit="µm").table.iloc[0] for s in (0.3, 0.6))
    for column in ("equivalent_diameter_µm", "feret_max_µm", "feret_min_µm", "perimeter_µm"):
        assert two[column] == pytest.approx(2 * one[column])
    assert two["area_µm2"] == pytest.approx(4 * one["area_µm2"])
    assert two["circularity"] == pytest.approx(one["circularity"])


def test_grey_statistics_are_those_of_the_region(rng):
    labels = np.zeros((20, 30), np.uint16)
    labels[2:9, 3:11], labels[12:18, 5:25] = 300, 7
    image = rng.integers(0, 60_000, labels.shape).astype(np.uint16)
    table = ccc.region_table(labels, image).table.set_index("label")
    for label in (300, 7):
        values = image[labels == label]
        row = table.loc[label]
        assert row["intensity_mean"] == pytest.approx(values.mean())
        assert row["intensity_std"] == pytest.approx(values.std())
        assert (row["intensity_min"], row["intensity_max"]) == (values.min(), values.max())
    assert (table.loc[300, ["bbox_top", "bbox_left", "bbox_bottom", "bbox_right"]] == [2, 3, 9, 11]
            ).all()  # fmt: skip
    assert table.loc[7, "centroid_x_px"] == pytest.approx(14.5)
    assert table.loc[7, "area_px2"] == 120


def test_slices_of_a_stack_are_measured_one_by_one():
    stack = np.zeros((2, 3, 12, 12), np.uint8)
    stack[0, 1, 2:5, 2:5] = stack[1, 2, 2:6, 2:6] = 4
    table = ccc.region_table(stack).table
    assert table["index_0"].tolist() == [0, 1]
    assert table["index_1"].tolist() == [1, 2]
    assert table["area_px2"].tolist() == [9, 16]


@pytest.mark.parametrize("side", [1024, 50])
def test_regions_are_measured_as_scikit_image_measures_them(rng, side):
    labels = ndimage.label(ndimage.gaussian_filter(rng.normal(size=(90, 120)), 2) > 0.02)[0]
    image = ndimage.gaussian_filter(rng.normal(size=labels.shape), 1) * 100 + 500
    pixel_size = PixelSize((2.5, 2.5), "nm")
    table = run(plane_table(run(measured(labels, image, side)), pixel_size, labels.shape, True))
    table = table.drop(columns="_pixels")
    pd.testing.assert_frame_equal(table, ccc.region_table(labels, image, 2.5, "nm").table)
    assert len(table) == labels.max()
    for row, region in zip(
        table.itertuples(), regionprops(labels, image, spacing=(2.5, 2.5)), strict=True
    ):
        values = image[labels == region.label]
        if not np.isnan(row.orientation_deg):
            off = abs(row.orientation_deg - (np.degrees(region.orientation) + 90) % 180)
            assert min(off, 180 - off) < 1e-6
        assert row.perimeter_nm >= np.sqrt(4 * np.pi * row.area_nm2) * (1 - 1e-9)
        # the same formula with four directions
        if region.num_pixels > 100:
            four = 2.5 * perimeter_crofton(labels == region.label, 4)
            assert row.perimeter_nm == pytest.approx(four, rel=0.06)
        found = [row.label, row.area_nm2, row.centroid_y_px, row.centroid_x_px,
                 row.intensity_mean, row.intensity_std, row.intensity_min, row.intensity_max,
                 row.bbox_top, row.bbox_left, row.bbox_bottom, row.bbox_right]  # fmt: skip
        known = [region.label, region.area, *(np.argwhere(labels == region.label)
                 .mean(axis=0)), values.mean(), values.std(), values.min(), values.max(),
                 *region.bbox]  # fmt: skip
        np.testing.assert_allclose(found, known, rtol=1e-9)
        corners = region.coords[:, None] + [[0, 0], [0, 1], [1, 0], [1, 1]]
        assert row.feret_max_nm == pytest.approx(2.5 * pdist(corners.reshape(-1, 2)).max())


def test_places_and_distances_have_the_unit():
    labels = np.zeros((40, 60), np.uint8)
    labels[5:10, 5:10], labels[5:10, 25:30], labels[30:40, 50:60] = 1, 2, 3
    found = ccc.region_table(labels, None, (2, 3), "nm", exclude_border=True)
    first, second = found.table.iloc[0], found.table.iloc[1]
    assert (first["centroid_y_nm"], first["centroid_x_nm"]) == (14, 21)
    assert first["nearest_neighbour_nm"] == second["nearest_neighbour_nm"] == 60
    assert found.facts["area_percent"] == pytest.approx(100 * 150 / 2400)
    # a region that the border cuts counts half
    assert found.facts["number_density_per_nm2"] == pytest.approx(2.5 / (2400 * 6))
    alone = ccc.region_table(labels == 1)
    assert np.isnan(alone.table["nearest_neighbour_px"][0])
    assert "centroid_y_px" in alone.table


def test_regions_can_be_left_out():
    labels = np.zeros((20, 20), int)
    labels[0:5, 0:5], labels[8:10, 8:10], labels[12:18, 12:18] = 1, 2, 3
    assert ccc.region_table(labels, min_diameter=diameter_of(5)).table["label"].tolist() == [1, 3]
    assert ccc.region_table(labels, exclude_border=True).table["label"].tolist() == [2, 3]
    with pytest.raises(ValueError, match="none of 3 regions"):
        ccc.region_table(labels, min_diameter=diameter_of(99))


@pytest.mark.parametrize(
    ("labels", "intensity", "words"),
    [
        (np.zeros((9, 9), int), None, "contain no region"),
        (np.ones((9, 9)), None, "integers"),
        (np.ones((9, 9), int), np.ones((8, 9)), "choose the image"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(labels, intensity, words):
    with pytest.raises(ValueError, match=words):
        ccc.region_table(labels, intensity)


def test_powder_is_measured_particle_by_particle():
    from napari_visual_ccc import samples

    instances = samples.masks("powder")["instances"]
    table = ccc.region_table(instances, samples.load("powder").data).table
    assert len(table) == len(np.unique(instances)) - 1
    np.testing.assert_array_equal(table["area_px2"], np.bincount(instances.ravel())[table["label"]])


@pytest.mark.parametrize("name", ["superalloy", "nanoparticles", "powder"])
def test_a_micrograph_is_not_taken_for_labels(name):
    from napari_visual_ccc import samples

    with pytest.raises(ValueError, match="look like a grey image"):
        ccc.region_table(samples.load(name).data)


def test_spacing_without_a_unit_is_asked_about():
    with pytest.raises(ValueError, match="of which unit"):
        ccc.region_table(disc(5), spacing=0.5)


def test_a_mask_of_many_objects_is_told_to_be_one_region(discs):
    mask = ccc.threshold(discs).labels
    found = ccc.region_table(mask)
    assert len(found.table) == 1
    assert "split objects first" in found.notes[-1]
    assert ccc.region_table(ccc.watershed_split(mask).labels).notes == ()


@pytest.mark.case("S20")
@pytest.mark.parametrize(("value", "dtype"), [(255, np.uint8), (1, bool), (7, np.int32)])
def test_a_mask_of_any_value_is_told_to_be_one_region(value, dtype):
    mask = np.zeros((30, 60), dtype)
    mask[5:15, 5:15] = mask[12:20, 30:50] = value
    found = ccc.region_table(mask)
    assert len(found.table) == 1
    assert "split objects first" in found.notes[-1]
    mask[:, 20:] = 0
    assert ccc.region_table(mask).notes == ()


def test_a_mask_in_3d_is_told_to_be_one_region():
    mask = np.zeros((6, 30, 40), np.uint8)
    mask[1:3, 4:12, 4:12] = mask[4:6, 14:26, 20:34] = 255
    assert "split objects first" in ccc.region_table(mask, dimensions="3D").notes[-1]
    mask[4:6] //= 255
    assert ccc.region_table(mask, dimensions="3D").notes == ()


def measured_at(spacing, unit):
    labels = np.zeros((6, 40, 50), int)
    labels[1:4, 5:15, 5:15], labels[2:5, 20:22, 20:40] = 1, 2
    if len(spacing) == 2:
        labels = labels.max(axis=0)
    dimensions = f"{len(spacing)}D"
    return ccc.region_table(labels, spacing=spacing, unit=unit, dimensions=dimensions).table


@pytest.mark.parametrize(
    ("old", "new", "left_out"),
    [((2, 2), (0.5, 0.5), 0), ((4, 2), (6, 3), 0), ((10, 2, 2), (5, 1, 1), 0),
     ((10, 2, 2), (20, 2, 2), 6), ((10, 2, 2), (10, 4, 4), 6)],
)  # fmt: skip
def test_a_table_at_another_pixel_size_is_right_or_left_out(old, new, left_out):
    table, true = measured_at(old, "nm"), measured_at(new, "1/nm")
    found = rescaled_table(table, PixelSize(old, "nm"), PixelSize(new, "1/nm"))
    kept = [name for name in true if name in found]
    assert list(found) == kept
    assert len(true.columns) - len(kept) == left_out
    np.testing.assert_allclose(found.astype(float), true[kept].astype(float))


def test_volumes_without_a_step_between_slices_are_left_out():
    found = rescaled_table(
        measured_at((1, 1, 1), "nm"), PixelSize((1.0, 1.0, 1.0), "nm"), PixelSize((2.0, 2.0), "nm")
    )
    assert not any(name.endswith(("_nm", "_nm3")) for name in found)
    assert {"label", "centroid_z_px", "bbox_front"} <= set(found)


def test_areas_beside_volumes_do_not_know_the_step():
    table = measured_at((10, 2, 2), "nm").assign(area_nm2=7.0)
    found = rescaled_table(table, PixelSize((10, 2, 2), "nm"), PixelSize((20, 4, 4), "nm"))
    np.testing.assert_allclose(found["area_nm2"], 28)
    found = rescaled_table(table, PixelSize((10, 2, 2), "nm"), PixelSize((20, 2, 2), "nm"))
    np.testing.assert_allclose(found["area_nm2"], 7)


def test_a_column_of_a_person_is_not_rescaled():
    table = pd.DataFrame({"label": [1], "area_nm2": [4.0], "standard_nm": [100.0]})
    found = rescaled_table(table, PixelSize((2.0, 2.0), "nm"), PixelSize((4.0, 4.0), "nm"))
    assert found.iloc[0].to_dict() == {"label": 1, "area_nm2": 16, "standard_nm": 100}


@pytest.mark.case("S03")
@pytest.mark.parametrize(
    "size", [(0.05071414, 0.05070176), (0.05070176, 0.05071414), (1.325, 1.33)]
)
def test_rounding_of_a_pixel_size_loses_no_column(size):
    labels = np.zeros((40, 40), np.uint8)
    labels[5:25, 8:30] = 1
    found, square = (ccc.region_table(labels, None, one, "nm") for one in (size, size[0]))
    assert found.notes == ()
    assert found.table["perimeter_nm"][0] == pytest.approx(square.table["perimeter_nm"][0], 5e-3)
    assert found.table["circularity"][0] == pytest.approx(square.table["circularity"][0], 1e-3)
    stretched = ccc.region_table(labels, None, (size[0], 1.05 * size[1]), "nm")
    assert "circularity" not in stretched.table
    assert "not square" in stretched.notes[0]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [((255, 255, 255, 255, 255), True), ((100, 100, 200, 200, 200), True), ((1, 2, 3, 4, 5), False),
     ((1, 2, 3, 3, 4), False)],
)  # fmt: skip
def test_classes_that_lie_in_pieces_are_named_whatever_their_numbers(numbers, said):
    labels = np.zeros((20, 50), np.uint8)
    for place, number in enumerate(numbers):
        labels[5:15, 10 * place + 2 : 10 * place + 8] = number
    notes = ccc.region_table(labels).notes
    assert any("several pieces" in note for note in notes) is said
