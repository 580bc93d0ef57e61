"""What a worker does with one image of a batch, and what it sends back."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.files import to_disk
from ...core.memory import full, reuse_freed
from ...core.plain import plain, printable, reason_of
from ...core.result import Prediction, Result
from ..files.paired import paired
from ..files.run_on_file import FileJob, FileRun, run_on_file
from .images import Image, folder_of
from .keep.own import remove
from .ledger import RESULTS
from .pool import StoppedError, stoppable

if TYPE_CHECKING:
    import pandas as pd

# faults of one image, which the others do not suffer from
EXPECTED = (ValueError, OSError, RuntimeError, MemoryError, ImportError)

# the disk is full: the next image would fail as well
_FULL = {errno.ENOSPC, errno.EDQUOT}

# errors of network drives and of many processes, which pass: not of a file that is not there or
# damaged
_PASSING = {
    errno.EIO, errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ENFILE, errno.EMFILE,
    errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ENETDOWN,
    errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, getattr(errno, "ESTALE", errno.EIO),
}  # fmt: skip

# seconds before each further try
_PAUSES = (0.5, 2.0)

_GONE = "the folder of the results was moved or removed"


@dataclass(frozen=True)
class Report:
    """What became of an image, as plain values that travel and that JSON can hold.

    Parameters
    ----------
    problem : str
        Why it failed; empty where it did not.
    result, notes : str and list of str
        In words.
    tables : dict
        Columns of each table, by its name, the main one first.
    spacing, unit : list and str
        Pixel size that was used; None where there is none.
    files : list of str
        What was written, relative to the folder of the batch.
    seconds : float
        That it took.
    record : dict
        How the result was made.
    """

    problem: str = ""
    result: str = ""
    notes: list[str] = field(default_factory=list)
    tables: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    spacing: list[float] | None = None
    unit: str = ""
    files: list[str] = field(default_factory=list)
    seconds: float = 0.0
    record: dict[str, Any] = field(default_factory=dict)


# types of what the ledger has of a report
_TYPES: dict[str, Any] = {
    "name": str, "path": str, "problem": str, "result": str, "notes": list, "tables": dict,
    "spacing": list | None, "unit": str, "seconds": float | int, "files": list,
}  # fmt: skip


def is_whole(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a ledger is a report on an image, with all that tables take of it."""
    if not all(key in entry and isinstance(entry[key], kind) for key, kind in _TYPES.items()):
        return False
    return (
        all(isinstance(text, str) for text in (*entry["notes"], *entry["files"]))
        and all(isinstance(size, float | int) for size in entry["spacing"] or ())
        and all(map(_is_table, entry["tables"].values()))
    )


def _is_table(columns: Any) -> bool:
    """Whether all columns are lists of one length."""
    if not isinstance(columns, dict) or not all(isinstance(one, list) for one in columns.values()):
        return False
    return len(set(map(len, columns.values()))) < 2


def work(job: FileJob, image: Image, stop: Any = None, ledger: Path | None = None) -> Report:
    """Run the operation on one image.

    Parameters
    ----------
    job : FileJob
        What is done.
    image : Image
        The image.
    stop : Event, optional
        Tells to give up; a worker process has its own.
    ledger : Path, optional
        Of the batch. Where it is gone, as the folder was moved, nothing is written into a new one.

    Raises
    ------
    OSError
        If the disk is full; every other fault of the image is in the report.
    """
    start = time.perf_counter()
    reuse_freed()
    pauses = iter(_PAUSES)
    while True:
        if ledger is not None and not _is_there(ledger):
            return Report(_GONE)
        try:
            place = folder_of(image.name, job.output / RESULTS)
            further = paired(job.further, image.name)
            # what is there is of a run that ended before it could be written down
            own = replace(job, output=place, title=image.title, force=True, further=further)
            done = stoppable(run_on_file(own, image.path), stop)
            if ledger is not None and not _is_there(ledger):
                remove(done.files, ledger.parent.parent)
                return Report(_GONE)
            to_disk(done.files)
            return _report(done, job.output, time.perf_counter() - start)
        except StoppedError:
            raise
        except EXPECTED as error:
            codes = set(_codes(error))
            if codes & _FULL:
                raise
            pause = next(pauses, None) if codes & _PASSING else None
            if pause is None:
                text = reason_of(error, image.path) or type(error).__name__
                if isinstance(error, MemoryError):
                    text = full(error)
                return Report(printable(text), seconds=time.perf_counter() - start)
            time.sleep(pause)
        # a batch goes on: a bug counts as a failed image
        except Exception as error:  # noqa: BLE001
            text = f"{type(error).__name__}: {error} (a bug in visual-ccc: please report it)"
            return Report(printable(text), seconds=time.perf_counter() - start)


def _is_there(file: Path) -> bool:
    """Whether a file exists; a network drive may have kept in mind that it once did not."""
    with suppress(OSError):
        return file.exists() or file.name in os.listdir(file.parent)
    return False


def _codes(error: BaseException | None) -> Iterator[int]:
    """Numbers of the errors of the system behind an error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            yield error.errno
        error = error.__cause__ or error.__context__


def _report(done: FileRun, output: Path, seconds: float) -> Report:
    source = done.record.source
    return replace(
        report_of(done.result, done.notes, source.spacing, source.unit or "px"),
        files=[printable(file.relative_to(output).as_posix()) for file in done.files],
        seconds=round(seconds, 4),
        record=done.record.plain(),
    )


def report_of(result: Result, notes: Iterable[str], spacing: Any, unit: str) -> Report:
    """Say what became of an image, in plain values."""
    from ...report.summary import summary

    return Report(
        result=printable(summary(result)),
        notes=[printable(note) for note in dict.fromkeys(notes)],
        tables={name: columns_of(table) for name, table in tables_of(result).items()},
        spacing=None if spacing is None else [float(one) for one in spacing],
        unit=unit,
    )


def tables_of(result: Result) -> dict[str, pd.DataFrame]:
    """Tables of a result, the main one first; a prediction is one row."""
    import pandas as pd

    if isinstance(result, Prediction):
        return {"predictions": pd.DataFrame([result.row]), **result.tables}
    return dict(result.tables)


def columns_of(table: pd.DataFrame) -> dict[str, list[Any]]:
    """Columns of a table as plain values; what is not finite stays a number."""
    return {str(name): _values(table[name].to_numpy()) for name in table.columns}


def _values(column: np.ndarray) -> list[Any]:
    if column.dtype.kind in "biu":
        found: list[Any] = column.tolist()
        return found
    if column.dtype.kind == "f":
        # single precision is written as it prints, not with digits that it does not have
        short = column.dtype.itemsize < 8
        return [float(str(one)) for one in column] if short else column.tolist()
    return [one if isinstance(one, float) else plain(one) for one in column]
