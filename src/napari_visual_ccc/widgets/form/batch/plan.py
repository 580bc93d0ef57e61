"""What a run on many images would do: found out before it begins, on a thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ....core.progress import Progress, Steps
from ....core.result import Result
from ....core.units import counted
from ....workflow.batch.before.look import Before, key_in, looked
from ....workflow.batch.job import key_of, prepared, title_of
from ....workflow.batch.ledger import NAME
from ....workflow.batch.run import Settings, batching
from ....workflow.files.run_on_file import FileJob
from ....workflow.operations import OPERATIONS
from ....workflow.upgrade import lengths_of


@dataclass(frozen=True)
class Wish:
    """What was chosen.

    Parameters
    ----------
    images : str
        A folder, a table, a pattern or an image.
    operation : str, Path or mapping
        Name in the catalogue, or a record.
    choices : mapping, optional
        Parameters of the operation; None of a record.
    output : str
        Folder or table of the results; empty for a folder beside the images.
    chosen : mapping
        Further parameters of `ccc.batch` by name.
    lengths : str
        Unit that lengths among the choices were typed in; empty for that of each image.
    unused : tuple of str
        Layers of the form that play no part.
    """

    images: str
    operation: Any
    choices: Mapping[str, Any] | None
    output: str
    chosen: Mapping[str, Any]
    lengths: str = ""
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Parameters
    ----------
    images : str
        As in the wish.
    job : FileJob
        What is done with each image, and the folder of the results.
    settings : Settings
        How it is run.
    about : str
        What a person should know before.
    unused : tuple of str
        As in the wish.
    """

    images: str
    job: FileJob
    settings: Settings
    about: str
    unused: tuple[str, ...]

    @property
    def title(self) -> str:
        """What the bar says."""
        return f"{OPERATIONS[self.job.name].title}: {self.place}"

    @property
    def place(self) -> str:
        """Name of the folder, table or pattern of the images."""
        return Path(self.images).name

    @property
    def output(self) -> Path:
        """Folder of the results, or their table."""
        return self.settings.table or self.job.output

    def steps(self, closed: Callable[[str], object] = lambda _: None) -> Steps[Result]:
        """Run it; what is done is said where it is cancelled, see `batching`."""
        return batching(self.images, self.job, self.settings, closed)


def planned(wish: Wish) -> Steps[Plan]:
    """Look at the images and the folder of the results; nothing is written.

    Raises
    ------
    ValueError, FileNotFoundError, FileExistsError
        If there is no image, a choice is wrong, or the batch would refuse the folder.
    """
    yield Progress(0, 0, "images")
    beside = place_beside(wish.images)
    job, how = prepared(wish.operation, wish.output or beside, wish.choices, wish.chosen)
    settings = Settings(**how)
    # files may have another unit than the layer that lengths were typed for
    if wish.lengths and job.record is None and lengths_of(job.name, job.parameters):
        job = replace(job, lengths=wish.lengths)
    passed = ""
    if wish.output:
        found = looked(wish.images, job, settings)
    else:
        first = beside.with_name(f"{beside.name}_{job.name}")
        job, found, passed = _placed(replace(job, output=first), wish.images, settings)
    notes = [counted(found.images, "image"), *([passed] if passed else [])]
    if job.record is not None:
        notes.append(f"steps: {title_of(job)}")
    if found.is_known:
        notes.append(_going_on(found))
    if _is_inside(settings.table or job.output, Path(wish.images)):
        notes.append("the results lie in the folder of the images")
    about = "; ".join(notes)
    return Plan(wish.images, job, settings, about, wish.unused)


def place_beside(images: str) -> Path:
    """Path that the name of a folder beside the images begins with: theirs, without an ending.

    Of a pattern, it is the folder before its first wildcard.
    """
    path = Path(images).absolute()
    there = next((one for one in (path, *path.parents) if one.exists()), path)
    place = there.with_suffix("") if there.is_file() else there
    # a drive has nothing beside it
    return place if place.name else place / "images"


def _placed(job: FileJob, images: str, settings: Settings) -> tuple[FileJob, Before, str]:
    """Take the folder of the same batch, unless it begins anew or cannot go on; else a new one.

    The text says why the same batch cannot go on in its folder, where that is so.
    """
    key, first, number, passed = key_of(job), job.output, 1, ""
    while job.output.exists():
        if not settings.force and key_in(job.output / NAME) == key:
            try:
                return job, looked(images, job, settings), passed
            # of other images, say, or with a table that was edited
            except FileExistsError as error:
                reason = str(error).partition(";")[0].replace(f"{job.output}{os.sep}", "")
                passed = f"not in {job.output.name}: {reason.removeprefix(f'{job.output} ')}"
        number += 1
        job = replace(job, output=first.with_name(f"{first.name}_{number}"))
    return job, looked(images, job, settings), passed


def _going_on(found: Before) -> str:
    """Say how much of a batch is done, and what it goes on with."""
    before = "the run before" if found.is_finished else "the run that was stopped"
    todo = found.images - found.done
    share = f"{found.done} done before, {todo} to do" if todo else "all done before"
    return f"goes on with {before}: {share}"


def _is_inside(output: Path, images: Path) -> bool:
    return images.is_dir() and output.resolve().is_relative_to(images.resolve())
