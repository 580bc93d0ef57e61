"""Values as JSON can hold them, as messages show them, and as scripts may give them."""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

# digits of a whole number, and letters of anything else, that a message shows
_MOST_DIGITS, _MOST_LETTERS = 20, 80


def plain(value: Any) -> Any:
    """Convert numpy values, paths and tuples to what JSON can hold.

    NaN becomes None, and text is `printable`.
    """
    if isinstance(value, Mapping):
        return {printable(str(key)): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return printable(str(value))


def printable(text: str) -> str:
    """Escape the bytes of a file name that cannot be decoded: no table or record can hold them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def reason_of(error: Exception, path: Path | None) -> str:
    """Why a file cannot be used, without its path, for a list in which its name stands already."""
    return printable(str(error)).removeprefix(f"{printable(str(path))}: ")


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        """Spell a whole number: Python spells none of more than 4300 digits."""
        return f"{Decimal(x):.3e}" if abs(x) >= 10**_MOST_DIGITS else repr(x)


_short = _Short()
_short.maxstring = _short.maxother = _MOST_LETTERS


def shown(value: Any) -> str:
    """Spell a value for a message, shortened where it is long."""
    return _short.repr(value)


def path_given(value: object, name: str) -> Path:
    """Path that a script gave.

    Parameters
    ----------
    value : str or os.PathLike
        What was given.
    name : str
        Of the argument.

    Raises
    ------
    TypeError, ValueError
        If it is no path, or none that a file can have.
    """
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise TypeError(f"{name} is no path: give a str or Path, not {_kind(value)}")
    if "\0" in path:
        raise ValueError(f"{name} is no path: it holds a null character")
    return Path(path)


def absolute(path: Path) -> Path:
    """Absolute path without ``..``; links stay, except those that ``..`` goes up from."""
    if ".." not in path.parts:
        return path.absolute()
    end = len(path.parts) - path.parts[::-1].index("..")
    above = Path(*path.parts[:end])
    plain_, real_ = Path(os.path.abspath(above)), real(above)
    return (plain_ if real(plain_) == real_ else real_).joinpath(*path.parts[end:])


def real(path: Path) -> Path:
    """Path without links; as far as they lead, where that is nowhere or in a circle."""
    try:
        return Path(os.path.realpath(path))
    # no file system takes such a name
    except (OSError, ValueError):
        return path.absolute()


def is_waited_for(path: Path) -> bool:
    """Whether a path is a pipe, socket or device: opened as a file, they may never answer."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def check_given(value: object, kinds: type | tuple[type, ...], name: str, wanted: str) -> None:
    """Insist on the type of an argument.

    Parameters
    ----------
    value
        What was given.
    kinds : type or tuple of type
        What it may be an instance of.
    name : str
        Of the argument.
    wanted : str
        What to give, in words.

    Raises
    ------
    TypeError
        If it is none of them.
    """
    if not isinstance(value, kinds):
        raise TypeError(f"{name}: give {wanted}, not {_kind(value)}")


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
