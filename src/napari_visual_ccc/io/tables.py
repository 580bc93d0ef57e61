"""Read tables as spreadsheets write them: separators, encodings, decimal commas, Excel."""

from __future__ import annotations

import codecs
import io
import re
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from ..core.plain import is_waited_for
from ..core.tables import with_formulas
from .excel import read_sheets
from .rows import is_path_column

if TYPE_CHECKING:
    import pandas as pd

EXCEL = (".xlsx", ".xlsm")

SUFFIXES = (".csv", ".tsv", ".txt", *EXCEL)

# of other spreadsheets, which are not read
FOREIGN = (".xls", ".xlsb", ".ods", ".numbers", ".parquet", ".feather", ".json")

_SEPARATORS = (",", ";", "\t", "|")

_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# the mark of UTF-8 after a mark, or read as if it were letters; blanks of no width
_INVISIBLE = re.compile("^\u00ef\u00bb\u00bf|[\ufeff\u200b\u2060]")

# letters of Western languages, and punctuation and signs where they can stand
_USUAL = re.compile(
    r"[\u00e4\u00f6\u00fc\u00c4\u00d6\u00dc\u00df\u00e0-\u00e3\u00e5-\u00ef\u00f1-\u00f5\u00f8-\u00fb\u00c5\u00c6\u00d8"
    r"\u00c9\u00c8\u00c7\u00d1\u00b5\u00b0\u00b2\u00b3\u00b1]|(?<=\w)\u2019(?=\w)|[\u2018\u201c\u201e](?=\w)|"
    r"(?<=\w)[\u201d\u2019\u2026\u2122](?!\w)|[\u2013\u2014](?=[\s\d])|\u20ac(?!\w)"
)

# each column takes time; the letters are those that a cell of Excel can have
_MOST_COLUMNS, _MOST_LETTERS = 2000, 32_767

# of a table of coordinates
_AXIS = "axis-0"


def read_text_table(file: Path) -> pd.DataFrame:
    """Read a table; all values are text.

    The separator is the one that the header has most of; a line ``sep=;`` before it is left out,
    and so are lines that begin with ``#``, unless the last of them has the names of the columns.
    Text that is no Unicode is taken for that of Windows (cp1252) or of the old Macintosh, whichever
    gives more usual letters. Spaces around cells and the apostrophes of
    `core.tables.without_formulas` are taken away. Of Excel, the first sheet with a known column is
    read.

    Raises
    ------
    ImportError
        If it is a table of Excel and openpyxl is missing.
    ValueError
        If it is no table, or one of Excel that is too large.
    """
    import pandas as pd

    if is_waited_for(file):
        raise ValueError(f"{file}: is no file, but a pipe, a socket or a device")
    if file.suffix.lower() in EXCEL:
        return _excel(file)
    raw = file.read_bytes()
    text = (
        _INVISIBLE.sub("", _decoded(file, raw))
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .lstrip("\n")
    )
    text, skipped = _without_comments(text)
    separator = separator_of(text)
    if text[:4].lower() == "sep=":
        text, more = _without_comments(text.partition("\n")[2])
        skipped += 1 + more
    _check_extent(text, separator, file)
    # empty rows at the end of a sheet, which may have more columns than the table
    lines = text.split("\n")
    while lines and not lines[-1].strip(f'{separator} "'):
        lines.pop()
    text = "\n".join(lines)
    if not text:
        raise ValueError(
            f"{file}: is empty: a table needs a row of column names, and rows below it"
        )
    try:
        table = pd.read_csv(
            io.StringIO(text), sep=separator, dtype=str, keep_default_na=False,
            skipinitialspace=True,
        )  # fmt: skip
    except ValueError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ")
        raise ValueError(f"{file}: cannot be read as a table ({reason})") from None
    # spaces around separators, and beside quotes
    table = table.rename(columns=str.strip).map(str.strip)
    table = table.rename(columns=with_formulas).map(with_formulas)
    table.attrs["first_line"] = 2 + skipped
    table.attrs["notes"] = _of_encoding(file, raw)
    return table


def _of_encoding(file: Path, raw: bytes) -> tuple[str, ...]:
    """Say that letters of a table that is no Unicode were guessed."""
    if _unicode(raw):
        return ()
    letters = "".join(dict.fromkeys(re.findall(r"[^\x00-\x7f]", decoded(raw))))
    return (
        f"{file.name} is no UTF-8: letters were guessed ({letters[:8]}); if names look wrong, save "
        "it as CSV UTF-8",
    )


def _check_extent(text: str, separator: str, file: Path) -> None:
    """Refuse what is no list of images or coordinates, before it takes long."""
    columns = text.partition("\n")[0].count(separator) + 1
    if columns > _MOST_COLUMNS:
        raise ValueError(f"{file}: has {columns:,} columns; keep those that are needed")
    # what is outside of quotes is enough: names of files and classes have no line breaks
    if any(len(one) > _MOST_LETTERS for one in re.split(f"[{re.escape(separator)}\n]", text)):
        raise ValueError(f"{file}: a cell has more than {_MOST_LETTERS:,} letters; shorten it")


def _without_comments(text: str) -> tuple[str, int]:
    """Text without the lines of comments before its header, and their number."""
    lines = text.split("\n")
    count = next((k for k, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if count and not is_header(lines[count] if count < len(lines) else ""):
        header = lines[count - 1].lstrip("# ")
        if is_header(header):
            return "\n".join([header, *lines[count:]]), count - 1
    return "\n".join(lines[count:]), count


def is_header(line: str) -> bool:
    """Whether a line has the name of a column of files or coordinates."""
    cells = [one.strip(' "') for one in line.split(separator_of(line))]
    return any(is_path_column(one) or one == _AXIS for one in cells)


def _excel(file: Path) -> pd.DataFrame:
    sheets = read_sheets(file)
    return next(
        (one for one in sheets.values() if any(is_path_column(c) or c == _AXIS for c in one)),
        next(iter(sheets.values())),
    )


def as_text(table: Any) -> pd.DataFrame:
    """Table of a script as `read_text_table` gives it: missing values are empty.

    Raises
    ------
    ValueError
        If it is no DataFrame.
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise ValueError(
            "a data set is a folder, the path of a table or a DataFrame, not "
            f"{type(table).__name__}"
        )
    return table.astype(object).where(table.notna(), "").astype(str).rename(columns=str)


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
    """Separator of a table: what its first line says, or has most of outside of quotes."""
    first = text.partition("\n")[0].strip("\r")
    if first[:4].lower() == "sep=" and len(first) > 4:
        return first[4]
    return max(_SEPARATORS, key=re.sub(r'"[^"]*"', "", first).count)


def _decoded(file: Path, raw: bytes) -> str:
    text = decoded(raw)
    if "\0" in text:
        raise ValueError(f"{file}: cannot be read as a table (it is no text: save it as CSV UTF-8)")
    return text


def _unicode(raw: bytes) -> str:
    """Encoding of a file that is Unicode; empty where it is not."""
    if raw.startswith(_MARKS):
        return "utf-16"
    # without a mark, every other byte of Western letters in UTF-16 is none
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if raw and raw[first::2].count(0) > len(raw) / 4:
            return encoding
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""
    return "utf-8-sig"


def decoded(raw: bytes) -> str:
    """Text of a file that does not say its encoding."""
    if encoding := _unicode(raw):
        return raw.decode(encoding, "replace")
    windows, macintosh = (raw.decode(one, "replace") for one in ("cp1252", "mac_roman"))
    usual = [len(_USUAL.findall(one)) for one in (windows, macintosh)]
    return macintosh if usual[1] > usual[0] else windows


def path_in(folder: Path, text: str) -> Path:
    """Path that a cell of a table has, relative to a folder; also as Windows writes it."""
    path = folder / text
    if "\\" in text and not path.exists():
        windows = PureWindowsPath(text)
        return path if windows.drive else folder.joinpath(*windows.parts)
    return path
