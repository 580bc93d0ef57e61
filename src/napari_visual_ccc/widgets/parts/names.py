"""Keyboard and screen reader: a name for every control, focus in the order of reading and visible.

Names are those of the labels beside the controls, so that no form states one twice.
"""

from __future__ import annotations

import itertools

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QLabel,
    QLayout,
    QLineEdit,
    QWidget,
)

from ..controls.timers import settled
from ..controls.unseen import Unseen

# a name that was taken from a label, and follows it
_TAKEN = "visual_ccc_name"

# of no theme of napari: seen on light and dark ones
_FOCUS = """
QPushButton:focus, QToolButton:focus, QComboBox:focus, QAbstractSpinBox:focus, QLineEdit:focus,
QCheckBox:focus, QRadioButton:focus, QSlider:focus, QAbstractItemView:focus
{ border: 2px solid #3d8bfd; border-radius: 3px }
"""

# controls of one row at most, and letters of a label
_ROW, _LONG = 6, 60

_CHANGES = (QEvent.Type.LayoutRequest, QEvent.Type.Show)


class Accessible(QObject):
    """Names the controls of a form, and puts them in the order of reading for the Tab key.

    Parameters
    ----------
    form : QWidget
        With its controls, which may be added and changed later.
    """

    def __init__(self, form: QWidget) -> None:
        super().__init__(form)
        self._form = form
        # the widgets themselves: a new one may get the address of one that was deleted
        self._order: list[QWidget] = []
        self._soon = settled(self, 0, self._refresh_seen)
        self._unseen = Unseen(form, self.refresh)
        form.setStyleSheet(form.styleSheet() + _FOCUS)
        form.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow changes of the form, all that come at once together."""
        if event is not None and event.type() in _CHANGES:
            self._soon()
        return super().eventFilter(watched, event)

    def _refresh_seen(self) -> None:
        if not self._unseen.waits():
            self.refresh()

    def refresh(self) -> None:
        """Name all controls, and set the order of focus."""
        window = self._form.window()
        inside = [one for one in _in_order(self._form) if one.window() is window]
        found = [one for one in inside if _takes_focus(one)]
        for one in found:
            _name(one, self._form)
        if found != self._order:
            for before, after in itertools.pairwise(found):
                QWidget.setTabOrder(before, after)
            self._order = found


def _takes_focus(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)


def _in_order(widget: QWidget) -> list[QWidget]:
    """The widgets in a widget as they are read: by its layout, others at the end."""
    layout = widget.layout()
    laid = [] if layout is None else _of_layout(layout)
    rest = [one for one in widget.children() if isinstance(one, QWidget) and one not in laid]
    return [found for one in (*laid, *rest) for found in (one, *_in_order(one))]


def _of_layout(layout: QLayout) -> list[QWidget]:
    found: list[QWidget] = []
    for number in range(layout.count()):
        item = layout.itemAt(number)
        if item is None:
            continue
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            found.append(widget)
        elif inner is not None:
            found += _of_layout(inner)
    return found


def _name(control: QWidget, form: QWidget) -> None:
    """Name a control, unless it has a name of its own or a text."""
    if isinstance(control, QAbstractButton) and control.text():
        return
    if control.accessibleName() and not control.property(_TAKEN):
        return
    name = _label_of(control, form) or control.toolTip().split(". ")[0]
    if isinstance(control, QAbstractItemView) and not name:
        name = "Table"
    if name and name != control.accessibleName():
        control.setAccessibleName(name)
        control.setProperty(_TAKEN, True)
    if isinstance(control, QAbstractSpinBox):
        for line in control.findChildren(QLineEdit):
            line.setAccessibleName(control.accessibleName())


def _label_of(control: QWidget, form: QWidget) -> str:
    """Text of the label before a control, or before what it is a part of."""
    inner, above = control, control.parentWidget()
    while above is not None and inner is not form:
        layout = above.layout()
        row = [] if layout is None else _of_layout(layout)
        if inner in row:
            before = row[: row.index(inner)]
            labels = [one for one in before if isinstance(one, QLabel) and one.text()]
            # in a column of many only the one above it; a text over several lines is none
            near = len(row) <= _ROW or before[-1:] == labels[-1:]
            if labels and near and len(labels[-1].text()) < _LONG:
                return labels[-1].text().rstrip(":").replace("&", "")
        inner, above = above, above.parentWidget()
    return ""
