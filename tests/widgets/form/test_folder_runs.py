from __future__ import annotations

import pytest
import tifffile
from qtpy.QtWidgets import QLabel

from napari_visual_ccc.widgets.docks.families import Denoise, Segment
from napari_visual_ccc.widgets.docks.lens import Lens
from napari_visual_ccc.widgets.docks.quality import Quality
from napari_visual_ccc.workflow.operations import OPERATIONS


@pytest.fixture
def folder(tmp_path, discs):
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(images / f"{name}.tif", discs)
    (images / "c.tif").write_bytes(b"no image")
    return images


def test_a_folder_is_run_with_the_choices_of_the_form(viewer, finish, folder):
    form = Segment(viewer)
    viewer.window.add_dock_widget(form)
    form.method.value = OPERATIONS["threshold"].title
    form.fields["method"].value = "li"
    output = form.folder_runs.run(folder)
    finish(form)
    assert output == folder.with_name("images_threshold")
    assert list(form.table.frame["image"]) == ["a.tif", "b.tif", "c.tif"]
    assert [bool(text) for text in form.table.frame["problem"]] == [False, False, True]
    assert "2 of 3 images done" in form.message.value
    assert len(list((output / "results").glob("*_overlay.png"))) == 2
    assert "method: li" in (output / "results" / "a_threshold.yaml").read_text()
    assert not viewer.layers
    # another run gets a folder of its own
    assert form.folder_runs.run(folder) == folder.with_name("images_threshold_2")
    form.cancel()


def test_a_run_that_was_stopped_goes_on_with_the_same_choices_alone(viewer, finish, folder):
    form = Segment(viewer)
    viewer.window.add_dock_widget(form)
    form.method.value = OPERATIONS["threshold"].title
    output = form.folder_runs.run(folder)
    finish(form)
    # as if it had been stopped before the last image
    ledger = output / "batch.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:2]))
    form.fields["method"].value = "li"
    other = form.folder_runs.run(folder)
    finish(form)
    assert other == folder.with_name("images_threshold_2")
    form.fields["method"].value = "otsu"
    assert form.folder_runs.run(folder) == output
    finish(form)
    assert "2 of 3 images done" in form.message.value


def test_overlays_are_chosen_and_prompts_that_are_not_used_are_named(
    viewer, finish, folder, tiny_sam
):
    viewer.add_points([[20, 20]], name="mine")
    form = Segment(viewer)
    viewer.window.add_dock_widget(form)
    form.folder_runs.overlays.value = "none"
    output = form.folder_runs.run(folder)
    finish(form)
    assert len(list((output / "results").glob("*.yaml"))) == 2
    assert not list((output / "results").glob("*_overlay.png"))
    assert "not used" not in form.message.value
    form.method.value = OPERATIONS["sam_masks"].title
    form.fields["model"].value = tiny_sam("sam2")
    form.fields["prompts"].value = viewer.layers["mine"]
    form.fields["prompts_from"].value = "threshold"
    form.folder_runs.run(folder)
    finish(form)
    assert "Prompts are of the open image: not used." in form.message.value


def test_it_is_offered_where_an_image_is_all_that_is_needed(viewer):
    form = Segment(viewer)
    for name, expected in (("threshold", True), ("sam_masks", True), ("label_objects", False)):
        form.method.value = OPERATIONS[name].title
        assert form.folder_runs.button.native.isHidden() is not expected
        assert form.folder_runs.row.native.isHidden() is not expected
    for other in (Denoise, Quality):
        assert other(viewer).folder_runs.button.native.isHidden()


def test_overlays_are_labelled_and_offered_where_labels_come_out(viewer):
    form = Lens(viewer)
    viewer.window.add_dock_widget(form)
    for name, expected in (("activations", False), ("anomaly_map", True), ("reconstruct", False)):
        form.method.value = OPERATIONS[name].title
        assert form.folder_runs.row.native.isHidden() is not expected
        assert not form.folder_runs.button.native.isHidden()
    texts = [one.text() for one in form.folder_runs.row.native.findChildren(QLabel)]
    assert "Overlays" in texts
