"""Tables of regions with their area, and texts of tables that spreadsheets are safe from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .pixel_size import PixelSize
from .plain import printable

if TYPE_CHECKING:
    import pandas as pd


# what spreadsheets run as a formula, also with the wide characters of East Asia; numbers are none
_FORMULA = re.compile(
    r"(?![+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|[+-]?(inf|nan)$)[=+\-@\t\r＝＋－＠]", re.I
)


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before texts that a spreadsheet would run, in cells and column names.

    `with_formulas` takes it away. Bytes of file names that are no text are replaced.

    Parameters
    ----------
    table : DataFrame
        Stays as it is.
    """
    safe: Any = table.rename(columns=_quoted)
    for at, kind in enumerate(safe.dtypes):
        if kind.kind not in "biufcmM":
            safe.isetitem(at, safe.iloc[:, at].map(_quoted))
    return cast("pd.DataFrame", safe)


def with_formulas(text: str) -> str:
    """Give a text as it was before `without_formulas`."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text[1:]) else text


def _quoted(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if _FORMULA.match(text) else text


def cluster_table(
    pixels: np.ndarray, means: np.ndarray, pixel_size: PixelSize | None
) -> pd.DataFrame:
    """Table of clusters from dark to bright: area (of voxels volume), mean intensity, pixels."""
    import pandas as pd

    share = 100 * pixels / pixels.sum()
    last = len(pixels)
    rows: list[dict[str, Any]] = []
    for label, (count, mean, per_cent) in enumerate(zip(pixels, means, share, strict=True), 1):
        side = " (darkest)" if label == 1 < last else " (brightest)" if label == last > 1 else ""
        row = {"label": label, "name": f"cluster {label}{side}", "area_percent": float(per_cent)}
        if pixel_size is not None:
            row[pixel_size.extent_column] = int(count) * pixel_size.extent
        row |= {"mean_intensity": float(mean), "pixels": int(count)}
        rows.append(row)
    return pd.DataFrame(rows)


def excel_file(path: Path) -> Path:
    """Name the copy of a table for Excel."""
    return path.with_name(f"{path.stem}_excel{path.suffix}")
