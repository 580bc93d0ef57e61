"""What a person did to a result stays; what they see is what was computed."""

from __future__ import annotations

import threading

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from skimage.segmentation import relabel_sequential

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.layers import PointsLayer, ShapesLayer
from napari_visual_ccc.widgets.layers.build import build
from napari_visual_ccc.widgets.layers.metadata import calibration
from napari_visual_ccc.widgets.layers.result_layer import ResultLayer
from napari_visual_ccc.widgets.layers.source import take
from napari_visual_ccc.workflow import operations, signature
from tests.widgets.opening import dock


@pytest.mark.parametrize(
    ("family", "name"),
    [("segment", "threshold"), ("cluster", "kmeans")],
    ids=["segment", "cluster"],
)
def test_a_long_stack_is_worked_through(viewer, finish, rng, family, name):
    stack = rng.integers(0, 60_000, (100, 128, 128)).astype(np.uint16)
    viewer.add_image(stack, name="series")
    form = dock(viewer, family)
    form.method.value = operations.OPERATIONS[name].title
    form.run_button.native.click()
    finish(form)
    assert len(viewer.layers) == 2
    assert viewer.layers[1].data.shape == stack.shape


def note(layer):
    layer.metadata["note"] = "mine"


def column(layer):
    layer.features = layer.features.assign(mine=1.0)


def move(layer):
    layer.translate = (5, 5)


def edit_in_place(layer):
    layer.data[0:9] = 1
    layer.refresh()


def rename(layer):
    layer.name = "mine"


@pytest.mark.parametrize("change", [note, column, move, edit_in_place, rename])
def test_whatever_a_person_changed_is_theirs(headless, discs, change):
    headless.add_image(discs, name="discs")
    form = dock(headless, "segment")
    (layer,) = form()
    change(layer)
    kept = layer.data.copy()
    (other,) = form(sigma=3.0)
    assert other is not layer
    np.testing.assert_array_equal(layer.data, kept)
    form.undo()
    assert layer in headless.layers
    assert other not in headless.layers


def test_looks_may_be_changed_without_making_it_theirs(headless, discs):
    headless.add_image(discs, name="discs")
    form = dock(headless, "segment")
    (layer,) = form()
    layer.opacity, layer.visible = 0.9, False
    (again,) = form(sigma=3.0)
    assert again is layer
    assert layer.opacity == 0.9


def test_a_measured_layer_keeps_its_table(headless, discs):
    headless.add_image(discs, name="discs")
    segment, measure = dock(headless, "segment"), dock(headless, "measure")
    (layer,) = segment()
    measure(labels=layer)
    segment(sigma=3.0)
    assert "area_px2" in layer.features


def test_undo_of_measure_spares_what_came_later(headless):
    labels = np.zeros((20, 20), int)
    labels[3:9, 3:9] = 1
    layer = headless.add_labels(labels)
    measure = dock(headless, "measure")
    measure(labels=layer)
    layer.features = layer.features.assign(comment="mine")
    measure.undo()
    assert "comment" in layer.features
    assert "area_px2" in layer.features


def test_a_source_that_was_calibrated_later_takes_its_result_along(headless, discs):
    image = headless.add_image(discs, name="discs")
    form = dock(headless, "segment")
    (layer,) = form()
    image.scale, image.units, image.rotate = (0.5, 0.5), "nm", 30
    (again,) = form(sigma=2.0)
    assert again is layer
    assert layer.units == image.units
    np.testing.assert_allclose(layer.data_to_world((7, 9)), image.data_to_world((7, 9)))
    assert "area_nm2" in layer.features
    form.undo()
    assert layer.scale.tolist() == [1, 1]


def test_a_signed_map_gets_the_colours_of_one(headless):
    headless.add_image(samples.load("nanoparticles").data[:128, :128], name="copper")
    form = dock(headless, "classify")
    (layer,) = form(method="Explain (class activation map)", target="cube")
    assert (layer.colormap.name, layer.blending) == ("inferno, transparent", "translucent")
    (again,) = form(signed=True)
    assert again is layer
    assert (layer.colormap.name, layer.blending) == ("PiYG, transparent", "translucent")
    form(signed=False)
    assert layer.colormap.name == "inferno, transparent"
    assert layer.contrast_limits == [0, 1]


def test_pixel_size_counts_scale_affine_and_units(headless):
    image = headless.add_image(np.zeros((9, 9)), scale=(2, 2), units="nm")
    image.affine = np.diag([1.5, 1.5, 1])
    assert calibration(image) == (pytest.approx((3, 3)), "nm")
    image.rotate = 30
    assert calibration(image)[0] == pytest.approx((3, 3))
    mixed = headless.add_image(np.zeros((9, 9)), units=("pixel", "nm"))
    assert calibration(mixed) == (None, "px")
    stack = headless.add_image(np.zeros((3, 9, 9)), scale=(7, 2, 2), units=("um", "um", "nm"))
    assert calibration(stack) == (pytest.approx((2000, 2)), "nm")


def test_the_visible_part_of_a_pyramid_is_that_on_screen(viewer):
    whole = np.zeros((2048, 2048), np.uint8)
    layer = viewer.add_image([whole, whole[::2, ::2], whole[::4, ::4]], multiscale=True)
    layer._data_level = 1
    layer.corner_pixels = np.array([[100, 200], [300, 500]])
    source = take(layer, viewer, preview=True)
    assert source.corner == (200, 400)
    assert source.data.shape[0] * source.step == pytest.approx(400, abs=4)


def test_an_image_as_narrow_as_colour_is_refused(headless):
    layer = headless.add_image(np.zeros((6, 40, 4)), rgb=False)
    with pytest.raises(ValueError, match="read as colour"):
        take(layer, headless)


def test_a_preview_says_that_it_is_one_and_goes_when_cancelled(viewer, qtbot):
    image = np.tile(samples.load("superalloy").data, (5, 5))
    viewer.add_image(image, name="alloy")
    form = dock(viewer, "cluster")
    form.live.value = True
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    layer = viewer.layers[1]
    assert layer.metadata["visual_ccc"]["preview"]
    assert "visible part" in form.message.value.lower()
    form.cancel()
    form.live.value = False
    if layer in viewer.layers:
        qtbot.waitUntil(lambda: layer.data.shape == image.shape)
        assert not layer.metadata["visual_ccc"]["preview"]


def test_turning_live_off_still_brings_the_whole(viewer, qtbot):
    image = np.tile(samples.load("superalloy").data, (5, 5))
    viewer.add_image(image, name="alloy")
    form = dock(viewer, "cluster")
    form.live.value = True
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    form.live.value = False
    layer = viewer.layers[1]
    qtbot.waitUntil(lambda: layer.data.shape == image.shape)
    assert not layer.metadata["visual_ccc"]["preview"]


def test_the_record_of_a_layer_replays_to_its_data(headless, discs):
    headless.add_image(discs, name="discs", scale=(0.5, 0.5), units="nm")
    segment = dock(headless, "segment")
    (mask,) = segment()
    (split,) = segment(method="Split touching objects", labels=mask)
    again = ccc.replay(split.metadata["visual_ccc"], discs)
    np.testing.assert_array_equal(again.labels, split.data)
    assert "area_nm2" in again.table


def test_an_edited_source_starts_a_new_record(headless, discs):
    headless.add_image(discs, name="discs")
    segment = dock(headless, "segment")
    (mask,) = segment()
    mask.data[40:60, 60:90] = 1
    mask.refresh()
    (split,) = segment(method="Split touching objects", labels=mask)
    record = split.metadata["visual_ccc"]
    assert [step["operation"] for step in record["steps"]] == ["watershed_split"]
    np.testing.assert_array_equal(ccc.replay(record, mask.data).labels, split.data)


def test_a_slice_is_replayed_from_its_stack(headless):
    crop = samples.load("nanoparticles").data[:128, :128]
    stack = np.stack([crop, crop[::-1]])
    headless.add_image(stack, name="series")
    headless.dims.set_current_step(0, 1)
    form = dock(headless, "classify")
    labels = form()[0]
    record = labels.metadata["visual_ccc"]
    again = ccc.replay(record, stack)
    np.testing.assert_array_equal(again.layers[0].data, labels.data[0])


def gated_stack(discs, free, count=12):
    """A lazy stack of which one slice comes freely, the others once the gate is open.

    Also gives the numbers of the slices that were read.
    """
    read, gate = [], threading.Event()
    gate.set()

    def slice_of(block, block_info=None):
        number = block_info[0]["chunk-location"][0]
        read.append(number)
        if number != free:
            gate.wait(30)
        return block

    meta = np.empty((0, 0, 0), discs.dtype)
    stack = da.from_array(np.stack([discs] * count), chunks=(1, *discs.shape))
    return stack.map_blocks(slice_of, dtype=discs.dtype, meta=meta), read, gate


def test_a_lazy_result_is_there_at_once_and_fills_from_the_slice_on_screen(
    viewer, finish, discs, qtbot
):
    stack, read, gate = gated_stack(discs, free=7)
    source = viewer.add_image(stack, name="lazy", contrast_limits=(0, 255))
    source.metadata["micrograph"] = {"info_bar": {}}
    viewer.dims.set_current_step(0, 7)
    form = dock(viewer, "texture")
    form.fields["scope"].value = "slice"
    gate.clear()
    read.clear()
    form.run_button.native.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    layer = viewer.layers[1]
    assert isinstance(layer.data, np.ndarray)
    assert layer.metadata["visual_ccc"]["unfinished"]
    qtbot.waitUntil(lambda: layer.data[7].any())
    assert read[0] == 7
    assert not layer.data[0].any()
    with pytest.raises(ValueError, match="not fully computed"):
        take(layer, viewer)
    gate.set()
    finish(form)
    whole = ccc.glcm_features(np.stack([discs] * 12), scope="slice").data
    np.testing.assert_array_equal(layer.data, whole)
    assert "unfinished" not in layer.metadata["visual_ccc"]
    assert layer.contrast_limits[1] == pytest.approx(np.percentile(whole, 99.5), rel=0.2)
    # a second run renews it
    form.fields["window"].value = 7
    form.run_button.native.click()
    finish(form)
    assert len(viewer.layers) == 2
    np.testing.assert_array_equal(layer.data[3], ccc.glcm_features(discs, window=7).data)


def half_filled(viewer, discs, qtbot):
    """A texture of a gated stack of which the slice on screen has come: no other will."""
    stack, read, gate = gated_stack(discs, free=0)
    source = viewer.add_image(stack, name="lazy", contrast_limits=(0, 255))
    source.metadata["micrograph"] = {"info_bar": {}}
    viewer.dims.set_current_step(0, 0)
    form = dock(viewer, "texture")
    form.fields["scope"].value = "slice"
    gate.clear()
    form.run_button.native.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2 and viewer.layers[1].data[0].any())
    return source, form, read, gate


def test_a_result_that_is_removed_is_computed_no_further(viewer, finish, discs, qtbot):
    source, form, read, gate = half_filled(viewer, discs, qtbot)
    viewer.layers.pop()
    gate.set()
    finish(form)
    assert len(set(read)) < 12
    assert not form.undo_button.enabled
    assert list(viewer.layers) == [source]


def test_what_is_on_screen_is_read_once_for_all_moves_of_a_slider(viewer, qtbot):
    image, read = np.tile(samples.load("powder").data[:512, :512], (5, 5)), []

    def chunk_of(block):
        read.append(1)
        return block

    meta = np.empty((0, 0), image.dtype)
    lazy = da.from_array(image, chunks=1280).map_blocks(chunk_of, dtype=image.dtype, meta=meta)
    layer = viewer.add_image(lazy, name="large", contrast_limits=(0, 255))
    layer.metadata["micrograph"] = {"info_bar": {}}
    form = dock(viewer, "cluster")
    # the canvas takes its size from the new dock some events later, and shows another part then
    qtbot.wait(500)
    form.run(preview=True)
    qtbot.waitUntil(lambda: form.job is None)
    form.cancel()
    labels, before = viewer.layers[1], len(read)
    first = labels.data
    form.fields["clusters"].value = 5
    form.run(preview=True)
    qtbot.waitUntil(lambda: form.job is None)
    assert labels.data is not first
    assert labels.data.max() == 5
    assert len(read) == before


def test_undo_never_brings_back_half_a_result(viewer, finish, discs, qtbot):
    source, form, _, gate = half_filled(viewer, discs, qtbot)
    form.cancel()
    gate.set()
    finish(form)
    form.run_button.native.click()
    finish(form)
    assert "unfinished" not in viewer.layers[1].metadata["visual_ccc"]
    form.undo()
    assert list(viewer.layers) == [source]
    # what a script runs to its end leaves nothing to fill
    form()
    form.run()
    form.cancel()
    finish(form)
    assert form.results.waiting == []


def test_a_preview_whose_image_is_closed_is_taken_back(viewer, qtbot):
    image = np.tile(samples.load("powder").data[:512, :512], (5, 5))
    layer = viewer.add_image(image, name="large")
    layer.metadata["micrograph"] = {"info_bar": {}}
    form = dock(viewer, "segment")
    form.run(preview=True)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    assert form.last[0].preview
    form.live.value = True
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not viewer.layers)
    assert form.message.value == ""


# operations that the viewer gives stacks to, without networks; measure has a test of its own
ON_STACKS = [
    one
    for one in operations.OPERATIONS.values()
    if one.has_form
    and not one.planar
    and one.family in ("correct", "denoise", "segment", "texture", "cluster")
]


@pytest.mark.parametrize("operation", ON_STACKS, ids=lambda one: one.name)
def test_a_lazy_layer_gives_what_a_loaded_one_gives(headless, finish, rng, operation):
    image = samples.load("powder").data[:96, :90]
    stack = np.stack([np.roll(image, (k, 2 * k), (0, 1)) for k in range(3)])
    takes_labels = signature.inputs(operation.name) == ["labels"]
    data = (stack > 150).astype(np.uint8) if takes_labels else stack
    found = {}
    for name in ("loaded", "lazy"):
        given = data if name == "loaded" else da.from_array(data, chunks=(1, 50, 64))
        add = headless.add_labels if takes_labels else headless.add_image
        layer = add(given, name=name)
        layer.metadata["micrograph"] = {"info_bar": {}}
        form = dock(headless, operation.family)
        form.method.value = operation.title
        form.fields[signature.inputs(operation.name)[0]].value = layer
        before = set(headless.layers)
        form.run_button.native.click()
        finish(form)
        found[name] = [one for one in headless.layers if one not in before]
        assert found[name]
        assert not any("unfinished" in one.metadata["visual_ccc"] for one in found[name])
        assert not form.work.visible
    for loaded, lazy in zip(found["loaded"], found["lazy"], strict=True):
        assert loaded.data.any()
        pixels = lazy.data
        if operation.name in ("watershed_split", "particles"):
            # without a look at all slices their numbers have gaps
            pixels = relabel_sequential(pixels)[0]
        np.testing.assert_allclose(pixels, loaded.data, rtol=1e-6, atol=1e-6)


def test_what_was_cancelled_half_way_is_not_taken_for_a_result(
    viewer, finish, discs, qtbot, tmp_path
):
    source, form, _, gate = half_filled(viewer, discs, qtbot)
    qtbot.waitUntil(lambda: form.run_button.text == "Cancel")
    form.run_button.native.click()
    gate.set()
    finish(form)
    layer = viewer.layers[1]
    assert layer.data[0].any()
    assert not layer.data[-1].any()
    assert "only a part" in form.message.value
    with pytest.raises(ValueError, match="not fully computed"):
        take(layer, viewer)
    with pytest.raises(OSError, match="not fully computed"):
        layer.save(str(tmp_path / "half.ome.tif"), plugin="napari-visual-ccc")
    assert not list(tmp_path.iterdir())
    form.undo_button.native.click()
    assert list(viewer.layers) == [source]


def test_a_wrong_model_is_reported_once(viewer, tmp_path):
    from napari.utils.notifications import notification_manager

    form = dock(viewer, "classify")
    form.method.value = "Explain (class activation map)"
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"x")
    before = len(notification_manager.records)
    form.fields["model"].value = wrong
    for _ in range(3):
        viewer.add_image(np.zeros((9, 9)))
    assert len(notification_manager.records) == before + 1


def test_tables_of_features_are_frames(headless, discs):
    headless.add_image(discs, name="discs")
    (layer,) = dock(headless, "cluster")(clusters=3)
    assert isinstance(layer.features, pd.DataFrame)
    assert layer.features["area_percent"].sum() == pytest.approx(100)


def test_measuring_a_stack_again_and_again_adds_nothing(headless):
    stack = np.zeros((3, 40, 40), int)
    stack[:, 3:9, 3:9], stack[:, 20:30, 20:30] = 1, 2
    features = pd.DataFrame({"index": [1, 2], "name": ["a", "b"]})
    layer = headless.add_labels(stack, features=features, units="nm", scale=(2, 2, 2))
    form = dock(headless, "measure")
    for _ in range(3):
        form(labels=layer)
        assert len(layer.features) == 6
    assert set(layer.features["name"]) == {"a", "b"}
    layer.units = "um"
    form(labels=layer)
    assert "area_µm2" in layer.features
    assert "area_nm2" not in layer.features


def test_a_preview_of_background_alone_does_not_stop_the_whole(viewer, qtbot):
    image = np.full((2100, 2100), 200, np.uint8)
    image[1500:1900, 1500:1900] = 30
    layer = viewer.add_image(image, name="corner")
    layer.corner_pixels = np.array([[0, 0], [150, 150]])
    form = dock(viewer, "segment")
    form.method.value = "Threshold"
    form.live.value = True
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    qtbot.waitUntil(lambda: viewer.layers[1].data.shape == image.shape)


def test_a_source_with_another_number_of_axes_gets_a_new_layer(headless, discs):
    image = headless.add_image(discs, name="discs")
    form = dock(headless, "segment")
    (flat,) = form()
    image.data = np.stack([discs] * 3)
    (deep,) = form()
    assert deep is not flat
    assert deep.data.shape == (3, *discs.shape)


def test_contrast_that_a_person_set_stays(headless, discs):
    headless.add_image(discs, name="discs")
    form = dock(headless, "texture")
    (layer,) = form()
    form(window=7)
    layer.contrast_limits = (1, 2)
    form(window=9)
    assert layer.contrast_limits == [1, 2]


def test_a_painted_source_starts_a_new_record(headless, discs):
    headless.add_image(discs, name="discs")
    form = dock(headless, "segment")
    (mask,) = form()
    mask.paint((60, 60), 1)
    (split,) = form(method="Split touching objects", labels=mask)
    assert len(split.metadata["visual_ccc"]["steps"]) == 1


VERTICES = np.array([[2.0, 2], [2, 8], [8, 8], [8, 2]])


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (PointsLayer(VERTICES), PointsLayer(VERTICES[:2] + 1)),
        (ShapesLayer([VERTICES]), ShapesLayer([VERTICES[:2], VERTICES + 1], kinds="path")),
    ],
)
def test_points_and_shapes_are_updated_and_taken_back(headless, part, other):
    source = take(headless.add_image(np.zeros((20, 30))), headless)
    layer = headless.add_layer(build(source, part, {}))
    shown = ResultLayer(headless, layer)
    assert shown.untouched
    new = build(source, other, {})
    shown.update(source, other, new)
    assert len(layer.data) == len(other.data)
    for one, expected in zip(layer.data, other.data, strict=True):
        np.testing.assert_array_equal(one, expected)
    assert shown.undo()
    np.testing.assert_array_equal(np.ravel(layer.data), np.ravel(part.data))
    assert shown.undo()
    assert layer not in headless.layers


@pytest.mark.parametrize("part", [PointsLayer(VERTICES), ShapesLayer([VERTICES])])
def test_points_and_shapes_moved_by_hand_are_kept(headless, part):
    source = take(headless.add_image(np.zeros((20, 30))), headless)
    layer = headless.add_layer(build(source, part, {}))
    shown = ResultLayer(headless, layer)
    layer.data = [one + 1 for one in layer.data]
    assert not shown.untouched
    assert not shown.undo()
    assert layer in headless.layers
