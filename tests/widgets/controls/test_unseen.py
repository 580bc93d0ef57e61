"""What a form puts off while it cannot be seen."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QDockWidget, QTabWidget, QWidget

from napari_visual_ccc.widgets.controls.unseen import Unseen
from tests.widgets.opening import dock


@pytest.fixture
def tabs(qtbot):
    found = QTabWidget()
    qtbot.addWidget(found)
    for name in ("one", "two"):
        found.addTab(QWidget(), name)
    return found


def test_what_is_behind_a_tab_waits_until_it_is_seen(tabs, qtbot):
    called = []
    unseen = Unseen(tabs.widget(1), lambda: called.append(1))
    # a window that is not shown belongs to a script
    assert not unseen.waits()
    tabs.show()
    qtbot.waitExposed(tabs)
    assert unseen.waits() and not called
    tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: called == [1])
    assert not unseen.waits()
    tabs.setCurrentIndex(0)
    assert unseen.waits()
    unseen.catch_up()
    unseen.catch_up()
    assert called == [1, 1]


def test_a_dock_behind_another_follows_the_selection_when_it_is_asked_or_seen(viewer, qtbot):
    first, second = (viewer.add_image(np.zeros((8, 8)), name=name) for name in "ab")
    viewer.show()
    behind, front = dock(viewer, "denoise"), dock(viewer, "texture")
    qtbot.waitUntil(lambda: behind.native.visibleRegion().isEmpty())
    box = behind._fields[behind.operation.name]["image"]
    assert box.value is second
    viewer.layers.selection.active = first
    assert front.fields["image"].value is first
    assert box.value is second
    # whoever asks gets what is chosen
    assert behind.inputs["image"] is first
    viewer.layers.selection.active = second
    assert box.value is first
    above = behind.native
    while not isinstance(above, QDockWidget):
        above = above.parentWidget()
    above.raise_()
    qtbot.waitUntil(lambda: box.value is second)
