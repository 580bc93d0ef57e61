from qtpy.compat import isalive

from napari_visual_ccc.widgets.canvas.place import canvas_of


def test_the_canvas_is_in_the_window_of_its_viewer(viewer, headless):
    canvas = canvas_of(viewer)
    assert canvas.window() is viewer.window.main_menu.window()
    assert canvas.inherits("QOpenGLWidget")
    assert canvas_of(headless) is None


def test_a_window_that_is_closed_has_none(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    viewer.close()
    qtbot.waitUntil(lambda: not isalive(viewer.window.main_menu))
    assert canvas_of(viewer) is None
