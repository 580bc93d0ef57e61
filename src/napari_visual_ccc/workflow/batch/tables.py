"""One tidy table over all images of a batch, and its summary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.units import METRES

if TYPE_CHECKING:
    import pandas as pd

IMAGE = "image"

# name of the first table of each image
MAIN = ""

_UNITS = "|".join((*METRES, "px"))

# a measure in a unit: diameter_nm, area_µm2
_MEASURE = re.compile(rf"(?P<name>.+)_(?P<unit>{_UNITS})(?P<power>[23]?)")

# columns of numbers that say which, or where, and not how much
_NAMES = re.compile(r"label|.*_label|index_\d+|slice|centroid_.*|bbox_.*|[xyz](_.*)?")

# columns that name the phase or class, of which each image has one row
_PARTS = ("name", "class", "region")

# more names are those of single objects
_MOST_PARTS = 50

_SUMMARY = (
    "measure", "unit", "images", "n", "mean", "sd", "min", "d10", "d50", "d90", "max"
)  # fmt: skip


def joined(entries: Iterable[Mapping[str, Any]]) -> dict[str, pd.DataFrame]:
    """Join the tables of all images; the first column is the image.

    Measures of images in other units of length are converted to the unit that most images have, so
    that a column has one unit.

    Parameters
    ----------
    entries : iterable of mapping
        ``name``, ``tables`` and ``unit`` of each image that was done.

    Returns
    -------
    dict
        By name, the main one as `MAIN`; a table that an image does not have has no rows of it.
    """
    import pandas as pd

    rows: dict[str, list[pd.DataFrame]] = {}
    units: Counter[str] = Counter()
    for entry in entries:
        units[entry["unit"]] += 1
        for number, (name, columns) in enumerate(entry["tables"].items()):
            table = pd.DataFrame(columns).rename(columns={IMAGE: f"{IMAGE}_2"})
            table.insert(0, IMAGE, entry["name"])
            rows.setdefault(name if number else MAIN, []).append(table)
    lengths = [unit for unit, _ in units.most_common() if unit in METRES]
    return {
        # a column that is empty in one image says nothing of the type of the others
        name: _in_unit(_concatenated(tables), lengths[0] if lengths else "px")
        for name, tables in rows.items()
    }


def _concatenated(tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    columns = list(dict.fromkeys(name for table in tables for name in table.columns))
    filled = [table for table in tables if len(table)]
    if not filled:
        return tables[0].reindex(columns=columns)
    return pd.concat(filled, ignore_index=True).reindex(columns=columns)


def _in_unit(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Convert measures in other units of length; the first columns keep their places."""
    if unit not in METRES:
        return table
    for column in list(table.columns):
        found = _MEASURE.fullmatch(column)
        if not found or found["unit"] in (unit, "px"):
            continue
        power = int(found["power"] or 1) * (-1 if found["name"].endswith("_per") else 1)
        factor = (METRES[found["unit"]] / METRES[unit]) ** power
        name = f"{found['name']}_{unit}{found['power']}"
        values = table[column] * factor
        if name in table:
            table[name] = table[name].fillna(values)
            table = table.drop(columns=column)
        else:
            table[column] = values
            table = table.rename(columns={column: name})
    return table


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Sum up the measures of a table over all images.

    Returns
    -------
    DataFrame
        One row a measure: ``measure``, ``unit``, number of ``images`` and of values ``n``,
        ``mean``, ``sd`` (of a sample), ``min``, ``max``; of lengths, areas and volumes the
        percentiles ``d10``, ``d50`` and ``d90`` (by number). Where each image has one row of each
        phase or class, one row a phase and measure, the first column is its name.
    """
    import pandas as pd

    part, rows = _part(table), []
    for name, own in table.groupby(part, sort=False) if part else [("", table)]:
        for column in _measures(table):
            known = np.isfinite(own[column].astype(float))
            if known.any():
                images = own.loc[known, IMAGE].nunique()
                numbers = _numbers(column, own.loc[known, column])
                rows.append((name, *_named(column), images, *numbers))
    found = pd.DataFrame(rows, columns=[part or "part", *_SUMMARY])
    return found if part else found.drop(columns="part")


def summary_by_image(table: pd.DataFrame, images: Iterable[str]) -> pd.DataFrame:
    """Sum up the measures of each image.

    Parameters
    ----------
    table : DataFrame
        Over all images.
    images : iterable of str
        Names of those that were done; one without rows has ``n`` 0.

    Returns
    -------
    DataFrame
        As `summary`, one row an image and measure over all its rows, with the column ``image`` in
        place of ``images``.
    """
    import pandas as pd

    columns = _measures(table)
    groups = dict(iter(table.groupby(IMAGE, sort=False)))
    rows = []
    for name in images:
        own = groups.get(name, table[:0])
        for column in columns:
            values = own[column][np.isfinite(own[column].astype(float))]
            rows.append((name, *_named(column), *_numbers(column, values)))
    names = [IMAGE, *(one for one in _SUMMARY if one != "images")]
    return pd.DataFrame(rows, columns=names)


def _part(table: pd.DataFrame) -> str:
    """Column of the names of phases or classes: their mean over all of an image says nothing."""
    if not table.duplicated(IMAGE).any():
        return ""
    slices = [column for column in table.columns if re.fullmatch(r"index_\d+|slice", column)]
    for column in _PARTS:
        few = column in table and table[column].nunique() <= _MOST_PARTS
        if few and not table.duplicated([IMAGE, column, *slices]).any():
            return column
    return ""


def _measures(table: pd.DataFrame) -> list[str]:
    """Columns that say how much."""
    return [
        column
        for column in table.columns[1:]
        if table[column].dtype.kind in "iuf" and not _NAMES.fullmatch(column)
    ]


def _named(column: str) -> tuple[str, str]:
    found = _MEASURE.fullmatch(column)
    return column, found["unit"] + found["power"] if found else ""


def _numbers(column: str, values: pd.Series) -> tuple[Any, ...]:
    """n, mean, sd, min, d10, d50, d90 and max of finite values."""
    own = values.to_numpy(float)
    if not len(own):
        return (0, *(np.nan,) * 7)
    tenths = np.percentile(own, (10, 50, 90)) if _MEASURE.fullmatch(column) else (np.nan,) * 3
    sd = own.std(ddof=1) if len(own) > 1 else np.nan
    return (len(own), own.mean(), sd, own.min(), *tenths, own.max())
