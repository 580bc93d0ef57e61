"""Rows of a table of labelled images: known columns, names, parts."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.dataset import CROSS_VALIDATED, part_named

if TYPE_CHECKING:
    import pandas as pd

# the last three are optional
_COLUMNS = ("path", "label", "group", "part", "name")

# other names of columns, of which the first one is taken; without blanks, _ and -
OTHERS = {
    "path": ("filepath", "imagepath", "filename", "imagefile", "file", "imagename", "image", "img"),
    "label": ("class", "classname", "classlabel", "labelname", "category", "target"),
    "part": ("split", "subset"),
}  # fmt: skip

_LACKS = (
    "it needs path (or filename, file, image, filepath) and label (or class, category, target), "
    "and may have group and part"
)


def plain_column(text: object) -> str:
    """Name of a column without capitals, blanks, ``_`` and ``-``."""
    return re.sub(r"[\s_-]+", "", str(text).lower())


def is_path_column(text: object) -> bool:
    """Whether a column of this name holds the files of the images."""
    plain = plain_column(text)
    return plain in ("path", "name") or plain in OTHERS["path"]


def lacks(table: pd.DataFrame, column: str) -> str:
    """Say which column a table lacks, and what it has."""
    has = ", ".join(str(one) for one in list(table)[:8]) or "none"
    return f"no column {column!r}; {_LACKS} (its columns: {has})"


def with_known_columns(table: pd.DataFrame, channels: tuple[str, ...]) -> pd.DataFrame:
    """Give the known columns their names: a header may be Part or PART, filename, class.

    The split of version 0.1.0, put into the folder of its images, has the paths as names.
    """
    renamed: dict[str, str] = {}
    for column in map(str, table):
        known = column.strip().lower()
        free = known not in table and known not in renamed.values() and column not in channels
        if free and known in _COLUMNS:
            renamed[column] = known
    table = table.rename(columns=renamed)
    table = table.rename(columns=_by_other_names(table, channels))
    return table if "path" in table or "name" not in table else table.assign(path=table["name"])


def _by_other_names(table: pd.DataFrame, channels: tuple[str, ...]) -> dict[Any, str]:
    found = {}
    plain = {plain_column(one): one for one in reversed(list(table)) if one not in channels}
    for known, others in OTHERS.items():
        column = next((plain[one] for one in others if one in plain), None)
        if column is None or known in table:
            continue
        # a column split may be the number of a fold
        if known != "part" or all(part_named(str(one)) for one in table[column]):
            found[column] = known
    return found


def repeated(
    table: pd.DataFrame, file: str, folder: Path, channels: Sequence[str], with_classes: bool
) -> list[str]:
    """Why a row does not count: an earlier one has its image; empty for all others.

    Raises
    ------
    ValueError
        If the rows give it two classes.
    """
    first: dict[tuple[str, ...], tuple[str, int]] = {}
    reasons = []
    columns = [table[name] for name in (channels or ["path"])]
    start = first_line(table)
    for number, (label, *cells) in enumerate(zip(table["label"], *columns, strict=True), start):
        texts = [cell.strip() for cell in cells]
        places = tuple(os.path.realpath(os.path.normcase(folder / text)) for text in texts)
        label = label.strip()
        if not all(texts) or not (label or not with_classes):
            reasons.append("")
            continue
        other, line = first.setdefault(places, (label, number))
        if with_classes and other != label:
            raise ValueError(
                f"{file}: {texts[0]} is in the class {other} (line {line}) and in {label} (line "
                f"{number}); leave it in one of them"
            )
        reasons.append("" if line == number else f"the image of line {line}, which counts once")
    return reasons


def first_line(table: pd.DataFrame) -> int:
    """Number of the first line of a table below its header."""
    return int(table.attrs.get("first_line", 2))


def names_in(table: pd.DataFrame) -> list[str]:
    """Name of every row: its path, where it has no name of its own."""
    paths = [path.strip() for path in table["path"]]
    names = [name.strip() for name in table.get("name", paths)]
    times = Counter(names)
    return [
        path if not name or times[name] > 1 else name
        for name, path in zip(names, paths, strict=True)
    ]


def parts_in(table: pd.DataFrame, file: str, folder: Path) -> list[str]:
    """Part of every row; empty ones where the table has none."""
    texts = [str(one).strip() for one in table.get("part", [""] * len(table))]
    if set(texts) <= {""} or set(texts) == {CROSS_VALIDATED}:
        return texts
    parts = [part_named(text) for text in texts]
    first: dict[str, tuple[str, int]] = {}
    lines = zip(texts, parts, table["path"], strict=True)
    for number, (text, part, path) in enumerate(lines, first_line(table)):
        if not part:
            raise ValueError(
                f"{file}: line {number} has the part {text!r}; give every image one of train, "
                "validation and test, or no image a part"
            )
        place = os.path.normcase(folder / path.strip())
        other, line = first.setdefault(os.path.normpath(place), (part, number))
        if other != part:
            raise ValueError(
                f"{file}: {path.strip()} is in the part {other} (line {line}) and in {part} "
                f"(line {number}); leave it in one of them"
            )
    return parts
