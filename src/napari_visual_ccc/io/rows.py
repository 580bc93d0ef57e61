"""Rows of a table of labelled images: known columns, names, parts."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.dataset import CROSS_VALIDATED, part_named

if TYPE_CHECKING:
    import pandas as pd

# the last three are optional
_COLUMNS = ("path", "label", "group", "part", "name")


def with_known_columns(table: pd.DataFrame, channels: tuple[str, ...]) -> pd.DataFrame:
    """Write the names of the known columns in lower case: a header may be Part or PART.

    The split of version 0.1.0, put into the folder of its images, has the paths as names.
    """
    renamed: dict[str, str] = {}
    for column in map(str, table):
        known = column.strip().lower()
        free = known not in table and known not in renamed.values() and column not in channels
        if free and known in _COLUMNS:
            renamed[column] = known
    table = table.rename(columns=renamed)
    return table if "path" in table or "name" not in table else table.assign(path=table["name"])


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
    for number, (text, part, path) in enumerate(zip(texts, parts, table["path"], strict=True), 2):
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
