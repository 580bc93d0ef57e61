"""Measures of the objects that an operation found, for the one table over many images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.layers import LabelsLayer
from ...core.progress import Steps
from ...core.result import Result
from ..operations import OPERATIONS
from ..run import execute

# operations whose labels are single objects, and whose table has their sizes alone
OBJECTS = ("particles", "watershed_split", "label_objects")

MEASURES = "region_table"


def with_measures(
    name: str, result: Result, images: Mapping[str, Any], spacing: Any, unit: str
) -> Steps[Result]:
    """Add the columns of `region_table` to the table of objects.

    Parameters
    ----------
    name : str
        Operation that found them, one of `OBJECTS`.
    result : Result
        Of the operation; its first layer is that of the objects.
    images : mapping
        Inputs of the operation by name. The first is measured if it is an image.
    spacing, unit : tuple and str
        Size of a pixel.

    Returns
    -------
    Result
        With the wider table: columns of `region_table`, then those that only the operation has.
        Where nothing was found, as it was. A lazy stack has no table of its own.
    """
    layer = result.layer()
    assert isinstance(layer, LabelsLayer)
    if not np.any(np.asarray(layer.data)):
        return result
    given: dict[str, Any] = {"labels": result}
    if OPERATIONS[name].takes == "image":
        given["intensity"] = next(iter(images.values()))
    found = yield from execute(MEASURES, given, spacing=spacing, unit=unit)
    measures = found.result.table
    if not result.tables:
        return replace(result, tables={layer.name: measures})
    key = next(iter(result.tables))
    own = result.tables[key]
    own = own[["label", *(one for one in own.columns if one not in measures.columns)]]
    return replace(result, tables={**result.tables, key: measures.merge(own, on="label")})
