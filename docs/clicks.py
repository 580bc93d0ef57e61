"""Use napari as a person does: click, choose and wait, then take a picture of the window."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkdtemp

# neither read nor change what the user has set; read by napari when it is imported
os.environ["NAPARI_CONFIG"] = str(Path(mkdtemp()) / "settings.yaml")

import napari
import numpy as np
from napari._qt.dialogs.qt_notification import NapariQtNotification
from PIL import Image
from qtpy.QtCore import QEventLoop, QPoint, Qt, QTimer
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QScrollArea, QTableView, QWidget

IMAGES = Path(__file__).resolve().parent / "images"
SIZE = (1366, 768)


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def settle(is_running) -> None:
    """Wait until a job has ended, and its results are drawn."""
    wait(100)
    while is_running():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
    wait(500)


def open_window(title: str) -> napari.Viewer:
    viewer = napari.Viewer(title=f"napari: {title}", show=False)
    viewer.window.resize(*SIZE)
    viewer.show()
    viewer.window._qt_window.setGeometry(0, 0, *SIZE)
    wait(300)
    return viewer


def dock(viewer: napari.Viewer, name: str):
    """Open a dock as the menu does; the canvas is narrower then, and the image is fitted to it."""
    found = viewer.window.add_plugin_dock_widget("napari-visual-ccc", name)[1]
    wait(300)
    if viewer.layers:
        show_all(viewer)
    return found


def dismiss(viewer: napari.Viewer) -> None:
    """Close the messages of the window, which were read, by their crosses."""
    window = viewer.window._qt_window
    for one in window.findChildren(NapariQtNotification):
        if one.isVisible():
            click(one.close_button)
    wait(300)


def native(widget) -> QWidget:
    return getattr(widget, "native", widget)


def show(widget) -> QWidget:
    """Scroll a widget into view, as the wheel does."""
    inner = native(widget)
    above = inner.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(inner, 0, 8)
        above = above.parentWidget()
    wait(50)
    return inner


def scroll_down(widget) -> None:
    """Scroll to the end of the dock that a widget is in, as the wheel does."""
    above = native(widget).parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            bar = above.verticalScrollBar()
            bar.setValue(bar.maximum())
        above = above.parentWidget()
    wait(50)


def click(widget, at: QPoint | None = None) -> None:
    """Click a button, or a place of a widget."""
    inner = show(widget)
    QTest.mouseClick(inner, Qt.MouseButton.LeftButton, pos=at or inner.rect().center())
    wait(100)


def choose(box, text: str) -> None:
    """Choose an entry of a combo box in its list."""
    combo = show(box)
    assert isinstance(combo, QComboBox)
    combo.showPopup()
    view = combo.view()
    texts = [combo.itemText(k) for k in range(combo.count())]
    # some entries go on with a shape
    row = next(k for k, one in enumerate(texts) if one == text or one.startswith(f"{text} "))
    view.setCurrentIndex(view.model().index(row, 0))
    QTest.keyClick(view, Qt.Key.Key_Return)
    wait(100)
    assert combo.currentIndex() == row


def click_row(view: QTableView, row: int) -> None:
    """Click a row of a table."""
    show(view)
    index = view.model().index(row, 0)
    view.scrollTo(index)
    click(view.viewport(), view.visualRect(index).center())


def click_eye(viewer: napari.Viewer, layer) -> None:
    """Show or hide a layer by the eye in the list of layers."""
    view, was = viewer.window._qt_viewer.layers, layer.visible
    rows = (view.model().index(row, 0) for row in range(view.model().rowCount()))
    place = view.visualRect(next(one for one in rows if one.data() == layer.name))
    for x in range(place.left() + 5, place.right(), 5):
        click(view.viewport(), QPoint(x, place.center().y()))
        if layer.visible != was:
            return
    raise ValueError(f"no eye of {layer.name} was hit")


def show_all(viewer: napari.Viewer) -> None:
    """Press the house: all layers fit into the canvas."""
    click(viewer.window._qt_viewer.viewerButtons.resetViewButton)


def run(form) -> None:
    """Press Run, and wait for the result."""
    click(form.run_button)
    settle(lambda: form.job is not None)


def picture(viewer: napari.Viewer) -> Image.Image:
    """The window as it is on the screen."""
    wait(300)
    return Image.fromarray(np.asarray(viewer.window.screenshot(flash=False))[..., :3])


def shot(viewer: napari.Viewer, name: str, dialog: QWidget | None = None) -> None:
    """Write a picture of the window, with a dialog; WebP has a fifth of the size of PNG."""
    dismiss(viewer)
    IMAGES.mkdir(exist_ok=True)
    found = picture(viewer)
    if dialog is not None:
        place = dialog.pos() - viewer.window._qt_window.pos()
        found.paste(_grabbed(dialog), (place.x(), place.y()))
    found.save(IMAGES / f"{name}.webp", quality=85, method=6)


def _grabbed(widget: QWidget) -> Image.Image:
    found = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    size = (found.width(), found.height())
    data = found.constBits().asstring(found.sizeInBytes())
    return Image.frombytes("RGB", size, data, "raw", "RGB", found.bytesPerLine())


def save(viewer: napari.Viewer, name: str) -> None:
    shot(viewer, name)
    viewer.close()
