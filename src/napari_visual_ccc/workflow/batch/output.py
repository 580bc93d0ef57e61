"""What a batch writes beside the results of its images: tables, summary, record."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.files import copy_for_excel, sha256, write_table, write_text
from ...core.plain import printable
from ...core.result import Result
from ...core.tables import excel_file
from ...core.units import are, counted
from ..files.run_on_file import FileJob
from ..recipe import to_yaml
from ..save import file_stem
from ..upgrade import lengths_of
from .images import Image
from .keep.others import others
from .keep.own import FILES, check_own, foreign, named
from .ledger import RESULTS, Ledger
from .tables import IMAGE, MAIN, joined, summary, summary_by_image

if TYPE_CHECKING:
    import pandas as pd

# tables that a batch has of its own
IMAGES, FAILURES, SUMMARY, BY_IMAGE = "images", "failures", "summary", "summary by image"

# the record of a batch
RECORD = "batch.yaml"

# the table of an output ends as one of these
TABLES = (".csv", ".parquet")

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


@dataclass(frozen=True)
class Target:
    """Where the tables go.

    Parameters
    ----------
    ending : {'csv', 'parquet', 'none'}
        Format of the tables.
    main : Path, optional
        Of the main table; its summaries lie beside it.
    excel : bool
        Write a copy of each for Excel, too.
    force : bool
        Replace files of the same names that are not the batch's own.
    """

    ending: str = "csv"
    main: Path | None = None
    excel: bool = False
    force: bool = False

    @property
    def is_written(self) -> bool:
        """Whether there are any."""
        return self.ending != "none"

    def files(self, names: Iterable[str], job: FileJob) -> list[Path]:
        """Files of tables, with their copies for Excel."""
        found = [file_of(name, job, self.ending, self.main) for name in names]
        copied = [one for one in found if self.excel and one.suffix.lower() == ".csv"]
        return [*found, *map(excel_file, copied)]

    def expected(self, job: FileJob) -> list[Path]:
        """Files that are known before the first image is read."""
        if not self.is_written:
            return []
        tables = self.files((job.name, SUMMARY, BY_IMAGE, IMAGES, FAILURES), job)
        return [*tables, job.output / RECORD]


def write_tables(
    ledger: Ledger, keys: Mapping[str, Image], job: FileJob, before: int, target: Target = Target()
) -> Result:
    """Write the tables of all images that the ledger has, and return them.

    Files are left as they are where nothing was computed and they are there.

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
    target : Target
        Where the tables go.

    Returns
    -------
    Result
        As from `batch`.

    Raises
    ------
    FileExistsError
        If a file is there that is not the batch's own.
    FileNotFoundError
        If the ledger is gone.
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
    facts = {
        "done": len(images) - len(failed) - before, "before": before, "failed": len(failed),
        "output": str(job.output),
    }  # fmt: skip
    new = _write(tables, ledger, job, target, _hash(images), computed=before < len(keys))
    there = target.main if target.main is not None and job.name in tables else None
    notes: tuple[str, ...] = ()
    if target.is_written:
        notes = (*_notes(facts, failed, len(keys), there), *_unlike_lengths(job, images))
        notes = (*notes, *_left_out(ledger, keys))
    if not new:
        notes = (*notes, "nothing was computed: the tables are left as they are")
    if ledger.damaged:
        notes = (*notes, f"{ledger.file}: {counted(ledger.damaged, 'damaged line')} left out")
    return Result(tables=tables, facts=facts, notes=notes)


def _write(
    tables: Mapping[str, pd.DataFrame], ledger: Ledger, job: FileJob, target: Target, of: str,
    *, computed: bool,
) -> bool:  # fmt: skip
    """Write the tables, unless there are to be none or they are there already."""
    if not target.is_written:
        return True
    written = {name: table for name, table in tables.items() if name != FAILURES or len(table)}
    paths, folder = target.files(written, job), job.output
    known = ledger.tables
    are_there = all(path.exists() and named(path, folder) in known for path in paths)
    if are_there and not computed and of == ledger.tables_of:
        return False
    check_own(paths, known, folder, force=target.force)
    # a process that is killed from here on has written these
    ledger.note_tables({named(path, folder): "" for path in paths}, "")
    for table, path in zip(written.values(), paths, strict=False):
        write_table(table, path, force=True)
        if excel_file(path) in paths:
            copy_for_excel(path, force=True)
    former = target.files([FAILURES], job) if FAILURES not in written else []
    for path in set(former).difference(foreign(former, known, folder)):
        path.unlink(missing_ok=True)
    ledger.note_tables({named(path, folder): sha256(path) for path in paths}, of)
    return True


def _hash(images: pd.DataFrame) -> str:
    """What tells the images of tables, and what became of them, from others."""
    rows = images[[IMAGE, "path", "problem"]].to_csv(index=False)
    return hashlib.sha256(rows.encode()).hexdigest()


def _left_out(ledger: Ledger, keys: Mapping[str, Image]) -> tuple[str, ...]:
    """Say which images were done before and are no longer given: their rows are in no table."""
    left = others(ledger, {key: image.path for key, image in keys.items()})
    if not left:
        return ()
    count, first = len(left), next(iter(left))
    also = ", such as" if count > 1 else ":"
    text = (
        f"{counted(count, 'image')} done before {are(count)} no longer in the input and not in the "
        f"tables{also} {printable(first)}"
    )
    if ledger.has_files(left, keys):
        text += f"; results of {'it' if count == 1 else 'them'} are still in {RESULTS}"
    return (text,)


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


def write_record(job: FileJob, record: Mapping[str, Any], ledger: Ledger) -> None:
    """Write the record of the first image, to replay on others.

    It names the steps; the pixel size and the info bar are those of that image.
    """
    ledger.note_tables({RECORD: ""}, "")
    write_text(to_yaml(record), job.output / RECORD, force=True)
    ledger.note_tables({RECORD: sha256(job.output / RECORD)}, "")
