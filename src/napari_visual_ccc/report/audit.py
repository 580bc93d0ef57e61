"""Page on labelled images before a training: counts, formats, pictures, problems."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ..core.files import written
from ..core.result import Audit
from .figures import png
from .pages import render
from .plots import draw_pictures

# rows of a table in the page; the CSV files have all
_MOST_ROWS = 200

_TABLES = {
    "classes": "Classes",
    "formats": "Formats and sizes",
    "duplicates": "Near-duplicates",
    "skipped": "Files that cannot be used",
    "properties": "Classes by properties of the files alone",
}


def write_audit(audit: Audit, path: Path, *, title: str, force: bool = False) -> None:
    """Write what was found as one HTML page that needs no other file.

    Parameters
    ----------
    audit : Audit
        From `audit_dataset`.
    path : Path
        Page to write.
    title : str
        Name of the data set.
    force : bool
        Replace a file that exists.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    page = render(
        "audit",
        title=title,
        notes=audit.notes or ("no problems",),
        picture=_pictures(audit),
        tables=[_table(heading, audit.tables[name]) for name, heading in _TABLES.items()],
    )
    with written(path, force=force) as part:
        part.write_text(page, "utf-8", "backslashreplace")


def _pictures(audit: Audit) -> str:
    """PNG of some pictures of every class, in base64; empty without pictures."""
    from matplotlib.figure import Figure

    columns = max((len(some) for some in audit.pictures.values()), default=0)
    if not columns:
        return ""
    size = (1.6 + 1.1 * columns, 0.4 + 1.1 * len(audit.pictures))
    figure = Figure(figsize=size, dpi=110, facecolor="white", layout="constrained")
    draw_pictures(figure.subplots(), audit)
    return base64.b64encode(png(figure)).decode()


def _table(heading: str, table: Any) -> dict[str, Any]:
    rows = [[_cell(cell) for cell in row] for row in table.head(_MOST_ROWS).to_numpy().tolist()]
    head = [str(name).replace("_", " ") for name in table.columns]
    more = f"{len(table)} in all; the first {_MOST_ROWS}:" if len(table) > _MOST_ROWS else ""
    return {"heading": heading, "head": head, "rows": rows, "more": more}


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
