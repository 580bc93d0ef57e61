"""What a batch finds before it begins: images, what of them is done, and what is in the way."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ....core.plain import absolute, printable
from ....core.units import counted
from ...files.paired import paired
from ...files.run_on_file import FileJob
from ..images import Image, Images, as_known, images_of, state_of
from ..job import about_of, channels_of, check_model, files_of
from ..keep.others import held, lost
from ..keep.own import check_folder, check_own, remove_former
from ..ledger import NAME, RESULTS, Ledger, entry_of
from ..work import is_whole

if TYPE_CHECKING:
    from ..run import Settings


class Before(NamedTuple):
    """What a batch would find.

    Parameters
    ----------
    images : int
        Number of images.
    done : int
        Of these, how many were done before.
    is_known : bool
        Whether the folder is that of the same batch.
    is_finished : bool
        Whether that one came to its end.
    """

    images: int
    done: int = 0
    is_known: bool = False
    is_finished: bool = False


def looked(images: Images, job: FileJob, settings: Settings) -> Before:
    """Find out what a batch would do, and refuse what it would refuse; nothing is written.

    Parameters
    ----------
    images, job, settings
        As of `batching`.

    Raises
    ------
    FileNotFoundError, ValueError, FileExistsError
        As `batching` does before its first image, unless another process writes there.
    """
    found = images_for(images, job, settings)
    if not (job.output / NAME).is_file():
        return Before(len(found))
    with opened(job, force=settings.force, is_looked_at=True) as ledger:
        keys = keys_of(ledger, found, job, settings)
        done = len(keys) - len(left(ledger, keys, job, settings))
        return Before(len(keys), done, bool(ledger.names), ledger.is_finished)


def key_in(file: Path) -> str:
    """Give the key of the batch whose ledger a file is; empty if it is none."""
    try:
        with file.open("rb") as stream:
            return str((entry_of(stream.readline()) or {}).get("key", ""))
    except OSError:
        return ""


def images_for(images: Images, job: FileJob, settings: Settings) -> list[Image]:
    """List the images, and insist that the folder of the results takes them.

    Raises
    ------
    FileNotFoundError, ValueError, FileExistsError
        As `batching`.
    """
    check_model(job)
    found = images_of(
        images, without=job.output / RESULTS, recursive=settings.recursive, stacks=settings.stacks,
        channels=channels_of(job),
    )  # fmt: skip
    expected = settings.target.expected(job)
    check_folder(job.output, expected, force=settings.force)
    if not (job.output / NAME).is_file():
        check_own(expected, {}, job.output, force=settings.force)
    # workers of a cluster, and a later run, may have another working directory
    return [one._replace(path=absolute(one.path)) for one in found]


def opened(job: FileJob, *, force: bool, is_looked_at: bool = False) -> Ledger:
    """Open the ledger of a batch.

    Raises
    ------
    FileExistsError
        As `Ledger`.
    """
    about = about_of(job)
    clear = functools.partial(remove_former, inputs=files_of(job))
    return Ledger(
        job.output / NAME, about, force=force, is_looked_at=is_looked_at, clear=clear,
        held=functools.partial(held, about), is_whole=is_whole,
    )  # fmt: skip


def keys_of(
    ledger: Ledger, found: Sequence[Image], job: FileJob, settings: Settings
) -> dict[str, Image]:
    """Images by what identifies them, with the names that they had before.

    Raises
    ------
    FileExistsError
        If an image would lose its rows in the tables, as of another folder with the same output.
    """
    keys = {_key(job, image): image for image in as_known(found, ledger.names)}
    places = {key: image.path for key, image in keys.items()}
    missing = lost(ledger, places) if settings.target.is_written else []
    if missing and not settings.force:
        raise FileExistsError(
            f"{settings.table or ledger.file.parent} holds results of "
            f"{counted(len(missing), 'other image')}, such as {printable(missing[0])}; choose "
            "another output, give all images at once, or begin anew with --force (force=True in "
            "Python)"
        )
    if missing:
        ledger.begin_anew()
    return keys


def left(
    ledger: Ledger, keys: Mapping[str, Image], job: FileJob, settings: Settings
) -> dict[str, Image]:
    """Images that are not done yet.

    Raises
    ------
    FileExistsError
        If there are some, and a file that will be written is not the batch's own.
    """
    todo = {key: image for key, image in keys.items() if key not in ledger}
    if todo:
        expected = settings.target.expected(job)
        check_own(expected, ledger.tables, job.output, force=settings.force)
    return todo


def _key(job: FileJob, image: Image) -> str:
    """What identifies an image, with those files of further inputs that are its own."""
    try:
        own = paired(job.further, image.name)
    # it is listed among the failures
    except (ValueError, OSError):
        return image.key
    parts = [
        f"{name}={file.name}|{state_of(file)}"
        for name, file in own.items()
        # the content of a single file is in the key of the batch
        if not job.further[name].is_file()
    ]
    return "|".join([image.key, *parts])
