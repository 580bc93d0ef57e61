"""Read tables of text as spreadsheets write them: separators, encodings, decimal commas."""

from __future__ import annotations

import codecs
import io
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from ..core.tables import with_formulas

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".txt")

_SEPARATORS = (",", ";", "\t", "|")

_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text_table(file: Path) -> pd.DataFrame:
    """Read a table; all values are text.

    The separator is the one that the header has most of; a line ``sep=;`` before it is left out.
    The apostrophes of `core.tables.without_formulas` are taken away.
    Text that is no Unicode is taken for that of Windows (cp1252).

    Raises
    ------
    ValueError
        If it is no table.
    """
    import pandas as pd

    text = _decoded(file)
    separator = separator_of(text)
    if text[:4].lower() == "sep=":
        text = text.partition("\n")[2]
    try:
        table = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise ValueError(f"{file}: cannot be read as a table ({error})") from None
    return table.rename(columns=with_formulas).map(with_formulas)


def numbers_in(table: pd.DataFrame) -> pd.DataFrame:
    """Turn the columns of numbers of a table of text into numbers; a comma may be decimal."""
    import pandas as pd

    found = {}
    for name in table:
        texts = table[name].str.strip()
        values = pd.to_numeric(texts.where(texts != ""), errors="coerce")
        if values.isna().sum() > (texts == "").sum():
            values = pd.to_numeric(
                texts.where(texts != "").str.replace(",", ".", regex=False), errors="coerce"
            )
        # a column of other text stays as it is
        found[name] = table[name] if values.isna().sum() > (texts == "").sum() else values
    return pd.DataFrame(found)


def separator_of(text: str) -> str:
    """Separator of a table: what its first line says, or has most of."""
    first = text.partition("\n")[0].strip("\r")
    if first[:4].lower() == "sep=" and len(first) > 4:
        return first[4]
    return max(_SEPARATORS, key=first.count)


def _decoded(file: Path) -> str:
    raw = file.read_bytes()
    if raw.startswith(_MARKS):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        if 0 in raw:
            raise ValueError(
                f"{file}: cannot be read as a table (it is no text: save it as CSV UTF-8)"
            ) from None
        return raw.decode("cp1252", "replace")


def path_in(folder: Path, text: str) -> Path:
    """Path that a cell of a table has, relative to a folder; also as Windows writes it."""
    path = folder / text
    if "\\" in text and not path.exists():
        windows = PureWindowsPath(text)
        return path if windows.drive else folder.joinpath(*windows.parts)
    return path
