"""Every widget in a real viewer, on real micrographs: press Run, look at the layer."""

from __future__ import annotations

import gc
import weakref
from unittest.mock import patch

import napari
import numpy as np
import pytest
from magicgui.widgets import Widget
from napari.layers import Labels, Shapes
from napari.utils.colormaps.standardize_color import transform_color
from qtpy.QtCore import QEvent, QObject, Qt, QThreadPool
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

import napari_visual_ccc as ccc
from napari_visual_ccc import samples, widgets
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.widgets.docks.families import threshold_text
from napari_visual_ccc.widgets.layers.viewers import camera, grid
from napari_visual_ccc.widgets.parts.marks import STRONG
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.operations import OPERATIONS
from tests.widgets.heartbeat import LONGEST, Heartbeat
from tests.widgets.opening import WIDGETS, dock

PLACE = {"scale": (0.5, 0.5), "translate": (40, 7), "rotate": 20, "units": "nm"}


@pytest.fixture(scope="module")
def particles() -> np.ndarray:
    return samples.load("nanoparticles").data[60:230, 40:260]


@pytest.fixture(scope="module")
def mask(particles) -> np.ndarray:
    return np.asarray(ccc.threshold(particles))


# the score card gives none, and takes as long as all others together; Segment Anything and
# autoencoders need a model; concordance a second layer (test_classify.py), and a search an example
# (test_lens.py)
OTHERS = (
    "cam_sanity_checks", "sam_masks", "concordance", "find_similar", "look_at", "anomaly_map",
    "reconstruct",
)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [name for name, one in OPERATIONS.items() if one.has_form and name not in OTHERS],
)
def test_every_operation_gives_layers_on_their_source(name, viewer, particles, mask, finish):
    # larger than the windows of the network, and each operation runs on it twice
    particles, mask = particles[:96, :160], mask[:96, :160]
    operation = OPERATIONS[name]
    needs_labels = signature.inputs(name)[0] == "labels"
    if needs_labels:
        source = viewer.add_labels(mask, name="copper", **PLACE)
    else:
        source = viewer.add_image(particles, name="copper", **PLACE)
    before = source.data.copy()
    form = dock(viewer, operation.family)
    form.method.value = operation.title
    form.run_button.native.click()
    finish(form)
    np.testing.assert_array_equal(source.data, before)
    result = expected(name, before)
    made = list(viewer.layers)[1:]
    assert len(made) == len(result.layers)
    for layer, part in zip(made, result.layers, strict=True):
        np.testing.assert_array_equal(layer.data, part.data)
        assert layer.name == f"copper {part.name}"
        # maps of channels have one axis more
        assert layer.units[-2:] == source.units
        np.testing.assert_allclose(layer.rotate[-2:, -2:], source.rotate)
        np.testing.assert_allclose(layer.scale[-2:], source.scale * part.placement.stride)
        np.testing.assert_allclose(
            layer.data_to_world((0,) * layer.ndim)[-2:],
            source.data_to_world(part.placement.first_centre),
        )
        record = layer.metadata["visual_ccc"]
        assert record["source"]["name"] == "copper"
        assert record["steps"][-1]["operation"] == name
        assert record["versions"]["napari-visual-ccc"] == ccc.__version__
    if made:
        form.undo_button.native.click()
        assert list(viewer.layers) == [source]


def test_image_analysis_shows_three_panels(viewer, particles, finish):
    source = viewer.add_image(particles, name="copper")
    form = dock(viewer, "analysis")
    form.run_button.native.click()
    finish(form)
    visible = [layer for layer in viewer.layers if layer.visible]
    assert [layer.name for layer in visible] == ["copper grey", "copper binary", "copper texture"]
    assert grid(viewer).enabled
    assert grid(viewer).actual_shape(viewer.layers)[0] == 1
    form.undo_button.native.click()
    assert not grid(viewer).enabled
    assert source.visible


def expected(name: str, data: np.ndarray) -> Result:
    calibration = {"spacing": (0.5, 0.5), "unit": "nm"} if signature.calibrated(name) else {}
    return getattr(ccc, name)(data, **calibration)


def test_cluster_lists_area_in_units(headless, particles, finish):
    headless.add_image(particles, name="copper", **PLACE)
    form = dock(headless, "cluster")
    form.fields["clusters"].value = 4
    form.run_button.native.click()
    finish(form)
    table = form.table.frame
    assert len(table) == 4
    assert table["area_percent"].sum() == pytest.approx(100)
    assert table["area_nm2"].sum() == pytest.approx(particles.size * 0.25)
    assert form.table.isVisibleTo(form.native)
    layer = headless.layers["copper k-means 4"]
    assert list(layer.features["index"]) == [1, 2, 3, 4]
    assert "area_percent" in layer.features


def test_explain_offers_the_classes_of_the_model(headless, particles, finish):
    headless.add_image(particles, name="copper", **PLACE)
    form = dock(headless, "classify")
    form.method.value = OPERATIONS["explain"].title
    assert set(form.fields["target"].choices) == {"", "cube", "octahedron", "sphere"}
    form.fields["target"].value = "sphere"
    form.run_button.native.click()
    finish(form)
    layer = headless.layers[-1]
    assert layer.metadata["visual_ccc"]["steps"][-1]["parameters"]["target"] == "sphere"
    assert layer.blending == "translucent"
    # what is low hides nothing of a bright image
    assert layer.colormap.colors[0, 3] == 0
    assert form.bars.isVisibleTo(form.native)
    assert "Cu nanoparticle TEM only" in form.message.value


def test_classify_takes_the_slice_on_screen(headless, particles, finish):
    stack = np.stack([np.full_like(particles, 128), particles])
    headless.add_image(stack, name="series", scale=(1, 0.5, 0.5))
    headless.dims.set_current_step(0, 1)
    form = dock(headless, "classify")
    form.run_button.native.click()
    finish(form)
    assert headless.layers[-1].translate[0] == 1
    assert headless.layers[-1].ndim == 3


def click_row(table, row):
    view = table.view
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_row_of_clusters_shows_its_phase_alone_until_it_is_clicked_again(viewer, particles):
    viewer.add_image(particles, name="copper", **PLACE)
    form = dock(viewer, "cluster")
    (layer,) = form(clusters=3)
    colours = [layer.get_color(label) for label in (1, 2, 3)]
    form.table.select(1)
    share = form.table.frame["area_percent"][1]
    assert form.share.text() == f"Cluster 2: {share:.1f} %"
    assert form.share.isVisibleTo(form.native)
    assert [layer.get_color(label)[3] for label in (1, 2, 3)] == [0, 1, 0]
    # swatches of the table stay
    assert [tuple(form._color(label)) for label in (1, 2, 3)] == [tuple(c) for c in colours]
    form.table.cleared.emit(1)
    np.testing.assert_array_equal([layer.get_color(label) for label in (1, 2, 3)], colours)
    assert not form.share.isVisibleTo(form.native)
    # that of another cluster is a mask of one label, shown alone at once
    form.table.select(0)
    (mask,) = form(method=OPERATIONS["select_cluster"].title, labels=layer, cluster=3)
    np.testing.assert_array_equal(layer.get_color(2), colours[1])
    assert form.share.text().startswith("Cluster 3: ")
    assert not np.array_equal(mask.get_color(1), colours[0])
    np.testing.assert_array_equal(form._color(1), mask.get_color(1))
    form.undo()
    assert not form.share.isVisibleTo(form.native)


def test_measure_finds_the_region_of_a_row_and_the_row_of_a_region(viewer, finish):
    masks = samples.masks("nanoparticles")
    layer = viewer.add_labels(masks["instances"], name="copper", scale=(2, 2), units="nm")
    form = dock(viewer, "measure")
    form.run_button.native.click()
    finish(form)
    frame = form.table.frame
    assert len(frame) == len(np.unique(masks["instances"])) - 1
    own = layer.get_color(int(frame["label"].iloc[5]))
    before = camera(viewer).center
    form.table.select(5)
    label = int(frame["label"].iloc[5])
    assert layer.selected_label == label
    # outlined: the others are grey and fainter; it was in view, so nothing moves
    np.testing.assert_allclose(layer.get_color(label), transform_color(STRONG)[0])
    assert layer.contour > 0
    assert layer.get_color(int(frame["label"].iloc[6]))[3] < 0.5
    assert camera(viewer).center == before
    # out of view, the camera goes there
    layer.corner_pixels = np.array([[0, 0], [3, 3]])
    form.table.select(4)
    form.table.select(5)
    rows, columns = np.nonzero(masks["instances"] == label)
    center = camera(viewer).center
    np.testing.assert_allclose(center[1], rows.mean() * 2, atol=12)
    np.testing.assert_allclose(center[2], columns.mean() * 2, atol=12)
    layer.selected_label = int(frame["label"].iloc[9])
    assert form.table.selected == 9
    # a second click on the row ends it
    click_row(form.table, 9)
    click_row(form.table, 9)
    assert form.table.selected is None
    np.testing.assert_array_equal(layer.get_color(label), own)
    assert layer.get_color(int(frame["label"].iloc[6]))[3] == 1
    assert form.histogram.figure.axes[0].patches


def test_spots_of_a_diffraction_pattern_have_the_columns_that_scripts_have(headless):
    spots = np.zeros((60, 80), int)
    spots[5:20, 5:30] = 1
    layer = headless.add_labels(spots, scale=(0.02, 0.02), units="1/nm")
    form = dock(headless, "measure")
    form(labels=layer)
    expected = ccc.region_table(spots, spacing=(0.02, 0.02), unit="1/nm").table
    assert list(form.table.frame.columns) == list(expected.columns)
    assert "area_1/nm2" in layer.features


@pytest.fixture
def bricks() -> np.ndarray:
    """Two regions of a stack of nine slices; the first lies in the last three of them."""
    volume = np.zeros((9, 60, 80), int)
    volume[6:9, 5:15, 5:15], volume[0:3, 40:50, 40:60] = 1, 2
    return volume


def test_measure_draws_what_regions_of_a_volume_have(viewer, bricks, finish):
    layer = viewer.add_labels(bricks, scale=(5, 2, 2), units="nm")
    form = dock(viewer, "measure")
    form.fields["dimensions"].value = "3D"
    form.run_button.native.click()
    finish(form)
    assert form.table.isVisibleTo(form.native)
    assert form.histogram.isVisibleTo(form.native)
    assert list(layer.features["volume_nm3"]) == [6000, 12000]
    assert form.histogram.weighted.text() == "by volume"
    form.histogram.weighted.setChecked(True)
    axes = form.histogram.figure.axes[0]
    assert axes.get_xlabel() == "equivalent diameter (nm)"
    shares = [bar.get_height() for bar in axes.patches]
    assert (shares[0], shares[-1]) == pytest.approx((100 / 3, 200 / 3))
    labels = {"volume (nm³)": "volume (nm³)", "major axis (nm)": "axis major (nm)"}
    for head, label in labels.items():
        form.histogram.column.setCurrentText(head)
        assert form.histogram.figure.axes[0].get_xlabel() == label
    form(labels=layer, dimensions="2D")
    assert form.histogram.weighted.text() == "by area"
    form.histogram.column.setCurrentText("area (nm²)")
    assert form.histogram.figure.axes[0].get_xlabel() == "area (nm²)"


def test_a_row_of_a_volume_goes_to_the_middle_of_its_slices(viewer, bricks):
    layer = viewer.add_labels(bricks, scale=(5, 2, 2), units="nm")
    form = dock(viewer, "measure")
    form(labels=layer, dimensions="3D")
    viewer.dims.set_current_step(0, 4)
    # it is out of view
    layer.corner_pixels = np.zeros((2, 3), int)
    form.table.select(0)
    assert viewer.dims.current_step[0] == 7
    np.testing.assert_allclose(camera(viewer).center[1:], (19, 19))


def test_a_row_of_a_series_of_volumes_goes_to_its_time_and_slice(viewer, bricks):
    series = np.stack([np.roll(bricks, shift, axis=0) for shift in range(3)])
    layer = viewer.add_labels(series, scale=(1, 5, 2, 2), units=("s", "nm", "nm", "nm"))
    form = dock(viewer, "measure")
    form(labels=layer, dimensions="3D")
    viewer.dims.set_current_step(1, 8)
    # at the last time, the second region lies in slices 2 to 4; it is out of view
    layer.corner_pixels = np.zeros((2, 4), int)
    form.table.select(len(form.table.frame) - 1)
    assert viewer.dims.current_step[:2] == (2, 3)
    np.testing.assert_allclose(camera(viewer).center[1:], (89, 99))


def test_measure_keeps_the_names_that_were_there(headless, particles, finish):
    headless.add_image(particles, name="copper", **PLACE)
    dock(headless, "segment")()
    layer = headless.layers[-1]
    names = layer.features["name"].tolist()
    form = dock(headless, "measure")
    form.fields["labels"].value = layer
    form.run_button.native.click()
    finish(form)
    assert set(layer.features["name"]) <= set(names)
    assert "area_nm2" in layer.features
    form.undo()
    assert "perimeter_nm" not in layer.features


def test_tables_are_copied_and_saved(headless, particles, tmp_path):
    headless.add_image(particles, name="copper", **PLACE)
    form = dock(headless, "cluster")
    form(clusters=3)
    form.table.copy_button.click()
    assert QApplication.clipboard().text().count("\n") == 4
    form.table.save(tmp_path / "table.csv")
    import pandas as pd

    saved = pd.read_csv(tmp_path / "table.csv")
    np.testing.assert_allclose(saved["area_percent"], form.table.frame["area_percent"])


def test_the_widget_can_be_called_from_a_script(headless, particles):
    headless.add_image(particles, name="copper", **PLACE)
    form = dock(headless, "cluster")
    (layer,) = form(clusters=5)
    np.testing.assert_array_equal(layer.data, ccc.kmeans(particles, clusters=5).labels)


def test_a_wrong_model_file_is_refused_in_a_sentence(viewer, particles, finish, tmp_path):
    from napari.utils.notifications import notification_manager

    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"not a model")
    viewer.add_image(particles, name="copper")
    form = dock(viewer, "classify")
    form.fields["model"].value = wrong
    form.run_button.native.click()
    finish(form)
    assert any("wrong.safetensors" in n.message for n in notification_manager.records)
    assert len(viewer.layers) == 1


@pytest.mark.parametrize("family", ["denoise", "texture", "cluster", "segment", "classify"])
def test_the_viewer_stays_usable_while_a_job_runs(family, viewer, finish):
    image = np.tile(samples.load("superalloy").data, (2, 2))
    viewer.add_image(image if family != "classify" else image[:300, :300], name="alloy")
    form = dock(viewer, family)
    form()  # the first run of a session loads libraries
    gaps = []
    for _ in range(4):
        heartbeat = Heartbeat()
        form.run_button.native.click()
        finish(form)
        gaps.append(heartbeat.stop())
        if gaps[-1] < LONGEST:
            break
    # other work of the process may fall into a run: one of four shows that the job has none
    assert min(gaps) < LONGEST


def test_a_denoised_layer_is_not_denoised_again(viewer, finish, rng):
    viewer.add_image(rng.normal(100, 10, (96, 96)), name="flat")
    form = dock(viewer, "denoise")
    for _ in range(2):
        form.fields["image"].value = viewer.layers[-1]
        form.run_button.native.click()
        finish(form)
    _, once, twice = viewer.layers
    assert once.data.std() < 5
    np.testing.assert_array_equal(once.data, twice.data)
    assert "lready denoised by non-local means" in form.message.value


@pytest.mark.parametrize("family", ["denoise", "classify"])
def test_cancel_answers_at_once_and_nothing_arrives_later(family, viewer, qtbot):
    image = np.tile(samples.load("superalloy").data, (3, 3))
    viewer.add_image(image, name="alloy")
    form = dock(viewer, family)
    form.run_button.native.click()
    qtbot.waitUntil(lambda: form.bar.value > 0)
    form.run_button.native.click()
    assert form.message.value == form.run_button.text == "Stopping…"
    qtbot.waitUntil(lambda: form.job is None)
    assert form.message.value == "Cancelled."
    assert form.run_button.text == "Run"
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0)
    assert len(viewer.layers) == 1


def own_objects():
    """Weak references to the objects of our widgets that were made since the last freeze."""
    # by the type alone: an object may be a proxy of what is gone, a class may have no module
    own = [one for one in gc.get_objects() if issubclass(type(one), QObject | Widget)]
    named = [(getattr(type(one), "__module__", None), one) for one in own]
    return [weakref.ref(one) for name, one in named if str(name).startswith(widgets.__name__)]


def opened_and_closed():
    """What belonged to a viewer with every dock: its window, its forms, every object of ours."""
    viewer = napari.Viewer(show=False, show_welcome_screen=False)
    viewer.add_image(np.eye(30))
    forms = [weakref.ref(dock(viewer, family)) for family in WIDGETS]
    window = weakref.ref(viewer.window._qt_viewer)
    own = own_objects()
    assert len(own) > len(forms)
    with patch.object(viewer.window._qt_window, "_save_current_window_settings"):
        viewer.close()
    return [window, *forms, *own]


def settle(is_enough):
    """Do what waits in the event loop, deletions too, as often as one thing leads to another."""
    for _ in range(20):
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        if is_enough():
            return


def test_a_closed_viewer_with_every_dock_is_freed(qtbot, mock_app_model):
    # what timers of earlier tests make is none of this viewer
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0)
    settle(lambda: False)
    gc.freeze()
    left = opened_and_closed()
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0)
    settle(lambda: all(one() is None for one in left))
    assert [one() for one in left if one() is not None] == []


def test_align_shows_the_stack_and_lists_the_drift(viewer, finish):
    image = samples.load("superalloy").data[:200, :200]
    stack = np.stack([np.roll(image, 3 * k, axis=1) for k in range(3)])
    viewer.add_image(stack, name="series", scale=(1, 2, 2), units=("px", "nm", "nm"))
    form = dock(viewer, "correct")
    form.method.value = OPERATIONS["align_stack"].title
    form.run_button.native.click()
    finish(form)
    np.testing.assert_allclose(form.table.frame["drift_x_nm"], [0, 6, 12], atol=0.2)
    layer = viewer.layers["series aligned"]
    assert layer.units == viewer.layers["series"].units
    inner = layer.data[:, :, :150]
    np.testing.assert_allclose(inner[0], inner[2], atol=12)


def test_segment_anything_runs_on_the_image_and_again_on_points(
    viewer, particles, finish, tiny_sam
):
    image = viewer.add_image(particles, name="copper", **PLACE)
    form = dock(viewer, "segment")
    form.method.value = OPERATIONS["sam_masks"].title
    form.fields["model"].value = tiny_sam("sam2")
    form.fields["preset"].value = "custom"
    few = {
        "points_per_side": 3, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0,
        "box_nms_thresh": 1.0,
    }  # fmt: skip
    for key, value in few.items():
        form.fields[key].value = value
    form.run_button.native.click()
    finish(form)
    (masks,) = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    expected = ccc.sam_masks(particles, None, (0.5, 0.5), "nm", model=tiny_sam("sam2"), **few)
    np.testing.assert_array_equal(masks.data, expected.labels)
    assert list(masks.features["score"]) == list(expected.table["score"])
    assert len(form.table.frame) == len(expected.table)
    before = masks.data.copy()
    form.prompt_points.add_button.native.click()
    form.prompt_points.layer.add([100, 120])
    form.fields["outlines"].value = True
    form.run_button.native.click()
    finish(form)
    assert not np.array_equal(masks.data, before)
    # the next click is another point
    points = viewer.layers["copper prompts"]
    assert viewer.layers.selection.active is points is viewer.layers[-1]
    assert points.mode == "add"
    record = masks.metadata["visual_ccc"]["steps"][-1]
    np.testing.assert_allclose(record["drawn"]["prompts"]["points"], [[100, 120]])
    again = ccc.replay(masks.metadata["visual_ccc"], particles)
    np.testing.assert_array_equal(again.labels, masks.data)
    (outlines,) = [layer for layer in viewer.layers if isinstance(layer, Shapes)]
    np.testing.assert_allclose(outlines.data_to_world((3, 4)), image.data_to_world((3, 4)))


@pytest.mark.case("E18d")
def test_grey_is_measured_where_the_labels_lie(headless):
    grey = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)
    labels = np.zeros((30, 40), np.uint8)
    labels[3:9, 4:14] = 1
    image = headless.add_image(grey, scale=(2, 2), units="nm", name="image")
    form = dock(headless, "measure")
    for moved in ((0, 0), (5, 7)):
        layer = headless.add_labels(
            labels, scale=(2, 2), units="nm", translate=np.multiply(moved, 2), name="part"
        )
        form.fields["labels"].value, form.fields["intensity"].value = layer, image
        form()
        y, x = np.nonzero(labels)
        mean = grey[y + moved[0], x + moved[1]].mean()
        assert form.table.frame["intensity_mean"][0] == pytest.approx(mean)
    layer.translate = (0, -8)
    with pytest.raises(ValueError, match="reaches beyond it"):
        form()


def test_the_threshold_is_said_and_its_other_side_is_one_click_away(headless, particles, finish):
    headless.add_image(particles, name="copper")
    form = dock(headless, "segment")
    form.method.value = OPERATIONS["threshold"].title
    assert not form.invert_button.isVisibleTo(form.native)
    form.run_button.native.click()
    finish(form)
    expected = ccc.threshold(particles)
    assert f"Grey threshold: {expected.facts['thresholds'][0]:.6g}." in form.message.value
    assert form.invert_button.isVisibleTo(form.native)
    form.invert_button.click()
    finish(form)
    np.testing.assert_array_equal(headless.layers[-1].data, 1 - expected.labels)
    form.method.value = OPERATIONS["particles"].title
    assert not form.invert_button.isVisibleTo(form.native)


def test_a_doubtful_side_is_said_beside_the_click_that_turns_it(headless, finish):
    board = np.kron(np.indices((6, 6)).sum(0) % 2 * 100.0, np.ones((20, 20)))
    headless.add_image(board, name="board")
    form = dock(headless, "segment")
    form.method.value = OPERATIONS["threshold"].title
    form.run_button.native.click()
    finish(form)
    assert "objects may be bright or dark" in form.message.value
    assert form.invert_button.isVisibleTo(form.native)


def test_particles_can_be_inverted_by_one_click(headless, particles, finish):
    headless.add_image(particles, name="copper")
    form = dock(headless, "segment")
    form.method.value = OPERATIONS["particles"].title
    form()
    assert form.fields["objects"].value == "auto"
    assert form.invert_button.isVisibleTo(form.native)
    assert "objects are dark now" in form.invert_button.text()
    form.invert_button.click()
    finish(form)
    assert form.fields["objects"].value == "bright"
    np.testing.assert_array_equal(
        headless.layers[-1].data, ccc.particles(particles, objects="bright").labels
    )
    assert "objects are bright now" in form.invert_button.text()
    # what was thresholded before has a side of its own
    form.method.value = OPERATIONS["threshold"].title
    assert not form.invert_button.isVisibleTo(form.native)
    form.method.value = OPERATIONS["particles"].title
    form.undo()
    assert not form.invert_button.isVisibleTo(form.native)


@pytest.mark.parametrize(
    ("thresholds", "text"),
    [
        ([112.25], "Grey threshold: 112.25."),
        ([90.0, 31000.4], "Grey thresholds: 90, 31000.4."),
        ([[90.0], [95.5]], "Grey thresholds of the slices: 90 to 95.5."),
        ([], ""),
    ],
)
def test_thresholds_in_words(thresholds, text):
    assert threshold_text({"thresholds": thresholds}) == text


def test_slices_with_a_side_each_have_no_other_side(headless, particles, finish):
    headless.add_image(np.stack([particles, particles.max() - particles]), name="series")
    form = dock(headless, "segment")
    form.method.value = OPERATIONS["threshold"].title
    form.fields["scope"].value = "slice"
    form.run_button.native.click()
    finish(form)
    assert form.message.value.startswith("Grey thresholds of the slices: ")
    assert not form.invert_button.isVisibleTo(form.native)
