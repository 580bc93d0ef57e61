"""Values as JSON can hold them, and as messages show them."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

# digits of a whole number, and letters of anything else, that a message shows
_MOST_DIGITS, _MOST_LETTERS = 20, 80


def plain(value: Any) -> Any:
    """Convert numpy values, paths and tuples to what JSON can hold; NaN becomes None."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        """Spell a whole number: Python spells none of more than 4300 digits."""
        return f"{Decimal(x):.3e}" if abs(x) >= 10**_MOST_DIGITS else repr(x)


_short = _Short()
_short.maxstring = _short.maxother = _MOST_LETTERS


def shown(value: Any) -> str:
    """Spell a value for a message, shortened where it is long."""
    return _short.repr(value)
