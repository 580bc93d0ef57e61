"""The distribution of measured regions; sizes, places and rows of what the viewer shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_visual_ccc.widgets.docks.measure import Histogram
from napari_visual_ccc.widgets.layers.viewers import camera
from tests import discs
from tests.widgets.opening import WIDGETS, dock

FRAME = pd.DataFrame(
    {
        "label": range(1, 12), "area_nm2": [10.0] * 10 + [100.0],
        "equivalent_diameter_nm": np.arange(1.0, 12), "bbox_top": range(11),
        "name": list("abcdefghijk"),
    }
)  # fmt: skip


@pytest.fixture
def histogram(qtbot):
    histogram = Histogram()
    qtbot.addWidget(histogram)
    histogram.show_frame(FRAME)
    return histogram


def titles(histogram):
    (axes,) = histogram.figure.axes
    return axes.get_title(), axes.get_xlabel()


def test_numeric_columns_are_offered_the_diameter_first(histogram):
    names = [histogram.column.itemText(k) for k in range(histogram.column.count())]
    assert names == ["area (nm²)", "diameter (nm)"]
    assert titles(histogram) == (
        "n = 11   D10 2   D50 6   D90 10 nm", "equivalent diameter (nm)",
    )  # fmt: skip


def test_a_distribution_can_be_weighted_by_area(histogram):
    histogram.weighted.setChecked(True)
    assert histogram.weighted.text() == "by area"
    # half of the area belongs to the largest region
    assert titles(histogram)[0] == "n = 11   D10 2   D50 10   D90 11 nm"


def test_the_chosen_column_stays_and_volumes_have_their_own_weight(histogram):
    histogram.column.setCurrentText("area (nm²)")
    assert titles(histogram)[1] == "area (nm²)"
    histogram.show_frame(FRAME)
    assert histogram.column.currentText() == "area (nm²)"
    histogram.show_frame(FRAME.rename(columns={"area_nm2": "volume_nm3"}))
    assert histogram.weighted.text() == "by volume"


def test_large_sizes_are_drawn_in_a_larger_unit(histogram):
    large = FRAME.assign(equivalent_diameter_nm=FRAME["equivalent_diameter_nm"] * 1000)
    histogram.show_frame(large)
    assert titles(histogram) == (
        "n = 11   D10 2   D50 6   D90 10 µm", "equivalent diameter (µm)",
    )  # fmt: skip


@pytest.mark.case("S03v")
@pytest.mark.parametrize("size", [2.3, 1 / 3])
def test_a_field_that_a_bar_was_cropped_off_has_the_columns_of_square_pixels(headless, size):
    picture = np.pad(np.kron(discs.grey(), np.ones((3, 3), np.uint8)), ((48, 0), (0, 0)))
    layer = headless.add_image(picture, scale=(size, size), units="nm", name="sem")
    info, segment, measure = (dock(headless, name) for name in ("micrograph", "segment", "measure"))
    info.method.value = "Crop info bar"
    (field,) = info(image=layer, find="manual", top=48)
    assert field.translate[0] == pytest.approx(48 * size)
    (mask,) = segment(image=field)
    measure(labels=mask)
    assert {"perimeter_nm", "circularity"} <= set(measure.table.frame)


@pytest.mark.parametrize("family", [one for one in WIDGETS if one != "workspace"])
def test_labels_that_wrap_say_whether_they_are_html(headless, family):
    # otherwise Qt guesses it, also of the names of images and classes
    form = dock(headless, family)
    wrapped = [one for one in form.native.findChildren(QLabel) if one.wordWrap()]
    assert wrapped
    assert [one.text() for one in wrapped if one.textFormat() == Qt.TextFormat.AutoText] == []


def ball(shape, radius):
    """Bright ball or disc in the middle."""
    far = sum(
        (axis - side / 2 + 0.5) ** 2 for axis, side in zip(np.indices(shape), shape, strict=True)
    )
    return np.where(far < radius**2, 200, 50).astype(np.uint8)


def coarse(image, factors):
    """Means of blocks; what is left at the end is left out."""
    kept = tuple(slice(size // by * by) for size, by in zip(image.shape, factors, strict=True))
    sides = [n for size, by in zip(image.shape, factors, strict=True) for n in (size // by, by)]
    return image[kept].reshape(sides).mean(axis=tuple(range(1, 2 * image.ndim, 2))).astype("u1")


@pytest.mark.case("S04v", "E04a")
@pytest.mark.parametrize(
    ("shape", "factors"),
    [((40, 64, 80), (2, 2, 2)), ((40, 64, 80), (1, 2, 4)), ((41, 67, 83), (3, 3, 2)),
     ((96, 120), (2, 4)), ((97, 122), (3, 5))],
)  # fmt: skip
def test_sizes_on_a_level_of_a_pyramid_are_those_of_the_finest_one(headless, shape, factors):
    fine = ball(shape, 12 if len(shape) == 3 else 30)
    scale = (6, 4, 4)[-len(shape) :]
    layer = headless.add_image(
        [fine, coarse(fine, factors)], multiscale=True, scale=scale, units="nm", name="pyramid"
    )
    segment, measure = dock(headless, "segment"), dock(headless, "measure")
    segment.fields["image"].value = layer
    found = []
    for level in (0, 1):
        segment.level.value = level
        (mask,) = segment(dimensions=f"{len(shape)}D", sigma=0.0)
        measure(labels=mask, dimensions=f"{len(shape)}D")
        row = measure.table.frame.iloc[0]
        middle = mask.data_to_world([row[f"centroid_{axis}_px"] for axis in "zyx"[-len(shape) :]])
        found.append((row["volume_nm3" if len(shape) == 3 else "area_nm2"], middle, mask.extent))
    (size, place, extent), (coarse_size, coarse_place, coarse_extent) = found
    assert size == (fine > 100).sum() * np.prod(scale)
    assert coarse_size == pytest.approx(size, rel=0.1)
    np.testing.assert_allclose(coarse_place, place, atol=2)
    # within one pixel of the level
    off = np.abs(coarse_extent.world - extent.world)
    assert (off <= np.multiply(scale, factors)).all()


@pytest.mark.case("S18v", "E18b")
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0)], ids=str)
@pytest.mark.parametrize("displayed", [2, 3])
def test_a_row_brings_its_region_to_the_middle_whichever_axes_are_displayed(
    headless, order, displayed
):
    stack = np.zeros((30, 96, 128), np.uint8)
    stack[24:28] = discs.numbers()
    layer = headless.add_labels(stack, scale=(10, 2, 3), units="nm", name="volume")
    form = dock(headless, "measure")
    form(labels=layer, dimensions="3D")
    headless.dims.ndisplay, headless.dims.order = displayed, order
    headless.dims.set_point(range(3), (0, 0, 0))
    # it would be in view, were it not in another slice or in space
    layer.corner_pixels = np.array([[0, 0, 0], [30, 96, 128]])
    form.table.select(3)
    wanted = np.array((255, 2 * 70, 3 * 100))
    shown, hidden = list(headless.dims.displayed), list(headless.dims.not_displayed)
    np.testing.assert_allclose(camera(headless).center[-displayed:], wanted[shown], atol=6)
    np.testing.assert_allclose(np.array(headless.dims.point)[hidden], wanted[hidden], atol=6)


@pytest.mark.case("E04a")
def test_pixels_of_a_level_are_told_where_there_is_no_pixel_size(headless):
    fine = ball((96, 120), 30)
    layer = headless.add_image([fine, coarse(fine, (3, 3))], multiscale=True, name="pyramid")
    segment, measure = dock(headless, "segment"), dock(headless, "measure")
    segment.fields["image"].value = layer
    told = "as wide as 3 of full resolution"
    for level, said in ((0, False), (1, True)):
        segment.level.value = level
        (mask,) = segment()
        assert (told in segment.message.value) is said
        measure(labels=mask)
        assert (told in measure.message.value) is said


def test_a_measurement_is_undone_after_the_pixel_size_was_set(headless):
    data = np.zeros((40, 50), int)
    data[5:15, 5:15] = 1
    image = headless.add_image(100 * data.astype(np.uint8), name="s")
    image.metadata["micrograph"] = {"info_bar": {}}
    (labels,) = dock(headless, "segment")(method="Threshold", image=image)
    measure = dock(headless, "measure")
    columns = list(labels.features)
    measure(labels=labels)
    info = dock(headless, "micrograph")
    info.fields["image"].value = image
    for size in (0.3, 0.7):
        info.size.value, info.unit.value = size, "nm"
        info.set_button.native.click()
    assert labels.features["area_nm2"].iloc[0] == pytest.approx(49)
    assert measure.results.undo() == []
    assert list(labels.features.columns) == columns
    assert measure.results.redo() == []
    assert labels.features["area_nm2"].iloc[0] == pytest.approx(49)
