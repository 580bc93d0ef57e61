"""Fields whose choices are what the card of the chosen model names: classes, layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, Container, Widget

from ...nets.card import read_card
from ..parts.jobs import report


class CardChoices:
    """Names on the card of the model of a form; a file that cannot be read is reported once."""

    def __init__(self) -> None:
        self._unreadable: Any = None

    def names(self, fields: Container, key: str) -> list[str]:
        """Return the ``classes`` or ``layers`` on the card of the model in the fields."""
        try:
            return list(getattr(read_card(model_path(fields["model"].value)), key))
        except (ValueError, OSError) as error:
            # choices are read anew whenever layers change
            path = fields["model"].value
            if path != self._unreadable:
                report(error)
            self._unreadable = path
            return []


def offer(fields: Container, name: str, choices: Callable[[], list[tuple[str, Any]]]) -> None:
    """Replace a text field by a choice that follows the model."""
    old: Widget = fields[name]
    index = list(fields).index(old)
    box = ComboBox(name=name, label=old.label, tooltip=old.tooltip, choices=lambda _: choices())
    fields.remove(old)
    fields.insert(index, box)
    fields["model"].changed.connect(box.reset_choices)


def model_path(value: Any) -> Path | None:
    """Path in a field of files; None where it is empty."""
    return None if value is None or str(value) in ("", ".") else Path(value)
