"""A fitted image stays fitted when a dock opens beside it, in a real window."""

import numpy as np
import pytest
from qtpy.QtCore import QSize

from napari_visual_ccc.widgets.canvas.place import canvas_of
from napari_visual_ccc.widgets.canvas.refit import fitted, keep_fitted
from napari_visual_ccc.widgets.layers.viewers import camera, fit_to, show_only
from tests.widgets.opening import dock


@pytest.fixture
def image(viewer, qtbot):
    viewer.window.resize(900, 500)
    found = viewer.add_image(np.zeros((40, 90)), name="image", scale=(3, 3), units="nm")
    viewer.show()
    qtbot.waitExposed(viewer.window.main_menu.window())
    viewer.fit_to_view()
    return found


def test_a_fitted_image_is_fitted_again_beside_a_dock(viewer, image, qtbot):
    assert keep_fitted(viewer) is keep_fitted(viewer)
    canvas, wide = canvas_of(viewer), camera(viewer).zoom
    assert fitted(viewer, canvas.size()) == [image]
    dock(viewer, "denoise")
    qtbot.waitUntil(lambda: camera(viewer).zoom < 0.9 * wide)
    assert fitted(viewer, canvas.size()) == [image]


def test_the_slice_of_a_stack_stays_beside_a_dock(viewer, image, qtbot):
    viewer.layers.clear()
    viewer.add_image(np.zeros((9, 40, 90), np.uint8))
    viewer.fit_to_view()
    viewer.dims.set_current_step(0, 1)
    keep_fitted(viewer)
    wide = camera(viewer).zoom
    dock(viewer, "denoise")
    qtbot.waitUntil(lambda: camera(viewer).zoom < 0.9 * wide)
    assert viewer.dims.current_step[0] == 1
    # one that is chosen is shown in its middle
    show_only(viewer, viewer.layers[0])
    assert viewer.dims.current_step[0] == 4


def test_a_view_that_a_person_has_chosen_stays(viewer, image, qtbot):
    keep_fitted(viewer)
    canvas, wide = canvas_of(viewer), canvas_of(viewer).width()
    camera(viewer).zoom *= 1.1
    before = camera(viewer).zoom
    dock(viewer, "denoise")
    qtbot.waitUntil(lambda: canvas.width() < wide)
    qtbot.wait(50)
    assert camera(viewer).zoom == before


def test_the_chosen_image_may_be_the_fitted_one_among_larger_ones(headless):
    assert fitted(headless, QSize(400, 300)) == []
    small = headless.add_image(np.zeros((30, 40)))
    headless.add_image(np.zeros((300, 400)))
    headless.layers.selection.active = small
    size = QSize(*reversed(tuple(getattr(headless, "canvas", headless).size)))
    fit_to(headless, small)
    assert fitted(headless, size) == [small]
    headless.dims.ndisplay = 3
    assert fitted(headless, size) == []
