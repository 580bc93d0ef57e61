"""What a batch writes beside the results of its images: tables, summary, record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.files import write_table, write_text
from ...core.plain import printable
from ...core.result import Result
from ...core.units import counted
from ..files.run_on_file import FileJob
from ..recipe import to_yaml
from ..save import file_stem
from ..upgrade import lengths_of
from .images import Image
from .ledger import Ledger
from .tables import IMAGE, MAIN, joined, summary, summary_by_image

if TYPE_CHECKING:
    import pandas as pd

# tables that a batch has of its own
IMAGES, FAILURES, SUMMARY, BY_IMAGE = "images", "failures", "summary", "summary by image"

# the table of an output ends as one of these
TABLES = (".csv", ".parquet")

# end of the folder of what belongs to a table
FILES = "_files"

_COLUMNS = (
    IMAGE, "problem", "result", "rows", "notes", "pixel_size", "unit", "seconds", "path"
)  # fmt: skip

# failed images that the notes name
_NAMED = 10


def place_of(output: Path) -> tuple[Path, Path | None]:
    """Folder of a batch, and the file of its table where that was named: x_files, x.csv."""
    if output.suffix.lower() not in TABLES:
        return output, None
    return output.with_name(output.stem + FILES), output


def write_tables(
    ledger: Ledger,
    keys: Mapping[str, Image],
    job: FileJob,
    before: int,
    ending: str = "csv",
    main: Path | None = None,
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
    main : Path, optional
        Of the main table; its summaries lie beside it.

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
        names = images.loc[images["problem"] == "", IMAGE]
        tables[BY_IMAGE] = summary_by_image(tables[job.name], names)
    tables[FAILURES] = failed.reset_index(drop=True)
    for name, table in tables.items():
        path = file_of(name, job, ending, main)
        if name == FAILURES and not len(table):
            path.unlink(missing_ok=True)
        else:
            write_table(table, path, force=True)
    facts = {
        "done": len(images) - len(failed) - before, "before": before, "failed": len(failed),
        "output": str(job.output),
    }  # fmt: skip
    there = main if main is not None and job.name in tables else None
    notes = (*_notes(facts, failed, len(keys), there), *_unlike_lengths(job, images))
    if ledger.damaged:
        notes = (*notes, f"{ledger.file}: {counted(ledger.damaged, 'damaged line')} left out")
    return Result(tables=tables, facts=facts, notes=notes)


def file_of(name: str, job: FileJob, ending: str, main: Path | None) -> Path:
    """File of a table: the main one and its summaries are beside each other."""
    if main is not None and name in (job.name, SUMMARY, BY_IMAGE):
        end = "" if name == job.name else f"_{file_stem(name)}"
        return main.with_name(f"{main.stem}{end}{main.suffix}")
    return job.output / f"{file_stem(name)}.{ending}"


def _images(ledger: Ledger, keys: Mapping[str, Image]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (
            entry["name"], entry["problem"], entry["result"], _rows(entry["tables"]),
            "; ".join(entry["notes"]),
            entry["spacing"][-1] if entry["spacing"] else None,
            entry["unit"] if entry["spacing"] else "", entry["seconds"], printable(entry["path"]),
        )
        for entry in ledger.entries(keys)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"pixel_size": float})


def _rows(tables: Mapping[str, Mapping[str, list[Any]]]) -> int:
    """Number of rows that an image has in the main table."""
    main: Mapping[str, list[Any]] = next(iter(tables.values()), {})
    return max(map(len, main.values()), default=0)


def _notes(
    facts: Mapping[str, Any], failed: pd.DataFrame, total: int, main: Path | None
) -> tuple[str, ...]:
    done = facts["done"] + facts["before"]
    notes = [f"{done} of {counted(total, 'image')} done"]
    if facts["before"]:
        notes[0] += f" ({facts['before']} of them before)"
    if main is None:
        notes.append(f"results are in {facts['output']}")
    else:
        notes.append(f"the table is {main}, with summaries beside it; more is in {facts['output']}")
    rows = failed.head(_NAMED).itertuples(index=False)
    notes += [f"{row.image}: {row.problem}" for row in rows]
    if len(failed) > _NAMED:
        notes.append(f"and {len(failed) - _NAMED} more: see {FAILURES}")
    return tuple(notes)


def _unlike_lengths(job: FileJob, images: pd.DataFrame) -> tuple[str, ...]:
    """Say that one number was another length in some images, as their units differ."""
    done = images[images["problem"] == ""]
    units = Counter(done["unit"].replace("", "px"))
    found = [] if job.lengths or job.record is not None else lengths_of(job.name, job.parameters)
    if len(units) < 2 or not found:
        return ()
    given = " and ".join(f"{key} ({job.parameters[key]:g})" for key in found)
    each = ", ".join(f"{unit} in {counted(count, 'image')}" for unit, count in units.most_common())
    example = f"'{job.parameters[found[0]]:g} {units.most_common(1)[0][0]}'"
    return (
        f"{given} {'is' if len(found) == 1 else 'are'} in the unit of each image: {each}; "
        f"{example} is one length in all",
    )


def write_record(job: FileJob, record: Mapping[str, Any]) -> None:
    """Write the record of the first image, to replay on others.

    It names the steps; the pixel size and the info bar are those of that image.
    """
    write_text(to_yaml(record), job.output / "batch.yaml", force=True)
