"""The workspace in a real window, on a screen of 1366 x 768."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from unittest.mock import patch

import napari
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_visual_ccc import samples
from napari_visual_ccc.widgets.docks.classify import Classify
from napari_visual_ccc.widgets.docks.train import Train
from napari_visual_ccc.widgets.docks.workspace import STEPS
from tests.widgets.opening import WIDGETS, dock

WIDTH, HEIGHT = 1366, 768


@pytest.fixture
def screen(viewer):
    """A viewer of the size of a small screen, with a micrograph."""
    viewer.window._qt_window.show()
    viewer.window.resize(WIDTH, HEIGHT)
    viewer.add_image(samples.load("nanoparticles").data, name="copper")
    return viewer


def fits(viewer):
    QApplication.processEvents()
    window = viewer.window._qt_window
    least = window.minimumSizeHint()
    return (
        (window.width(), window.height()) == (WIDTH, HEIGHT)
        and least.width() <= WIDTH
        and least.height() <= HEIGHT
    )


def test_no_step_and_no_dock_outgrows_a_small_screen(screen, qtbot):
    workspace = dock(screen, "workspace")
    assert workspace.forms == {}
    # a list of layers has no room for it
    name = f"copper {'of one long name' * 4}"
    screen.add_labels(samples.masks("nanoparticles")["instances"], name=name)
    assert fits(screen)
    place = screen.window._qt_viewer.width()
    for title, step in zip(workspace.steps.titles, STEPS, strict=True):
        qtbot.mouseClick(title, Qt.MouseButton.LeftButton)
        assert fits(screen), step.title
        # the canvas stays where it is
        assert screen.window._qt_viewer.width() == place, step.title
        assert workspace.form(step.form).native.isVisible()
        assert title.toolTip() == step.purpose
    for title in ("Segment", "Cluster"):
        form = workspace.open(title)
        for method in form.operations:
            form.method.value = method
            qtbot.wait(30)
            assert screen.window._qt_viewer.width() == place, method
    holders = [screen.window.add_plugin_dock_widget("napari-visual-ccc", "Visual-CCC")[0]]
    for name in list(WIDGETS.values())[1:]:
        holders.append(screen.window.add_plugin_dock_widget("napari-visual-ccc", name)[0])
        assert fits(screen), name
    # all are tabs of one place, whichever was opened first
    window = screen.window._qt_window
    qtbot.waitUntil(lambda: len(window.tabifiedDockWidgets(holders[0])) == len(holders) - 1)
    assert fits(screen)
    assert holders[-1].windowTitle() == "Measure"
    assert not holders[-1].visibleRegion().isEmpty()
    # a dock that was put elsewhere stays there
    holders[3].setFloating(True)
    assert isinstance(holders[3], QDockWidget)
    holders[3].hide()
    holders[3].show()
    QApplication.processEvents()
    assert holders[3].isFloating()


def test_classify_and_explain_are_one_form_and_run_from_both_steps(screen, finish):
    workspace = dock(screen, "workspace")
    form = workspace.open("Explain")
    assert form.operation.name == "explain"
    assert workspace.open("Classify") is form
    assert form.operation.name == "classify"
    assert list(workspace.forms) == [Classify]
    form.run_button.native.click()
    finish(form)
    assert form.bars.isVisible()
    # what was trained is used here, not in another dock
    assert workspace.form(Train).open_classifier() is form
    assert STEPS[workspace.steps.opened].title == "Classify"


def test_the_first_step_opens_files_and_says_what_could_not_be(screen, tmp_path):
    from napari.utils.notifications import notification_manager
    from skimage.io import imsave

    workspace = dock(screen, "workspace")
    form = workspace.open("Open & info")
    imsave(tmp_path / "one.png", samples.load("superalloy").data[:40, :50])
    (tmp_path / "broken.tif").write_bytes(b"no picture")
    workspace.open_paths([str(tmp_path / "one.png"), str(tmp_path / "broken.tif")])
    assert [layer.name for layer in screen.layers] == ["copper", "one"]
    assert form.layer.name == "one"
    assert "broken.tif" in notification_manager.records[-1].message
    assert "one" in form.fields["image"].choices[-1].name


def test_the_workspace_is_first_in_the_menu_and_no_dock_loads_anything_heavy():
    code = """
import sys, napari
viewer = napari.Viewer(show=False)
_, workspace = viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Visual-CCC")
assert not workspace.forms
for number in range(len(workspace.steps.titles)):
    workspace.steps.open(number)
for name in ["Image quality", "Correct", "Denoise", "Classify & Explain", "Segment", "Texture",
             "Cluster", "Measure"]:
    viewer.window.add_plugin_dock_widget("napari-visual-ccc", name)
heavy = {"torch", "transformers", "sklearn", "timm", "pytorch_grad_cam", "cv2"} & set(sys.modules)
menu = next(a.menu() for a in viewer.window.plugins_menu.actions() if a.text() == "Visual-CCC")
menu.aboutToShow.emit()
first = menu.actions()[0].text()
viewer.close()
assert not heavy, heavy
assert first.startswith("Visual-CCC"), first
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_closed_workspace_is_freed(qtbot, mock_app_model):
    viewer = napari.Viewer(show=False, show_welcome_screen=False)
    workspace = dock(viewer, "workspace")
    for number in range(len(STEPS)):
        workspace.steps.open(number)
    window = weakref.ref(viewer.window._qt_viewer)
    with patch.object(viewer.window._qt_window, "_save_current_window_settings"):
        viewer.close()
    del viewer, workspace
    QApplication.processEvents()
    gc.collect()
    assert window() is None
