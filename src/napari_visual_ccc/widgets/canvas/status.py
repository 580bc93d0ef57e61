"""The status bar over results: measures of labels in units that suit them, what maps show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from ..controls.headings import in_words
from ..layers.metadata import QUANTITY
from .place import on_canvas

if TYPE_CHECKING:
    from napari.viewer import Viewer

# a column and its number, as napari writes the features of a label
_MEASURE = re.compile(r"(?<=[;,] )([A-Za-z][\wµÅ]*): (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?=,|$)")

# a value at the end, behind the coordinates or in a part of its own
_VALUE = re.compile(r"(^|: )-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$")

# parts of the status that hold them
_PARTS = ("coordinates", "value")


class StatusWords(QObject):
    """Writes measures of the status bar of a viewer as tables of docks do.

    Parameters
    ----------
    viewer : Viewer
        Whose status is written.
    canvas : QWidget
        This is part of it.
    """

    def __init__(self, viewer: Viewer, canvas: QWidget) -> None:
        super().__init__(canvas)
        events = viewer.events.status
        self._viewer = viewer
        # after the window, which else would show what napari has written
        events.connect(self._write, position="last")
        canvas.destroyed.connect(lambda: events.disconnect(self._write))

    def _write(self, event: Any = None) -> None:
        status = self._viewer.status
        active = self._viewer.layers.selection.active
        quantity = "" if active is None else active.metadata.get(QUANTITY, "")
        made: Any = with_quantity(written(status), quantity)
        if made != status:
            self._viewer.status = made


def written(status: str | dict[str, str]) -> str | dict[str, str]:
    """A status with its measures in words; one that has none is the same."""
    if isinstance(status, str):
        return _MEASURE.sub(lambda found: in_words(found[1], float(found[2])), status)
    return {key: written(text) if key in _PARTS else text for key, text in status.items()}  # type: ignore[misc]


def with_quantity(status: str | dict[str, str], quantity: str) -> str | dict[str, str]:
    """A status that ends with a value of a map, and says what it is."""
    if not quantity:
        return status
    if isinstance(status, str):
        return f"{status} ({quantity})" if _VALUE.search(status) else status
    return {
        key: str(with_quantity(text, quantity)) if key in _PARTS else text
        for key, text in status.items()
    }


def write_status(viewer: Viewer) -> StatusWords | None:
    """Let a viewer write its status so from now on; None without a window."""
    return on_canvas(viewer, StatusWords)
