import numpy as np
import pytest

from napari_visual_ccc.widgets.canvas.shown import ShownResults


@pytest.fixture
def faded(headless):
    new = headless.add_labels(np.eye(9, dtype=int), name="new", opacity=0.5)
    old = headless.add_image(np.eye(9), name="old", opacity=0.8, visible=False)
    return new, old, ShownResults(headless, lambda: ([new], [old]))


def test_the_slider_fades_from_what_was_before_to_the_result(faded):
    new, old, shown = faded
    shown.begin()
    assert shown.row.visible is not None
    shown.slider.value = 0
    assert (new.opacity, old.opacity, old.visible) == (0, 0.8, True)
    shown.slider.value = 50
    assert (new.opacity, old.opacity) == (0.25, 0.4)
    shown.slider.value = 100
    assert (new.opacity, old.opacity, old.visible) == (0.5, 0, False)


def test_a_new_result_ends_the_comparison(faded):
    new, old, shown = faded
    shown.slider.value = 30
    shown.begin()
    assert (new.opacity, old.opacity) == (0.5, 0.8)
    assert shown.slider.value == 100


def test_what_there_is_none_of_is_said(headless):
    from napari.utils.notifications import notification_manager

    shown = ShownResults(headless, lambda: ([], []))
    shown.button.native.click()
    assert "No run has hidden" in notification_manager.records[-1].message
