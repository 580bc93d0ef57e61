from __future__ import annotations

import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt

from napari_visual_ccc.widgets.docks.classify import Classify
from napari_visual_ccc.widgets.docks.families import Denoise, Segment
from napari_visual_ccc.widgets.docks.measure import Measure
from napari_visual_ccc.widgets.docks.quality import Quality
from napari_visual_ccc.workflow.operations import OPERATIONS


@pytest.fixture
def threshold(viewer):
    viewer.show()
    form = Segment(viewer)
    viewer.window.add_dock_widget(form)
    form.method.value = OPERATIONS["threshold"].title
    return form


def test_a_folder_is_run_with_the_choices_of_the_form(viewer, threshold, finish, folder, ask, go):
    form = threshold
    form.fields["method"].value = "li"
    dialog = ask(form, folder)
    dialog.fields["overlays"].value = "filled"
    output = go(form, dialog)
    # the button beside Run cancels now
    assert not form.many.button.enabled
    assert form.run_button.text == "Cancel"
    finish(form)
    assert form.many.button.enabled
    assert output == folder.with_name("images_threshold")
    frame = form.table.frame
    assert list(frame["image"].unique()) == ["a.tif", "b.tif", "c.tif"]
    assert set(frame["image"][frame["problem"] != ""]) == {"c.tif"}
    assert frame["measure"].str.startswith("area").any()
    assert "2 of 3 images done" in form.message.value
    # the name of a file stays as it is
    assert " c.tif: " in form.message.value
    assert "images" in form.table.title.text()
    assert len(list((output / "results").glob("*_overlay.png"))) == 2
    assert "method: li" in (output / "results" / "a_threshold.yaml").read_text()
    assert not viewer.layers
    # what failed is said even where the dock is not seen
    said = notification_manager.records[-1].message
    assert said.startswith(f"1 image failed: {folder / 'c.tif'}: ")
    # the same run goes on in its folder, and what was said of the one before is gone
    assert go(form, ask(form)) == output
    assert "done" not in form.message.value
    finish(form)
    assert "2 of 3 images done (2 of them before)" in form.message.value


def test_a_run_that_was_stopped_goes_on_with_the_same_choices_alone(
    threshold, finish, folder, ask, go
):
    form = threshold
    output = go(form, ask(form, folder))
    finish(form)
    # as if it had been stopped before the second image
    ledger = output / "batch.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    undone = (b'"name":"b.tif"', b'"finished"')
    ledger.write_bytes(b"".join(one for one in lines if not any(text in one for text in undone)))
    form.fields["method"].value = "li"
    other = go(form, ask(form))
    finish(form)
    assert other == folder.with_name("images_threshold_2")
    form.fields["method"].value = "otsu"
    assert go(form, ask(form)) == output
    finish(form)
    assert "2 of 3 images done (1 of them before)" in form.message.value


def test_cancel_is_the_button_beside_and_has_the_focus(threshold, finish, folder, ask, go, qtbot):
    form = threshold
    form.many.button.native.setFocus()
    go(form, ask(form, folder))
    assert not form.many.button.native.hasFocus()
    qtbot.mouseClick(form.run_button.native, Qt.MouseButton.LeftButton)
    finish(form)
    assert form.message.value.startswith("Cancelled")
    assert form.many.button.enabled


def test_what_is_done_before_cancel_is_said_and_kept(threshold, finish, folder, ask, go, qtbot):
    form = threshold
    for number in range(60):
        (folder / f"{number}.tif").write_bytes((folder / "a.tif").read_bytes())
    dialog = ask(form, folder)
    dialog.fields["workers"].value = 1
    output = go(form, dialog)
    ledger = output / "batch.jsonl"
    qtbot.waitUntil(lambda: ledger.is_file() and b'"problem":""' in ledger.read_bytes())
    qtbot.mouseClick(form.run_button.native, Qt.MouseButton.LeftButton)
    finish(form)
    done = ledger.read_bytes().count(b'"problem":""')
    verb = "is" if done == 1 else "are"
    assert form.message.value == (
        f"Cancelled: {done} of 63 images {verb} done and in the tables. Results are in {output}. "
        "The same run goes on where it ended."
    )
    dialog = ask(form)
    text = f"the run that was stopped: {done} done before, {63 - done} to do."
    qtbot.waitUntil(lambda: text in dialog.note.text())
    # what was said of it goes when the next one begins
    go(form, dialog)
    assert not form.message.value
    form.cancel()
    finish(form)


def test_prompts_that_are_not_used_are_named(viewer, finish, folder, tiny_sam, ask, go):
    viewer.show()
    viewer.add_points([[20, 20]], name="mine")
    form = Segment(viewer)
    viewer.window.add_dock_widget(form)
    form.method.value = OPERATIONS["sam_masks"].title
    form.fields["model"].value = tiny_sam("sam2")
    form.fields["prompts"].value = viewer.layers["mine"]
    form.fields["prompts_from"].value = "threshold"
    go(form, ask(form, folder))
    finish(form)
    assert "Prompts are of the open image: not used." in form.message.value


def test_a_form_without_a_table_says_where_the_results_are(viewer, finish, folder, ask, go):
    viewer.show()
    form = Denoise(viewer)
    viewer.window.add_dock_widget(form)
    output = go(form, ask(form, folder))
    finish(form)
    assert f"Results are in {output}" in form.message.value
    assert (output / "results" / "a_denoise.ome.tif").is_file()


def test_it_is_offered_unless_the_operation_has_a_button_of_its_own(viewer):
    for kind, name, expected in (
        (Segment, "threshold", True),
        (Segment, "label_objects", True),
        (Denoise, "denoise", True),
        (Measure, "region_table", True),
        (Classify, "classify", False),
        (Classify, "explain", True),
        (Quality, "image_quality", False),
    ):
        form = kind(viewer)
        form.method.value = OPERATIONS[name].title
        assert form.many.button.native.isHidden() is not expected, name


def test_a_live_run_under_way_is_stopped_first(
    viewer, discs, threshold, finish, folder, ask, go, qtbot
):
    form = threshold
    viewer.add_image(discs)
    dialog = ask(form, folder)
    form.run()
    assert form.job is not None
    output = go(form, dialog)
    # between both nothing runs for a moment
    qtbot.waitUntil((output / "images.csv").is_file)
    finish(form)
    assert "2 of 3 images done" in form.message.value


def test_what_is_in_the_way_is_said_while_the_dialog_is_open(
    threshold, finish, folder, ask, go, qtbot
):
    form, other = threshold, folder.with_name("other")
    other.mkdir()
    (other / "mine.txt").write_text("keep")
    dialog = ask(form, folder)
    dialog.output.value = str(other)
    qtbot.waitUntil(lambda: f"{other} holds other files" in dialog.note.text())
    qtbot.mouseClick(dialog.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.run_button.isEnabled())
    assert dialog.isVisible()
    assert form.job is None
    said = dialog.note.text()
    assert "with 'Begin anew' (under More)" in said
    assert "--force" not in said
    dialog.fields["force"].value = True
    assert go(form, dialog) == other
    finish(form)
    assert (other / "images.csv").is_file()
    assert (other / "mine.txt").read_text() == "keep"


def test_what_comes_in_the_way_later_is_named_with_its_remedy(
    threshold, finish, folder, ask, qtbot
):
    form = threshold
    dialog = ask(form, folder)
    plans = []
    dialog._begin = plans.append
    qtbot.mouseClick(dialog.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(plans))
    plans[0].output.mkdir()
    (plans[0].output / "mine.txt").write_text("keep")
    form.many.begin(plans[0])
    finish(form)
    said = notification_manager.records[-1].message
    assert str(plans[0].output) in said
    assert "with 'Begin anew' (under More)" in said
