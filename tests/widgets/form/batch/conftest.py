"""A folder of images, and the dialog as a person opens it."""

from __future__ import annotations

import pytest
import tifffile
from qtpy.QtCore import Qt

from napari_visual_ccc.widgets.form.batch import session


@pytest.fixture(autouse=True)
def _new_session():
    """Nothing was chosen before."""
    session.forget()
    yield
    session.forget()


@pytest.fixture
def folder(tmp_path, discs):
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(images / f"{name}.tif", discs)
    (images / "c.tif").write_bytes(b"no image")
    return images


@pytest.fixture
def ask(qtbot):
    """Press the button of a form, and type the images into the dialog."""

    def opened(form, images=None):
        qtbot.mouseClick(form.many.button.native, Qt.MouseButton.LeftButton)
        dialog = form.many.dialog
        qtbot.waitUntil(dialog.isVisible)
        if images is not None:
            line = dialog.images.line.native
            line.selectAll()
            qtbot.keyClicks(line, str(images))
        return dialog

    return opened


@pytest.fixture
def go(qtbot):
    """Press Run, and wait until the run is under way; give the folder of its results."""

    def pressed(form, dialog):
        begun = []
        begin = dialog._begin
        dialog._begin = lambda plan: (begun.append(plan), begin(plan))
        qtbot.mouseClick(dialog.run_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: bool(begun) and form.job is not None)
        return begun[0].output

    return pressed
