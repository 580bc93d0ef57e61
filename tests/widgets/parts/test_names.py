"""Keyboard and screen readers reach every control and know what it is."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_visual_ccc.widgets.docks.workspace import STEPS
from napari_visual_ccc.widgets.parts.names import Accessible
from tests.widgets.opening import dock


def controls(root):
    """Controls that a person can reach now."""
    return [
        one
        for one in root.findChildren(QWidget)
        if one.isVisibleTo(root) and one.isEnabledTo(root) and one.window() is root.window()
        and one.focusPolicy() & Qt.FocusPolicy.TabFocus and not isinstance(one, QHeaderView)
    ]  # fmt: skip


def name(control):
    return control.accessibleName() or (
        control.text() if isinstance(control, QAbstractButton) else ""
    )


def chain(first, root):
    """Controls of a widget in the order of the Tab key."""
    found, one = [first], first.nextInFocusChain()
    while one is not first:
        if root.isAncestorOf(one):
            found.append(one)
        one = one.nextInFocusChain()
    return found


def test_controls_take_the_names_of_their_labels_and_the_order_of_the_layout(qtbot):
    root = QWidget()
    qtbot.addWidget(root)
    layout = QVBoxLayout(root)
    rows = []
    for label, control in (("&Blur:", QSpinBox()), ("Method", QComboBox()), ("", QLineEdit())):
        row = QWidget()
        QHBoxLayout(row).addWidget(QLabel(label))
        row.layout().addWidget(control)
        rows.append((row, control))
    # made last, read first
    for row, _ in reversed(rows):
        layout.addWidget(row)
    blur, method, text = (control for _, control in rows)
    text.setToolTip("A file name. Of any kind.")
    names = Accessible(root)
    names.refresh()
    assert [one.accessibleName() for one in (blur, method, text)] == [
        "Blur", "Method", "A file name",
    ]  # fmt: skip
    assert blur.findChild(QLineEdit).accessibleName() == "Blur"
    order = [one for one in chain(text, root) if one in (blur, method, text)]
    assert order == [text, method, blur]
    # labels change with the unit; a name that was given stays
    rows[0][0].findChild(QLabel).setText("Blur (nm)")
    method.setAccessibleName("Own")
    method.setProperty("visual_ccc_name", False)
    names.refresh()
    assert (blur.accessibleName(), method.accessibleName()) == ("Blur (nm)", "Own")


@pytest.fixture
def workspace(viewer, discs):
    viewer.add_image(discs, name="discs", scale=(2, 2), units="nm")
    return dock(viewer, "workspace")


def test_every_control_of_the_workspace_has_a_name(workspace, finish):
    root = workspace.native
    for step in STEPS:
        form = workspace.open(step.title)
        if step.title in ("Segment", "Measure", "Cluster", "Quality"):
            form.run()
            finish(form)
        for one in root.findChildren(Accessible):
            one.refresh()
        found = controls(root)
        assert len(found) > len(STEPS)
        assert not [type(one).__name__ for one in found if not name(one)], step.title


def test_the_tab_key_goes_from_a_step_through_its_form_to_the_next(workspace):
    root = workspace.native
    form = workspace.open("Open & info")
    for one in root.findChildren(Accessible):
        one.refresh()
    shown = controls(root)
    order = [name(one) for one in chain(workspace.steps.titles[0], root) if one in shown]
    # rows that were inserted above fields which are older
    assert order[:6] == [
        "Step 1: Open & info", "Open images…", "Open a folder…", "Pixel size", "Pixel size: unit",
        "Pixel size: Set",
    ]  # fmt: skip
    assert order.index("Step 2: Quality") > order.index("Run")
    assert form.native.isAncestorOf(form.run_button.native)


def test_a_control_that_replaces_another_is_in_its_place_for_the_tab_key(qtbot):
    root = QWidget()
    qtbot.addWidget(root)
    layout = QVBoxLayout(root)
    first, last = QLineEdit(), QLineEdit()
    layout.addWidget(first)
    layout.addWidget(last)
    names = Accessible(root)
    for _ in range(5):
        middle = QSpinBox()
        layout.insertWidget(1, middle)
        names.refresh()
        order = [one for one in chain(first, root) if one in (first, middle, last)]
        assert order == [first, middle, last]
        middle.setParent(None)
        middle.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        del middle
