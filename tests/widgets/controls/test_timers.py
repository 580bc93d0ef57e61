"""Functions are called once, later, and not after the end of their parent."""

from __future__ import annotations

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_visual_ccc.widgets.controls.timers import later, settled


def test_many_calls_are_settled_by_one_and_none_without_the_widget(qtbot):
    widget, calls = QWidget(), []
    soon = settled(widget, 20, lambda: calls.append(1))
    for _ in range(5):
        soon()
    qtbot.waitUntil(lambda: calls == [1])
    soon()
    widget.deleteLater()
    qtbot.wait(60)
    assert calls == [1]


def test_a_function_is_called_later_unless_its_parent_is_gone(qtbot):
    gone, there, called = QObject(), QObject(), []
    later(gone, 0, lambda: called.append("gone"))
    gone.deleteLater()
    del gone
    later(there, 0, lambda: called.append("there"))
    assert not called
    qtbot.waitUntil(lambda: "there" in called)
    assert called == ["there"]
