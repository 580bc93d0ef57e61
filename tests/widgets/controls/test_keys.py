from __future__ import annotations

import pytest
from napari.utils.notifications import notification_manager
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


@pytest.mark.parametrize("part", ["train", "evaluate", "autoencoder"])
def test_trainings_start_by_keys_as_by_their_buttons(headless, part):
    from napari_visual_ccc.widgets.docks.autoencoder import AutoencoderTraining
    from napari_visual_ccc.widgets.docks.train import Train

    made = AutoencoderTraining(headless, print) if part == "autoencoder" else Train(headless)
    form = made.evaluation if part == "evaluate" else made.native
    keys = form.findChild(RunKeys, options=Qt.FindChildOption.FindDirectChildrenOnly)
    said: list[str] = []
    with notification_manager:
        notification_manager.notification_ready.connect(lambda one: said.append(one.message))
        keys.run()
        button = made.evaluation.button if part == "evaluate" else made.train_button
        button.native.click()
    # there are no images yet
    assert len(said) == 2
    assert said[0] == said[1]
