"""Tables of Excel, whose size is looked at before they are read."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from ..core.memory import available, shortage

if TYPE_CHECKING:
    import pandas as pd

# bytes of memory for a byte of its XML, and for a cell, while it is read
_OF_XML, _OF_CELL = 5, 120

# of a sheet: rows that Excel has, and cells that can be read within minutes
_MOST_ROWS, _MOST_CELLS = 1 << 20, 20_000_000

# bytes of a part from which its packing is looked at, and how often it may shrink: the cells of a
# sheet have different names, blanks of a part take minutes
_LARGE, _MOST_PACKED = 64 << 20, 300

_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d+)")

_SMALLER = "save the sheet with the table alone, as CSV UTF-8"


class _TooLargeError(Exception):
    """A table cannot be read; the message gives the reason, without the name of the file."""


def read_sheets(file: Path) -> dict[str, pd.DataFrame]:
    """Read all sheets of a table of Excel; all values are text.

    Blank cells up to the last one of a sheet are read as well: one cell in the last corner makes a
    table of 17 billion cells of a file of 5 kB.

    Raises
    ------
    ImportError
        If openpyxl is missing.
    ValueError
        If it is no table, or too large.
    """
    import pandas as pd

    try:
        _check(file)
        # it warns of styles and checks that it leaves out
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(
                pd.read_excel(
                    file, sheet_name=None, dtype=str, keep_default_na=False, engine="openpyxl"
                )
            )
    except ImportError:
        raise ImportError(
            f'{file}: tables of Excel need openpyxl: pip install "napari-visual-ccc[formats]"; or '
            "save it as CSV UTF-8"
        ) from None
    except _TooLargeError as error:
        raise ValueError(f"{file}: {error}") from None
    # of a damaged file, anything
    except Exception as error:  # noqa: BLE001
        raise ValueError(f"{file}: cannot be read as a table of Excel ({error})") from None


def _check(file: Path) -> None:
    if not zipfile.is_zipfile(file):
        # openpyxl says what it is
        return
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if any(one.file_size > max(_LARGE, _MOST_PACKED * one.compress_size) for one in parts):
            raise _TooLargeError(f"is packed far denser than a table can be; {_SMALLER}")
        needed = _OF_XML * sum(one.file_size for one in parts)
        _check_memory(needed)
        for part in parts:
            with archive.open(part) as stream:
                needed += _OF_CELL * _Extent().of(stream)
        _check_memory(needed)


def _check_memory(needed: int) -> None:
    if lack := shortage(needed, available(), _SMALLER):
        raise _TooLargeError(lack)


class _Extent:
    """Cells of a sheet, with the blank ones that are read before its last ones."""

    def __init__(self) -> None:
        # the last row and column with a value; where the parser is; blank and other cells so far
        self._rows = self._columns = self._row = self._column = self._passed = 0

    def of(self, stream: Any) -> int:
        """Cells of a part of the file; none of those that are no sheets.

        Raises
        ------
        _TooLargeError
            If they are too many to be read.
        """
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        try:
            while piece := stream.read(1 << 20):
                parser.Parse(piece)
        # a picture, or what openpyxl reports
        except expat.ExpatError:
            return 0
        return self._rows * self._columns

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(" ")[2]
        if kind == "row":
            self._row = int(float(attributes["r"])) if "r" in attributes else self._row + 1
            self._column = 0
        elif kind == "c" and self._row:
            found = _CELL.fullmatch(attributes.get("r", ""))
            column = _number(found[1]) if found else self._column + 1
            self._passed += max(0, column - self._column)
            self._column = column
        # a cell with a format alone makes the table no larger
        elif kind in ("v", "is") and self._column:
            self._rows = max(self._rows, self._row)
            self._columns = max(self._columns, self._column)
        if self._row > _MOST_ROWS or max(self._passed, self._rows * self._columns) > _MOST_CELLS:
            raise _TooLargeError(
                f"has a sheet whose cells reach to row {self._row:,} and column "
                f"{max(self._column, self._columns):,}, too many to be read; delete those beyond "
                f"the table, or {_SMALLER}"
            )


def _number(letters: str) -> int:
    """Number of a column: A is 1."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
