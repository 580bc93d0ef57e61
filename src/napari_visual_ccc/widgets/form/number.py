"""A field for numbers of any size: as many decimals as the value has."""

from __future__ import annotations

from typing import Any

from magicgui.application import use_app
from magicgui.widgets.bases import RangedWidget
from qtpy.QtWidgets import QDoubleSpinBox

# that can be typed and stepped; grey values of floats need more than the two of Qt
DECIMALS = 9


class NumberBox(QDoubleSpinBox):
    """A spin box that shows no zeros behind the last decimal of its value."""

    def textFromValue(self, value: float) -> str:
        """Text of a value."""
        text, point = super().textFromValue(value), self.locale().decimalPoint()
        return text.rstrip("0").removesuffix(point) if point in text else text


class Number(RangedWidget):
    """A magicgui field with such a box.

    Parameters
    ----------
    **choices
        As those of `magicgui.widgets.FloatSpinBox`.
    """

    def __init__(self, **choices: Any) -> None:
        backend: Any = use_app().get_obj("FloatSpinBox")

        class Box(backend):
            def __init__(self, **given: Any) -> None:
                super(backend, self).__init__(NumberBox, **given)
                self._qwidget.setDecimals(DECIMALS)

        choices.setdefault("step", 1.0)
        super().__init__(**{**choices, "widget_type": Box})
