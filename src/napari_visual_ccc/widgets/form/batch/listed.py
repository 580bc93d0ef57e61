"""The table that a form lists after a run on many images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ....workflow.batch.output import BY_IMAGE, FAILURES, IMAGES
from ....workflow.batch.tables import IMAGE

if TYPE_CHECKING:
    import pandas as pd


def listed(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Choose what was measured in each image; those that failed follow with their problem.

    Where nothing was measured, it is the list of the images, without what is the same for all.

    Parameters
    ----------
    tables : mapping of DataFrame
        As from `ccc.batch`.
    """
    import pandas as pd

    failed, measured = tables[FAILURES], tables.get(BY_IMAGE)
    if measured is None or measured.empty:
        images = tables[IMAGES]
        same = images["result"].nunique() == 1
        idle = [name for name, no in (("problem", failed.empty), ("result", same)) if no]
        return images.drop(columns=idle)
    if failed.empty:
        return measured
    table = pd.concat([measured, failed[[IMAGE, "problem"]]], ignore_index=True)
    texts = ["measure", "unit", "problem"]
    table[texts] = table[texts].fillna("")
    table.insert(1, "problem", table.pop("problem"))
    return table
