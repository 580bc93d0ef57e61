"""Run an operation or a record on many images, from scripts, the command line and the form."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from ...core.plain import absolute
from ...core.process.interrupts import second_ends_at_once
from ...core.progress import Progress, Reporting, Steps, reporter, run, say
from ...core.result import Result
from ...core.settings import cores
from ...core.units import counted
from ...report.overlay import Overlay
from .. import cost
from ..files.run_on_file import FileJob
from ..record import Record
from .before.look import images_for, keys_of, left, opened
from .classified import is_for_crops, reports
from .forecast import bounded, need_of
from .images import Image, Images, of_same
from .job import absolute_job, prepared
from .keep.early import kept, reported
from .keep.own import foreign, listed, remove_superseded
from .ledger import RESULTS, Ledger
from .output import Target, write_record, write_tables
from .pool import PROCESSES, THREADS, Pool, StoppedError, check_scheduler, pool
from .queue import LOST, Done, each, is_lost
from .work import Report, work

# images for each worker that are at work or wait: they are paths, results are written by workers;
# more in a cluster, see cluster/executor.py
_AHEAD = 4

# images after which the time that is left is given
_ENOUGH = 5

# note while the jobs of all workers are queued, or have ended
WAITING = "images (waiting for a worker of the cluster)"

# what a batch can write of layers
Layers = Literal["ome-tiff", "ome-zarr", "ome-zarr-0.4", "imagej", "none"]


@dataclass(frozen=True)
class Settings:
    """How a batch is run, which changes none of its results.

    Parameters
    ----------
    scheduler : str or distributed.Client
        ``"threads"`` or ``"processes"`` of this machine, or a dask scheduler: its address, its
        file, or a client.
    workers : int
        Threads or processes at most; 0 takes one a core. Fewer where the forecast of memory says
        so. A cluster has its own number.
    tables : {'csv', 'parquet', 'none'}
        Format of the tables over all images; with 'none' the folder has the ledger alone.
    force : bool
        Begin anew where the folder holds another batch, whose files are removed; replace others.
    table : Path, optional
        File of the main table, .csv or .parquet, with its summaries beside it.
    recursive : bool
        Go into the folders in a folder.
    stacks : bool
        A folder is one image: its files are the slices of a stack.
    excel : bool
        Write a copy of each table for Excel, too.
    is_kept : bool
        Whether a later run can go on: the folder is not a temporary one.
    """

    scheduler: Any = THREADS
    workers: int = 0
    tables: Literal["csv", "parquet", "none"] = "csv"
    force: bool = False
    table: Path | None = None
    recursive: bool = True
    stacks: bool = False
    excel: bool = False
    is_kept: bool = True

    @property
    def target(self) -> Target:
        """Where the tables go."""
        ending = self.tables if self.table is None else self.table.suffix[1:].lower()
        return Target(ending, self.table, self.excel, self.force)


def batch(  # noqa: PLR0913
    images: Images,
    operation: str | Path | Record | Mapping[str, Any],
    output: str | Path,
    choices: Mapping[str, Any] | None = None,
    *,
    scheduler: Annotated[Any, {"label": "Run on", "more": True}] = THREADS,
    workers: Annotated[int, {"min": 0, "more": True}] = 0,
    layers: Annotated[Layers, {"label": "Save layers as"}] = "ome-tiff",
    tables: Annotated[Literal["csv", "parquet"], {"label": "Save tables as"}] = "csv",
    thumbnails: bool = True,
    overlays: Overlay = "none",
    further: Mapping[str, str | Path] | None = None,
    spacing: Annotated[Any, {"label": "Pixel size", "more": True}] = None,
    unit: str = "nm",
    keep_info_bar: Annotated[bool, {"more": True}] = False,
    force: Annotated[bool, {"label": "Begin anew", "more": True}] = False,
    report: Reporting = None,
) -> Result:
    """Run an operation, or a record, on many images.

    The folder of the results holds one tidy table over all images, its summary, the images with
    what became of them, and in ``results`` the layers of each. A ledger in it
    (``batch.jsonl``) is written image by image: the same call goes on after a crash, a kill or the
    walltime of a cluster, and images that are done, by name, size and time of change, are not done
    again. Those that failed are.

    Parameters
    ----------
    images : str or Path, or several
        A folder, with the folders in it; a table (.csv) with the column ``path``; a pattern such
        as ``session/*/*.tif``; images.
    operation : str, Path, Record or mapping
        Name in the catalogue; or a record, its YAML file, or a file that carries one: its steps
        are replayed on each image, with the info bar of the image.
    output : str or Path
        Folder for the results: a new or an empty one, or that of the same batch. Or the file of
        the one table, ``session.csv`` or ``session.parquet``: its summaries are written beside it,
        all else into the folder ``session_files``.
    choices : mapping, optional
        Parameters of the operation. Lengths may have a unit, ``"50 nm"``: without one they are in
        that of each image.
    scheduler : str or distributed.Client
        ``"threads"`` or ``"processes"`` of this machine; or a dask scheduler: an address such as
        ``"tcp://node1:8786"``, its file, or a client (extra ``[cluster]``). Its workers need the
        same paths. Scripts with processes need ``if __name__ == "__main__":``.
    workers : int
        Threads or processes at most; 0 takes one a core. Fewer where memory would not suffice for
        the largest image.
    layers : {'ome-tiff', 'ome-zarr', 'ome-zarr-0.4', 'imagej', 'none'}
        Format of the layers of each image.
    tables : {'csv', 'parquet'}
        Format of the tables.
    thumbnails : bool
        Write a picture of each layer, with a scale bar.
    overlays : {'none', 'filled', 'outlined'}
        Transparent pictures of labels to lay over the images.
    further : mapping, optional
        Files of further inputs by their name, the same for all images.
    spacing : float, (y, x) or (z, y, x), optional
        Pixel size instead of those of the files.
    unit : str
        Of `spacing`.
    keep_info_bar : bool
        Include the info bars.
    force : bool
        Begin anew where the folder holds another batch or other images: what that batch wrote is
        removed. Replace other files of the same names; those of other names stay.
    report : callable or True, optional
        Called with every `Progress`, whose ``note`` tells the time that is left; ``True`` prints
        it.

    Returns
    -------
    Result
        Tables ``images`` (one row an image, with ``problem``), the main table under the name of
        the operation (first column ``image``), further ones, and ``summary``. ``facts``:
        numbers of images that are ``done``, done ``before`` and ``failed``, and the ``output``.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no image, a choice is wrong, or the operation needs what a batch cannot give.
    FileExistsError
        If the folder holds something else, a file that would be replaced is not the batch's own, or
        another batch is writing into it.
    OSError
        If the disk is full, or the folder was moved during the run; the batch goes on where it
        ended.
    KeyboardInterrupt
        After Ctrl-C, when the tables of what is done are written; SIGTERM, as at the walltime of a
        cluster, then ends the process.
    """
    chosen = {
        "scheduler": scheduler, "workers": workers, "layers": layers, "tables": tables,
        "thumbnails": thumbnails, "overlays": overlays, "further": further, "spacing": spacing,
        "unit": unit, "keep_info_bar": keep_info_bar, "force": force,
    }  # fmt: skip
    job, how = prepared(operation, output, choices, chosen)
    with second_ends_at_once():
        result: Result = run(batching(images, job, Settings(**how)), reporter(report, "batch"))
    return result


def _unsaid(_: str) -> None:
    """Say nothing."""


def batching(
    images: Images, job: FileJob, settings: Settings, closed: Callable[[str], object] = _unsaid
) -> Steps[Result]:
    """Run a batch as a generator, for the viewer and the command line: see `batch`.

    Parameters
    ----------
    images : str or Path, or several
        As in `batch`.
    job : FileJob
        From `make_job`.
    settings : Settings
        How it is run.
    closed : callable
        Called when the generator is closed at work, with what is done: "3 of 9 images are done and
        in the tables".
    """
    check_scheduler(settings.scheduler)
    if settings.workers < 0:
        raise ValueError(f"workers is {settings.workers}; choose 1 or more, or 0 for one a core")
    found = images_for(images, job, settings)
    with opened(job, force=settings.force) as ledger:
        yield Progress(0, len(found), "files")
        keys = keys_of(ledger, found, job, settings)
        with reported(lambda: ledger.count(keys), len(keys), is_kept=settings.is_kept):
            result = yield from _completed(ledger, keys, job, settings, closed)
        return replace(result, notes=(*result.notes, *of_same(found)))


def _completed(
    ledger: Ledger,
    keys: Mapping[str, Image],
    job: FileJob,
    settings: Settings,
    closed: Callable[[str], object],
) -> Steps[Result]:
    """Do what is left, and write the tables."""
    expected, target = settings.target.expected(job), settings.target
    todo = left(ledger, keys, job, settings)
    before, notes = len(keys) - len(todo), list[str]()
    write = functools.partial(write_tables, ledger, keys, job, before, target)
    keep = write if target.is_written else None
    if todo:
        if others := foreign(expected, ledger.tables, job.output):
            say(f"visual-ccc: --force replaces {listed(others)}, as far as this batch writes them")
        yield Progress(before, len(keys), "forecast")
        need, workers = need_of(job, list(todo.values())), settings.workers or cores.workers()
        together = is_for_crops(job, settings.scheduler)
        if together:
            # they read, and the network runs once
            need = replace(need, devices=())
        if settings.scheduler in (THREADS, PROCESSES):
            workers = bounded(min(workers, len(todo)), need)
        with (
            pool(settings.scheduler, workers, need) as made,
            # the tables do not wait for the workers to end
            kept(made.give_up, keep, lambda: ledger.count(keys), len(keys), closed),
        ):
            found = _reports(list(todo.values()), job, ledger, made, together=together)
            yield from _through(found, todo, before, job, ledger, made)
        notes = made.notes
    result = write()
    gone = [one for key, one in keys.items() if ledger.is_done(key) and key not in ledger]
    if gone:
        raise FileNotFoundError(
            f"results of {counted(len(gone), 'image')}, such as {gone[0].name}, were removed "
            f"from {job.output / RESULTS} during the run; the same command makes them again"
        )
    ledger.finish()
    return replace(result, notes=(*result.notes, *notes))


def _through(
    answers: Iterator[tuple[int, Report] | Progress | None],
    todo: Mapping[str, Image],
    before: int,
    job: FileJob,
    ledger: Ledger,
    made: Pool,
) -> Steps[None]:
    """Go through the images that are left, and write down each."""
    keys, total, failed, count = list(todo), before + len(todo), 0, 0
    start, is_recorded = time.monotonic(), False
    for one in answers:
        ledger.check()
        if isinstance(one, tuple):
            key, found = keys[one[0]], one[1]
            if found.record and not is_recorded:
                write_record(job, found.record, ledger)
                is_recorded = True
            image = {"name": todo[key].name, "path": str(todo[key].path)}
            former = ledger.add(key, {**image, **asdict(replace(found, record={}))})
            remove_superseded(former, job.output)
            count += 1
            failed += bool(found.problem)
        left = (len(todo) - count) * (time.monotonic() - start) / max(count, 1)
        note = _note(count, left, failed) if made.count() else WAITING
        yield Progress(before + count, total, note)


def _reports(
    images: list[Image], job: FileJob, ledger: Ledger, made: Pool, *, together: bool
) -> Iterator[tuple[int, Report] | Progress | None]:
    """Yield the number of each image with what became of it, and others in between."""
    stop, own = made.stop if made.shared else None, absolute_job(job)
    function = functools.partial(work, own, stop=stop, ledger=absolute(ledger.file))
    if together:
        yield from reports(own, images, made, function)
        return
    for one in each(made, function, images, _AHEAD):
        yield None if one is None else (one.number, _answer(one))


def _answer(one: Done[Report]) -> Report:
    """What a worker sent back; that its process ended is a fault of the image."""
    try:
        return one.answer()
    except StoppedError:
        raise RuntimeError("the batch was stopped") from None
    except OSError:
        # the disk is full, or a scheduler is gone: no fault of the image
        raise
    except Exception as error:
        if not is_lost(error):
            raise
        return Report(LOST)


def _note(count: int, left: float, failed: int) -> str:
    parts = [f"{failed} failed"] if failed else []
    if count >= _ENOUGH:
        parts.append(f"{cost.duration(left)} left")
    return f"images ({', '.join(parts)})" if parts else "images"
