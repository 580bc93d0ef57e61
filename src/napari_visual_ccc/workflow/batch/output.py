"""What a batch writes beside the results of its images: tables, summary, record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...core.files import write_table, write_text
from ...core.result import Result
from ..files.run_on_file import FileJob
from ..recipe import to_yaml
from ..save import file_stem
from .images import Image
from .ledger import Ledger
from .tables import IMAGE, MAIN, joined, summary

if TYPE_CHECKING:
    import pandas as pd

# tables that a batch has of its own
IMAGES, FAILURES, SUMMARY = "images", "failures", "summary"

_COLUMNS = (
    IMAGE, "problem", "result", "rows", "notes", "pixel_size", "unit", "seconds", "path"
)  # fmt: skip

# failed images that the notes name
_NAMED = 10


def write_tables(
    ledger: Ledger, keys: Mapping[str, Image], job: FileJob, before: int, ending: str = "csv"
) -> Result:
    """Write the tables of all images that the ledger has, and return them.

    Parameters
    ----------
    ledger : Ledger
        Of the batch.
    keys : mapping
        Images by their key, in their order.
    job : FileJob
        What was done.
    before : int
        Number of images that were done before this run.
    ending : {'csv', 'parquet'}
        Format of the tables.

    Returns
    -------
    Result
        As from `batch`.
    """
    images = _images(ledger, keys)
    failed = images[images["problem"] != ""][[IMAGE, "problem", "path"]]
    done = (entry for entry in ledger.entries(keys) if not entry["problem"])
    tables = {IMAGES: images}
    for name, table in joined(done).items():
        tables[job.name if name == MAIN else f"{job.name} {name}"] = table
    if job.name in tables:
        tables[SUMMARY] = summary(tables[job.name])
    tables[FAILURES] = failed.reset_index(drop=True)
    for name, table in tables.items():
        path = job.output / f"{file_stem(name)}.{ending}"
        if name == FAILURES and not len(table):
            path.unlink(missing_ok=True)
        else:
            write_table(table, path, force=True)
    facts = {
        "done": len(images) - len(failed) - before, "before": before, "failed": len(failed),
        "output": str(job.output),
    }  # fmt: skip
    return Result(tables=tables, facts=facts, notes=_notes(facts, failed, len(keys)))


def _images(ledger: Ledger, keys: Mapping[str, Image]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (
            entry["name"], entry["problem"], entry["result"], _rows(entry["tables"]),
            "; ".join(entry["notes"]),
            entry["spacing"][-1] if entry["spacing"] else None,
            entry["unit"] if entry["spacing"] else "", entry["seconds"], entry["path"],
        )
        for entry in ledger.entries(keys)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"pixel_size": float})


def _rows(tables: Mapping[str, Mapping[str, list[Any]]]) -> int:
    """Number of rows that an image has in the main table."""
    main: Mapping[str, list[Any]] = next(iter(tables.values()), {})
    return max(map(len, main.values()), default=0)


def _notes(facts: Mapping[str, Any], failed: pd.DataFrame, total: int) -> tuple[str, ...]:
    done = facts["done"] + facts["before"]
    notes = [f"{done} of {total} images done"]
    if facts["before"]:
        notes[0] += f" ({facts['before']} of them before)"
    notes.append(f"results are in {facts['output']}")
    rows = failed.head(_NAMED).itertuples(index=False)
    notes += [f"{row.image}: {row.problem}" for row in rows]
    if len(failed) > _NAMED:
        notes.append(f"and {len(failed) - _NAMED} more: see {FAILURES}")
    return tuple(notes)


def write_record(job: FileJob, record: Mapping[str, Any]) -> None:
    """Write the record of the first image, to replay on others.

    It names the steps; the pixel size and the info bar are those of that image.
    """
    write_text(to_yaml(record), job.output / "batch.yaml", force=True)
