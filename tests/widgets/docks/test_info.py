"""Micrograph info: facts, a pixel size typed or measured on the scale bar, the info bar."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.widgets.layers.metadata import MICROGRAPH, calibration
from napari_visual_ccc.widgets.layers.viewers import scale_bar
from tests.widgets.opening import dock


@pytest.fixture
def barred():
    """A micrograph with an info bar of 40 rows, and letters and a scale bar of 80 px in it."""
    from PIL import Image, ImageDraw, ImageFont

    field = samples.load("superalloy").data[:400, :500]
    picture = Image.new("L", (500, 440), 0)
    picture.paste(Image.fromarray(field), (0, 0))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((20, 428, 99, 432), fill=255)
    pen.text((120, 408), "10.0 kV  WD 8.1 mm  x 5000  200 nm", fill=255,
             font=ImageFont.load_default(20))  # fmt: skip
    return np.asarray(picture)


def test_facts_are_told_and_a_missing_pixel_size_is_warned_about(headless):
    layer = headless.add_image(np.zeros((50, 80), np.uint8), name="a <b>")
    layer.metadata[MICROGRAPH] = {"instrument": "Helios", "voltage_kv": 5.0, "stage": 1.5}
    form = dock(headless, "micrograph")
    text = form.facts.text()
    assert "No pixel size" in text
    assert "a &lt;b&gt;" in text
    assert "80 × 50, uint8" in text
    for told in ("Instrument", "Helios", "Voltage (kV)", "Stage"):
        assert told in text


def test_a_pixel_size_is_typed(headless):
    layer = headless.add_image(np.zeros((50, 80), np.uint8))
    form = dock(headless, "micrograph")
    form.size.value, form.unit.value = 2.5, "µm"
    form.set_button.native.click()
    assert calibration(layer) == ((2.5, 2.5), "µm")
    assert scale_bar(headless).visible
    text = form.facts.text()
    assert "No pixel size" not in text
    assert "2.5 µm (by hand)" in text
    assert "200 × 125 µm" in text
    form.size.value = 25.0
    form.set_button.native.click()
    assert "2 × 1.25 mm" in form.facts.text()


@pytest.mark.parametrize(
    ("size", "unit"),
    [(0.0212345678, "1/nm"), (1.23456789e-6, "mm"), (4e-7, "mm"), (2.0, "deg"), (0.3, "1/Å")],
)
def test_what_nobody_has_typed_over_stays_exact(headless, size, unit):
    headless.add_image(np.zeros((50, 80), np.uint8), scale=(3, 3), units="µm")
    form = dock(headless, "micrograph")
    layer = headless.add_image(np.zeros((50, 80), np.uint8), scale=(size, size), units=unit)
    form.refresh()
    assert (form.size.value, form.unit.value) == (f"{size:.6g}", unit)
    form.set_button.native.click()
    assert calibration(layer) == ((size, size), unit)


def test_the_unit_of_an_odd_layer_is_not_offered_for_the_next(headless):
    headless.add_image(np.zeros((50, 80), np.uint8), units="deg")
    form = dock(headless, "micrograph")
    assert "deg" in form.unit.choices
    form.fields["image"].value = headless.add_image(np.zeros((50, 80), np.uint8), units="nm")
    assert "deg" not in form.unit.choices


@pytest.mark.parametrize(("typed", "size"), [("0.0212345678", 0.0212345678), ("2,5", 2.5)])
def test_a_size_is_taken_as_typed(headless, typed, size):
    layer = headless.add_image(np.zeros((50, 80), np.uint8))
    form = dock(headless, "micrograph")
    form.size.value = typed
    form.set_button.native.click()
    assert calibration(layer) == ((size, size), "nm")


def test_an_image_without_a_size_does_not_offer_that_of_the_image_before(headless):
    data = np.zeros((4, 50, 80), np.uint8)
    sized = headless.add_image(data, name="sized", scale=(10, 2, 2), units="µm")
    form = dock(headless, "micrograph")
    assert (form.size.value, form.step.value) == ("2", "10")
    form.line_length.value = 200.0
    plain = headless.add_image(data, name="plain")
    form.fields["image"].value = plain
    for field, button in (
        (form.size, form.set_button),
        (form.step, form.step_button),
    ):
        assert field.value == ""
        assert not button.enabled
        button.native.click()
    assert form.line_length.value == ""
    form.draw_button.native.click()
    headless.layers.selection.active.add_lines(np.array([[5.0, 5.0], [5.0, 25.0]]))
    form.line_button.native.click()
    assert "Type the length" in notification_manager.records[-1].message
    headless.layers.selection.active = plain
    assert calibration(plain) == (None, "px")
    assert (form.unit.value, form.step_unit.value) == ("nm", "nm")
    # what is being typed stays when the facts are told anew
    form.size.value = "0.5"
    assert form.set_button.enabled
    form.refresh()
    assert form.size.value == "0.5"
    form.fields["image"].value = sized
    assert (form.size.value, form.unit.value) == ("2", "µm")


def test_a_size_set_elsewhere_is_shown(headless, qtbot):
    layer = headless.add_image(np.zeros((50, 80), np.uint8))
    form, other = (dock(headless, "micrograph") for _ in range(2))
    for one in (form, other):
        one.native.show()
    form.size.value, form.unit.value = 2.5, "µm"
    form.set_button.native.click()
    qtbot.waitUntil(lambda: (other.size.value, other.unit.value) == ("2.5", "µm"))
    assert "2.5 µm" in other.facts.text()
    assert calibration(layer) == ((2.5, 2.5), "µm")


@pytest.mark.parametrize("typed", ["two", "0", "-1", "nan"])
def test_what_is_no_size_sets_nothing(headless, typed):
    stack = headless.add_image(np.zeros((4, 50, 80), np.uint8))
    form = dock(headless, "micrograph")
    form.size.value = form.step.value = typed
    for button in (form.set_button, form.step_button):
        button.native.click()
        assert "above 0" in notification_manager.records[-1].message
    assert tuple(stack.scale) == (1, 1, 1)
    assert calibration(stack) == (None, "px")


def test_the_step_that_is_shown_is_that_of_the_stack(headless):
    stack = headless.add_image(np.zeros((4, 50, 80), np.uint8), scale=(10, 2, 2), units="nm")
    form = dock(headless, "micrograph")
    form.step_button.native.click()
    assert tuple(stack.scale) == (10, 2, 2)


def test_pixels_that_are_not_square_stay_so(headless):
    layer = headless.add_image(np.zeros((50, 80), np.uint8), scale=(2, 1), units="nm")
    form = dock(headless, "micrograph")
    form.size.value, form.unit.value = 3.0, "nm"
    form.set_button.native.click()
    assert calibration(layer) == ((6.0, 3.0), "nm")


def test_a_line_over_the_scale_bar_calibrates_the_image_and_what_was_made_of_it(
    viewer, barred, finish
):
    image = viewer.add_image(barred, name="micrograph")
    segment = dock(viewer, "segment")
    segment.method.value = "Threshold"
    segment.run_button.native.click()
    finish(segment)
    labels = viewer.layers["micrograph Otsu"]
    assert not labels.data[400:].any()
    form = dock(viewer, "micrograph")
    form.fields["image"].value = image
    form.draw_button.native.click()
    lines = viewer.layers.selection.active
    assert lines.mode == "add_line"
    lines.add_lines(np.array([[430.0, 20.0], [430.0, 100.0]]))
    form.line_length.value, form.line_unit.value = 200.0, "nm"
    form.line_button.native.click()
    assert lines not in viewer.layers
    for layer in (image, labels):
        assert calibration(layer)[0] == pytest.approx((2.5, 2.5))
        assert calibration(layer)[1] == "nm"
    np.testing.assert_allclose(labels.extent.world, image.extent.world)


@pytest.mark.parametrize("drawn", [None, [[5.0, 5.0], [5.0, 5.0]]])
def test_without_a_line_nothing_is_set(headless, drawn):
    layer = headless.add_image(np.zeros((50, 80), np.uint8))
    form = dock(headless, "micrograph")
    if drawn:
        form.draw_button.native.click()
        headless.layers.selection.active.add_lines(np.array(drawn))
    form.line_button.native.click()
    assert calibration(layer) == (None, "px")
    assert "line" in notification_manager.records[-1].message


def test_the_bar_that_was_found_is_left_out_and_can_be_typed_over(viewer, barred, finish):
    image = viewer.add_image(barred, name="micrograph")
    form = dock(viewer, "micrograph")
    assert "not detected yet" in form.facts.text()
    form.run_button.native.click()
    finish(form)
    assert image.metadata[MICROGRAPH]["info_bar"]["bottom"] == pytest.approx(40, abs=2)
    assert "px at the bottom" in form.facts.text()
    mask = viewer.layers["micrograph info bar"]
    assert mask.data[410:].all()
    assert not mask.data[:390].any()
    form.fields["image"].value = image
    form.fields["find"].value = "manual"
    form.run_button.native.click()
    finish(form)
    assert not any(image.metadata[MICROGRAPH]["info_bar"].values())
    assert "none" in form.facts.text()
    cluster = dock(viewer, "cluster")
    cluster.fields["image"].value = image
    cluster.run_button.native.click()
    finish(cluster)
    assert viewer.layers["micrograph k-means 3"].data[410:].any()


def test_cutting_the_bar_off_leaves_the_rest_where_it_was(viewer, barred, finish):
    image = viewer.add_image(barred[::-1], name="bar on top", scale=(2, 2), units="nm")
    form = dock(viewer, "micrograph")
    form.method.value = "Crop info bar"
    form.fields["image"].value = image
    form.run_button.native.click()
    finish(form)
    field = viewer.layers["bar on top field"]
    top = image.data.shape[0] - field.data.shape[0]
    assert top == pytest.approx(40, abs=2)
    assert tuple(field.translate) == (2 * top, 0)
    np.testing.assert_array_equal(field.data, image.data[top:])
    # on the image, the part of it would change nothing
    assert (field.visible, image.visible) == (True, False)
    form.undo_button.native.click()
    assert image.visible


def test_tables_and_renamed_images_follow_a_new_pixel_size(headless, finish):
    image = headless.add_image(
        samples.load("nanoparticles").data, name="tem", scale=(2, 2), units="nm"
    )
    image.metadata[MICROGRAPH] = {"info_bar": {}}
    segment = dock(headless, "segment")
    segment.method.value = "Threshold"
    segment.run_button.native.click()
    finish(segment)
    labels = headless.layers["tem Otsu"]
    before = labels.features["area_nm2"].to_numpy()
    other = headless.add_labels(labels.data.copy(), name="tem", scale=(2, 2), units="nm")
    image.name = "renamed"
    form = dock(headless, "micrograph")
    form.fields["image"].value = image
    form.draw_button.native.click()
    headless.layers.selection.active.add_lines(np.array([[5.0, 5.0], [5.0, 105.0]]))
    form.size.value, form.unit.value = 10.0, "nm"
    form.set_button.native.click()
    assert calibration(labels) == ((10.0, 10.0), "nm")
    np.testing.assert_allclose(labels.features["area_nm2"], 25 * before)
    assert labels.metadata["visual_ccc"]["source"]["spacing"] == [10.0, 10.0]
    assert calibration(other) == ((2.0, 2.0), "nm")
    # the line was drawn at the old size
    assert all(layer.name != "line over the scale bar" for layer in headless.layers)
    form.size.value, form.unit.value = 1.0, "µm"
    form.set_button.native.click()
    np.testing.assert_allclose(labels.features["area_µm2"], before / 4)
    assert "area_nm2" not in labels.features


def test_a_pixel_size_that_sits_in_an_affine_is_replaced(headless):
    affine = np.diag([2.0, 2.0, 1.0])
    image = headless.add_image(np.zeros((40, 50)), name="tem", affine=affine, units="nm")
    assert calibration(image) == ((2.0, 2.0), "nm")
    form = dock(headless, "micrograph")
    form.size.value = 3.0
    form.set_button.native.click()
    assert calibration(image) == (pytest.approx((3.0, 3.0)), "nm")


def test_the_table_on_screen_follows_a_new_pixel_size(headless, discs):
    image = headless.add_image(discs, name="discs", scale=(2, 2), units="nm")
    (labels,) = dock(headless, "segment")()
    measure = dock(headless, "measure")
    measure(labels=labels)
    before = measure.table.frame["area_nm2"].tolist()
    form = dock(headless, "micrograph")
    form.fields["image"].value = image
    form.size.value = 4.0
    form.set_button.native.click()
    assert measure.table.frame["area_nm2"].tolist() == [4 * area for area in before]
    form.size.value, form.unit.value = 1.0, "µm"
    form.set_button.native.click()
    assert measure.table.frame["area_µm2"].tolist() == pytest.approx([a / 4 for a in before])


def test_what_is_measured_anew_takes_the_place_of_a_rescaled_table(headless, discs):
    place = {"scale": (5, 2, 2), "units": "nm"}
    image = headless.add_image(np.stack([discs] * 3), name="discs", **place)
    (labels,) = dock(headless, "segment")()
    measure = dock(headless, "measure")
    measure(labels=labels, dimensions="3D")
    form = dock(headless, "micrograph")
    form.fields["image"].value = image
    form.size.value, form.unit.value = 0.004, "µm"
    form.set_button.native.click()
    assert "volume_µm3" in labels.features
    measure(labels=labels, dimensions="2D")
    assert "area_µm2" in labels.features
    assert not [name for name in labels.features if name.startswith("volume")]


def test_a_stack_gets_the_step_between_its_slices(headless):
    stack = headless.add_image(np.zeros((4, 50, 80), np.uint8), name="stack")
    form = dock(headless, "micrograph")
    assert form.step_row.native.isVisibleTo(form.native)
    form.size.value = 2.0
    form.set_button.native.click()
    form.step.value, form.step_unit.value = 20.0, "nm"
    form.step_button.native.click()
    assert tuple(stack.scale) == (20.0, 2.0, 2.0)
    assert calibration(stack, voxel=True)[0] == pytest.approx((20, 2, 2))
    assert "4, 20 nm apart" in form.facts.text()
    part = headless.add_image(
        stack.data[2:3], name="part", scale=stack.scale, units=stack.units, translate=(40, 0, 0)
    )
    part.metadata["visual_ccc"] = {
        "layer": str(stack.unique_id), "source": {"spacing": [20.0, 2.0, 2.0], "unit": "nm"}
    }  # fmt: skip
    form.fields["image"].value = stack
    form.step.value, form.step_unit.value = 0.03, "µm"
    form.step_button.native.click()
    # the third slice still
    assert tuple(part.translate) == pytest.approx((0.06, 0, 0))
    assert part.metadata["visual_ccc"]["source"]["spacing"] == pytest.approx([30, 2, 2])
    headless.add_image(np.zeros((50, 80), np.uint8), name="plane")
    form.fields["image"].value = headless.layers["plane"]
    assert not form.step_row.native.isVisibleTo(form.native)


@pytest.mark.parametrize(
    ("step", "size", "unit"), [(20, 2, "nm"), (10, 4, "nm"), (10, 0.02, "µm"), (20, 4, "nm")]
)
def test_tables_of_volumes_are_right_after_calibration_or_left_out(headless, step, size, unit):
    scale, units = (10, 2, 2), "nm"
    volume = np.zeros((6, 40, 50), int)
    volume[1:4, 5:15, 5:15] = 1
    image = headless.add_image(100 * volume.astype(np.uint8), name="s", scale=scale, units=units)
    image.metadata[MICROGRAPH] = {"info_bar": {}}
    (labels,) = dock(headless, "segment")(method="Threshold", image=image, dimensions="3D")
    dock(headless, "measure")(labels=labels, dimensions="3D")
    columns = set(labels.features)
    form = dock(headless, "micrograph")
    form.fields["image"].value = image
    form.step.value = step
    form.step_button.native.click()
    form.size.value, form.unit.value = size, unit
    form.set_button.native.click()
    spacing, unit = calibration(image, voxel=True)
    true = ccc.region_table(labels.data, spacing=spacing, unit=unit, dimensions="3D").table.iloc[0]
    found = labels.features.iloc[0]
    for name in (f"volume_{unit}3", f"equivalent_diameter_{unit}"):
        assert found[name] == pytest.approx(true[name])
    for name in set(true.index) & set(found.index):
        assert found[name] == pytest.approx(true[name])
    assert not [name for name in found.index if name.endswith("_nm")] or unit == "nm"
    assert labels.metadata["visual_ccc"]["source"]["spacing"] == pytest.approx(spacing)
    assert len(found) < len(columns)


def test_what_has_to_be_measured_again_is_said(headless):
    labels = np.zeros((6, 40, 50), int)
    labels[1:4, 5:15, 5:15] = 1
    image = headless.add_image(labels.astype(np.uint8), name="s", scale=(10, 2, 2), units="nm")
    table = ccc.region_table(labels, spacing=(10, 2, 2), unit="nm", dimensions="3D").table
    headless.add_labels(
        labels, name="grains", scale=image.scale, units="nm", features=table.assign(index=1),
        metadata={"visual_ccc": {"layer": str(image.unique_id)}},
    )  # fmt: skip
    form = dock(headless, "micrograph")
    form.fields["image"].value = image
    form.step_button.native.click()
    assert "Measure" not in form.message.value
    form.step.value = 20
    form.step_button.native.click()
    assert "Measure grains again" in form.message.value
    assert "feret_max_nm" not in headless.layers["grains"].features


@pytest.mark.case("S17v")
def test_labels_and_points_painted_before_take_the_pixel_size(headless):
    image = headless.add_image(np.zeros((40, 50)), name="image")
    labels = np.zeros((40, 50), int)
    labels[5:15, 10:30] = 1
    painted = headless.add_labels(labels, name="painted")
    points = headless.add_points([[10, 20]], name="marks")
    form = dock(headless, "micrograph")
    form.fields["image"].value = image
    form.size.value, form.unit.value = "2.5", "nm"
    form.set_pixel_size()
    for layer in (image, painted, points):
        assert layer.scale.tolist() == [2.5, 2.5]
        assert f"{layer.units[0]:~}" == "nm"
    assert calibration(painted) == ((2.5, 2.5), "nm")
    form.size.value = "5"
    form.set_pixel_size()
    assert painted.scale.tolist() == points.scale.tolist() == [5, 5]
    known = headless.add_labels(labels, name="known", scale=(5, 5), units="nm")
    form.size.value = "4"
    form.set_pixel_size()
    assert (painted.scale[0], known.scale[0]) == (4, 5)
    assert "known kept the old size" in form.message.value


def test_labels_of_more_axes_and_sides_without_a_unit_take_the_pixel_size(headless):
    image = headless.add_image(np.zeros((40, 50)), scale=(2, 1), name="image")
    deep = headless.add_labels(np.zeros((3, 40, 50), int), scale=(1, 2, 1))
    moved = headless.add_labels(np.zeros((40, 50), int), name="moved", translate=(9, 0))
    form = dock(headless, "micrograph")
    form.fields["image"].value = image
    form.size.value, form.unit.value = "5", "nm"
    form.set_pixel_size()
    # as tall for their width as before
    assert calibration(image) == calibration(deep) == ((10, 5), "nm")
    assert moved.scale.tolist() == [1, 1]
    assert "moved kept the old size" in form.message.value
