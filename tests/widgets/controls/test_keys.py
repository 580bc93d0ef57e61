from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDoubleSpinBox, QLineEdit, QVBoxLayout, QWidget

from napari_visual_ccc.widgets.controls.keys import RunKeys


@pytest.fixture
def forms(qtbot):
    """Two forms of a window, and one inside of the second."""
    window, run = QWidget(), []
    layout, made = QVBoxLayout(window), {}
    for name in ("first", "second", "inner"):
        form, field = QWidget(), QLineEdit()
        made[name] = field
        QVBoxLayout(form).addWidget(field)
        RunKeys(form, lambda name=name: run.append(name))
        (form_layout := made["second"].parentWidget().layout() if name == "inner" else layout)
        form_layout.addWidget(form)
    layout.addWidget(other := QDoubleSpinBox())
    made["none"] = other
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield made, run


def test_the_form_that_has_the_focus_is_run(forms, qtbot):
    fields, run = forms
    for name in ("first", "second", "inner", "inner", "none", "first"):
        fields[name].setFocus()
        qtbot.keyClick(fields[name], Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(fields["first"], Qt.Key.Key_Return)
    assert run == ["first", "second", "inner", "inner", "first"]
    qtbot.keyClick(
        fields["first"],
        Qt.Key.Key_Enter,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.KeypadModifier,
    )
    assert run[-1] == "first"
