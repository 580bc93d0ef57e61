"""Images without a pixel size beside others, in a real window."""

import numpy as np
import pytest
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from skimage.io import imsave

from napari_visual_ccc import samples
from napari_visual_ccc.widgets.canvas.size_notice import watch, without_size
from napari_visual_ccc.widgets.layers.viewers import camera

# napari says it of its own accord
pytestmark = pytest.mark.filterwarnings("ignore:Inconsistent units")


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "photo.png"
    imsave(path, samples.load("nanoparticles").data[:60, :90], check_contrast=False)
    return path


@pytest.fixture
def notice(viewer):
    return watch(viewer)


def names(layers):
    return [one.name for one in without_size(layers)]


def test_only_images_beside_calibrated_ones_lack_a_size(headless):
    data = np.zeros((8, 8))
    headless.add_image(data, name="plain")
    assert names(headless.layers) == []
    sized = headless.add_image(data, name="sized", scale=(2, 2), units="nm")
    assert names(headless.layers) == ["plain"]
    # results, drawings and labels follow their image
    headless.add_image(data, name="result", metadata={"visual_ccc": {}})
    headless.add_labels(data.astype(int), name="labels")
    assert names(headless.layers) == ["plain"]
    sized.visible = False
    assert names(headless.layers) == []


def test_a_picture_that_napari_opens_is_named_fitted_and_given_a_size(viewer, image, qtbot):
    viewer.open_sample("napari-visual-ccc", "superalloy")
    notice = watch(viewer)
    assert notice.isHidden()
    sized = viewer.layers[0]
    sized.scale, sized.units = (500, 500), ("nm", "nm")
    viewer.fit_to_view()
    before = camera(viewer).zoom
    viewer.open(image, plugin="napari")
    qtbot.waitUntil(lambda: not notice.isHidden())
    assert notice.text.text() == "photo has no pixel size, but other images have one."
    # it was a dot in the corner
    assert camera(viewer).zoom > 500 * before
    np.testing.assert_allclose(camera(viewer).center[-2:], (29.5, 44.5), atol=1)
    QTest.mouseClick(notice.button, Qt.MouseButton.LeftButton)
    (form,) = viewer.window.dock_widgets.values()
    assert form.layer == viewer.layers["photo"]
    form.size.value = "2"
    form.set_button.native.click()
    qtbot.waitUntil(notice.isHidden)


def test_one_with_a_size_is_fitted_beside_a_plain_one(viewer, notice, qtbot):
    viewer.add_image(np.zeros((50, 50)), name="plain")
    qtbot.wait(1)
    before = camera(viewer).zoom
    viewer.add_image(np.zeros((50, 50)), name="sized", scale=(100, 100), units="nm")
    qtbot.waitUntil(lambda: not notice.isHidden())
    assert camera(viewer).zoom == pytest.approx(before / 100, rel=0.1)
    # where both are seen together, the view stays
    zoom = camera(viewer).zoom = camera(viewer).zoom * 3
    viewer.add_image(np.zeros((4000, 4000)), name="plain too")
    qtbot.waitUntil(lambda: "(and 1 more)" in notice.text.text())
    assert camera(viewer).zoom == zoom


def test_what_was_closed_is_not_said_again(viewer, notice, qtbot):
    viewer.add_image(np.zeros((50, 50)), name="sized", scale=(2, 2), units="nm")
    viewer.add_image(np.zeros((50, 50)), name="plain")
    qtbot.waitUntil(lambda: not notice.isHidden())
    canvas = notice.parentWidget()
    canvas.resize(900, 300)
    QApplication.sendEvent(canvas, QResizeEvent(canvas.size(), canvas.size()))
    assert abs(notice.geometry().center().x() - 450) <= 1
    QTest.mouseClick(notice.close_button, Qt.MouseButton.LeftButton)
    assert notice.isHidden()
    viewer.add_image(np.zeros((50, 50)), name="other")
    qtbot.waitUntil(lambda: notice.text.text().startswith("other has"))
    viewer.layers.remove("other")
    qtbot.waitUntil(notice.isHidden)


def test_a_window_has_one_notice(viewer, notice, headless):
    assert watch(viewer) is notice
    assert watch(headless) is None


def test_the_notice_stays_on_a_canvas_of_any_width(viewer, notice, qtbot):
    viewer.add_image(np.zeros((50, 50)), name="sized", scale=(1, 1), units="nm")
    viewer.add_image(np.zeros((50, 50)), name="Sc1Tile_001-001-000_0-000")
    qtbot.waitUntil(lambda: not notice.isHidden())
    canvas = notice.parentWidget()
    height = {}
    for width in (320, 551, 645, 1200):
        size = QSize(width, 700)
        canvas.resize(size)
        QApplication.sendEvent(canvas, QResizeEvent(size, size))
        # the window is hidden: it lays out nothing of its own accord
        QApplication.sendEvent(notice, QResizeEvent(notice.size(), notice.size()))
        assert canvas.rect().contains(notice.geometry())
        for part in (notice.text, notice.button, notice.close_button):
            assert notice.rect().contains(part.geometry())
        assert notice.button.width() >= notice.button.sizeHint().width()
        # the whole sentence
        assert notice.text.height() >= notice.text.heightForWidth(notice.text.width())
        height[width] = notice.height()
    assert height[320] > height[1200]


def test_the_size_is_set_in_the_workspace_that_is_open(viewer, notice, qtbot):
    dock, workspace = viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Visual-CCC")
    viewer.add_image(np.zeros((50, 50)), name="sized", scale=(1, 1), units="nm")
    plain = viewer.add_image(np.zeros((50, 50)), name="plain")
    qtbot.waitUntil(lambda: not notice.isHidden())
    dock.hide()
    QTest.mouseClick(notice.button, Qt.MouseButton.LeftButton)
    assert len(viewer.window.dock_widgets) == 1
    assert not dock.isHidden()
    form = workspace.open_info()
    assert form.layer == plain
    assert form.size.value == ""
