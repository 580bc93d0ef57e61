"""What a table of enrichment shows, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 0.05

# regions that a sentence names
_NAMED = 3


def findings(table: pd.DataFrame, target: str) -> tuple[str, ...]:
    """Say which regions have more or less evidence than chance would give.

    Parameters
    ----------
    table : DataFrame
        From `concordance`.
    target : str
        Explained class; may be empty.
    """
    evidence = f"the evidence for {target}" if target else "the evidence"
    above = enriched(table)
    below = table[(table["p_corrected"] < SIGNIFICANT) & (table["enrichment"] < 1)][::-1]
    if above.empty and below.empty:
        least = _p(table["p_corrected"].min())
        return (
            f"no region differs from chance (smallest {least}): {evidence} cannot be ascribed to "
            "any of them",
        )
    texts = []
    if not above.empty:
        texts.append(f"{evidence} lies on {_listed(above)}")
    if not below.empty:
        texts.append(f"{evidence} avoids {_listed(below)}")
    return tuple(texts)


def enriched(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with significantly more evidence than their area, the most enriched first."""
    return table[(table["p_corrected"] < SIGNIFICANT) & (table["enrichment"] > 1)]


def _listed(rows: pd.DataFrame) -> str:
    texts = [
        f"{row['name']} ({row['enrichment']:.2g} times its share of the area, "
        f"{_p(row['p_corrected'])})"
        for row in rows.head(_NAMED).to_dict("records")
    ]
    more = len(rows) - _NAMED
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")


def _p(value: Any) -> str:
    """Write a p value; a small one as a bound, since the test is approximate."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
