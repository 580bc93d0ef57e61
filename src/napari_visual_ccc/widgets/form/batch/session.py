"""What was chosen last for many images, as long as the program runs."""

from __future__ import annotations

from typing import Any

# parameters that replace what is there: they are chosen each time
_EACH_TIME = ("force",)

_last: dict[str, Any] = {}


def remember(**values: Any) -> None:
    """Keep values for the next dialog."""
    _last.update({key: one for key, one in values.items() if key not in _EACH_TIME})


def recalled() -> dict[str, Any]:
    """The last values by their names."""
    return dict(_last)


def forget() -> None:
    """Begin with the defaults again."""
    _last.clear()
