"""The dialog by mouse and keyboard, in a window of 1366 x 768."""

from __future__ import annotations

import subprocess
import sys

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

import napari_visual_ccc as ccc
from napari_visual_ccc.widgets.docks.families import Segment
from napari_visual_ccc.widgets.docks.measure import Measure
from napari_visual_ccc.widgets.form.batch import session
from napari_visual_ccc.widgets.form.batch.fields import CLUSTER
from napari_visual_ccc.widgets.form.batch.steps import FILE
from napari_visual_ccc.workflow.operations import OPERATIONS


@pytest.fixture
def form(viewer):
    viewer.show()
    viewer.window.resize(1366, 768)
    form = Segment(viewer)
    viewer.window.add_dock_widget(form)
    form.method.value = OPERATIONS["threshold"].title
    return form


def says(qtbot, dialog, text):
    qtbot.waitUntil(lambda: text in dialog.note.text())


def test_images_are_counted_and_what_is_not_there_is_said(form, folder, ask, qtbot):
    dialog = ask(form, folder)
    says(qtbot, dialog, "3 images.")
    shown = dialog.output.line.native.placeholderText()
    assert shown == str(folder.with_name("images_threshold"))
    line = dialog.images.line.native
    qtbot.keyClicks(line, "/*.none")
    says(qtbot, dialog, "no file matches")
    assert dialog.run_button.isEnabled()
    # Run does not close it
    qtbot.mouseClick(dialog.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.run_button.isEnabled() and "no file" in dialog.note.text())
    assert dialog.isVisible()
    assert form.job is None
    for _ in range(5):
        qtbot.keyClick(line, Qt.Key.Key_Backspace)
    qtbot.keyClicks(line, "a.*")
    says(qtbot, dialog, "1 image.")
    line.clear()
    says(qtbot, dialog, "Choose images")


def test_return_runs_and_escape_closes(form, finish, folder, ask, qtbot):
    dialog = ask(form, folder)
    qtbot.keyClick(dialog.images.line.native, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: form.many.dialog is None)
    assert form.job is None
    dialog = ask(form, folder)
    # at once: nobody waits until the images are counted
    qtbot.keyClick(dialog.images.line.native, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: form.job is not None)
    finish(form)
    assert folder.with_name("images_threshold").is_dir()


def test_the_tab_key_goes_through_the_fields_as_they_are_read(form, folder, ask, qtbot):
    dialog = ask(form, folder)
    qtbot.waitUntil(lambda: dialog.images.line.native.hasFocus())
    expected = [
        *(one.native for one in dialog.images.buttons), dialog.output.line.native,
        dialog.output.buttons[0].native, dialog.fields["layers"].native,
        dialog.fields["tables"].native, dialog.fields["thumbnails"].box.native,
        dialog.fields["overlays"].native, dialog.more,
    ]  # fmt: skip
    for one in expected:
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is one
    # Return on a field that is no button runs as well, on More it opens: so Space
    qtbot.keyClick(dialog.more, Qt.Key.Key_Space)
    assert dialog.folded.native.isVisible()


def test_run_keeps_the_focus_after_an_error(form, folder, ask, qtbot):
    dialog = ask(form, folder / "*.none")
    qtbot.waitUntil(lambda: dialog.images.line.native.hasFocus())
    dialog.run_button.setFocus()
    for _ in range(2):
        qtbot.keyClick(dialog.run_button, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: dialog.run_button.isEnabled())
        assert dialog.isVisible()
        assert dialog.run_button.hasFocus()
    # Return in a field leaves it there
    line = dialog.images.line.native
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.run_button.isEnabled())
    assert line.hasFocus()


def test_check_boxes_are_in_the_column_of_the_fields(form, folder, ask, qtbot):
    dialog = ask(form, folder)
    qtbot.mouseClick(dialog.more, Qt.MouseButton.LeftButton)
    qtbot.wait(50)
    fields = dialog.fields
    ticks = [fields[name].box.native for name in ("thumbnails", "keep_info_bar", "force")]
    places = {one.mapTo(dialog, one.rect().topLeft()).x() for one in ticks}
    field = fields["tables"].native
    assert places == {field.mapTo(dialog, field.rect().topLeft()).x()}


def test_it_fits_the_screen_with_all_fields(form, folder, ask, qtbot):
    width = form.native.width()
    dialog = ask(form, folder)
    qtbot.mouseClick(dialog.more, Qt.MouseButton.LeftButton)
    dialog.steps.value = FILE
    dialog.fields["scheduler"].kind.value = CLUSTER
    qtbot.wait(50)
    assert dialog.width() <= 700
    assert dialog.height() <= 700
    dialog.reject()
    assert form.native.width() == width
    assert form.native.window().minimumSizeHint().width() <= 1366


def test_choices_come_back_in_the_session(form, finish, folder, ask, go, qtbot):
    dialog = ask(form, folder)
    qtbot.mouseClick(dialog.more, Qt.MouseButton.LeftButton)
    dialog.fields["tables"].value = "parquet"
    dialog.fields["layers"].value = "none"
    dialog.fields["thumbnails"].value = False
    dialog.fields["workers"].value = 1
    dialog.fields["force"].value = True
    output = go(form, dialog)
    finish(form)
    assert (output / "images.parquet").is_file()
    assert not list((output / "results").glob("*.tif"))
    again = ask(form)
    assert again.images.value == str(folder)
    assert again.fields["tables"].value == "parquet"
    assert again.fields["workers"].value == 1
    # what replaces is chosen each time
    assert again.fields["force"].value is False


def test_a_dialog_that_is_deleted_while_it_looks_hears_nothing_more(form, folder, ask, qtbot):
    dialog = ask(form, folder)
    qtbot.waitUntil(lambda: dialog._job is None)
    dialog._look()
    job = dialog._job
    assert job.running
    # as with the window of the viewer
    dialog.deleteLater()
    qtbot.waitSignal(dialog.destroyed).wait()
    assert not job.running


def test_the_steps_of_a_layer_are_done_on_all_images(viewer, form, discs, finish, folder, ask, go):
    viewer.add_image(discs, name="tried")
    form.fields["sigma"].value = 3.0
    form.run()
    finish(form)
    form.fields["sigma"].value = 0.0
    dialog = ask(form, folder)
    texts = [dialog.steps.native.itemText(k) for k in range(dialog.steps.native.count())]
    assert texts[0] == "Threshold, as chosen in the form"
    assert texts[1].startswith("As tried")
    dialog.steps.native.setCurrentIndex(1)
    output = go(form, dialog)
    finish(form)
    assert "sigma: 3.0" in (output / "results" / "a_threshold.yaml").read_text()


def test_a_record_that_was_dropped_is_replayed(
    form, finish, folder, tmp_path, discs, ask, go, qtbot
):
    ccc.write(ccc.threshold(ccc.denoise(discs)), tmp_path / "tried.csv")
    form.viewer.open(tmp_path / "tried.yaml", plugin="napari-visual-ccc")
    dialog = ask(form, folder)
    assert dialog.record.native.isHidden()
    dialog.steps.value = FILE
    assert dialog.record.native.isVisible()
    assert dialog.record.value == tmp_path / "tried.yaml"
    says(qtbot, dialog, "3 images; steps: denoise, threshold.")
    output = go(form, dialog)
    finish(form)
    assert "operation: denoise" in (output / "batch.yaml").read_text()
    assert "2 of 3 images done" in form.message.value


def test_a_record_must_be_chosen(form, folder, ask, qtbot):
    dialog = ask(form, folder)
    dialog.steps.value = FILE
    says(qtbot, dialog, "Choose a record")
    dialog.record.value = folder / "c.tif"
    says(qtbot, dialog, "c.tif")
    assert dialog.output.line.native.placeholderText() == "a new folder beside the images"


def test_folders_and_tables_are_chosen_in_dialogs(form, folder, ask, qtbot, monkeypatch):
    dialog = ask(form)
    table = folder.with_name("list.csv")
    table.write_text("path\nimages/a.tif\nimages/b.tif\n")
    answers = {
        "getExistingDirectory": str(folder), "getOpenFileName": (str(table), ""),
    }  # fmt: skip
    for name, answer in answers.items():
        monkeypatch.setattr(QFileDialog, name, lambda *_, answer=answer: answer)
    qtbot.mouseClick(dialog.images.buttons[0].native, Qt.MouseButton.LeftButton)
    assert dialog.images.value == str(folder)
    says(qtbot, dialog, "3 images.")
    qtbot.mouseClick(dialog.images.buttons[1].native, Qt.MouseButton.LeftButton)
    says(qtbot, dialog, "2 images.")
    shown = dialog.output.line.native.placeholderText()
    assert shown == str(folder.with_name("list_threshold"))
    qtbot.mouseClick(dialog.output.buttons[0].native, Qt.MouseButton.LeftButton)
    assert dialog.output.value == str(folder)


def test_the_folder_of_the_open_image_is_offered(form, folder, ask):
    (folder / "c.tif").unlink()
    form.viewer.open(folder / "a.tif", plugin="napari-visual-ccc")
    assert ask(form).images.value == str(folder)


def test_further_inputs_are_folders_of_files_with_the_same_names(
    viewer, folder, tmp_path, discs, finish, ask, go
):
    for name in ("a", "b"):
        ccc.write(ccc.threshold(discs), tmp_path / "labels" / f"{name}_threshold.ome.tif")
    viewer.show()
    form = Measure(viewer)
    viewer.window.add_dock_widget(form)
    dialog = ask(form, tmp_path / "labels")
    assert dialog.images.label == "Label images"
    (intensity,) = dialog.further
    intensity.value = folder
    output = go(form, dialog)
    finish(form)
    assert "intensity_mean" in (output / "region_table.csv").read_text().splitlines()[0]


def test_an_address_that_does_not_answer_is_reported(form, finish, folder, ask, go, qtbot):
    from napari.utils.notifications import notification_manager

    dialog = ask(form, folder)
    dialog.fields["scheduler"].value = "tcp://no-such-host.invalid:1"
    go(form, dialog)
    qtbot.waitUntil(lambda: form.is_idle, timeout=30_000)
    assert "no-such-host.invalid" in notification_manager.records[-1].message
    assert session.recalled()["scheduler"] == "tcp://no-such-host.invalid:1"


def test_a_dock_opens_without_what_a_batch_needs():
    code = """
import sys, napari
viewer = napari.Viewer(show=False)
_, form = viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Segment")
assert "napari_visual_ccc.workflow.batch.run" not in sys.modules
form.many.ask()
heavy = {"torch", "distributed"} & set(sys.modules)
viewer.close()
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
