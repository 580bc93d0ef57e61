"""Read points and shapes from the CSV files that napari and this package write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...core.layers import PointsLayer, ShapesLayer
from ...core.micrograph import Micrograph
from ..tables import numbers_in, read_text_table
from . import read

SUFFIX = ".csv"

# columns of the format itself; all others are features
_KEYS = ("index", "shape-type", "vertex-index")


def read_prompts(path: Path) -> PointsLayer | ShapesLayer | Micrograph:
    """Read the file of prompts: a CSV of points or shapes, or an image of labels.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is neither.
    """
    return read_coordinates(path) if path.suffix.lower() == SUFFIX else read(path)


def read_coordinates(path: Path) -> PointsLayer | ShapesLayer:
    """Read a layer of points or shapes.

    Parameters
    ----------
    path : Path
        CSV with the columns ``axis-0``, ``axis-1``, ... in pixels; shapes also have ``index``,
        ``shape-type`` and ``vertex-index``. Further columns become features.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is no table of points or shapes.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    table = numbers_in(read_text_table(path))
    axes = [name for name in table if str(name).startswith("axis-")]
    if len(axes) < 2:
        raise ValueError(f"{path}: no columns axis-0 and axis-1: not a file of points or shapes")
    try:
        places = table[axes].to_numpy(float)
    except ValueError:
        places = np.full((1, 1), np.nan)
    if not np.isfinite(places).all():
        raise ValueError(f"{path}: a position is not a number")
    features = table.drop(columns=[*axes, *(key for key in _KEYS if key in table)])
    if "shape-type" not in table:
        return PointsLayer(places, name=path.stem, features=_unless_empty(features))
    first = ~table["index"].duplicated()
    shapes = [places[table["index"] == one] for one in table["index"][first]]
    kinds = tuple(str(one) for one in table["shape-type"][first])
    features = features[first].reset_index(drop=True)
    return ShapesLayer(shapes, name=path.stem, kinds=kinds, features=_unless_empty(features))


def _unless_empty(features: Any) -> Any:
    return features if len(features.columns) else None
