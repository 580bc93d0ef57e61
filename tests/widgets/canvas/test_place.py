from napari_visual_ccc.widgets.canvas.place import canvas_of


def test_the_canvas_is_in_the_window_of_its_viewer(viewer, headless):
    canvas = canvas_of(viewer)
    assert canvas.window() is viewer.window.main_menu.window()
    assert canvas.inherits("QOpenGLWidget")
    assert canvas_of(headless) is None
