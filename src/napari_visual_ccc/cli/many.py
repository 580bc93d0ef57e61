"""Many images by one command: a folder, a pattern, or a table that is named as the output."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ..core.process.interrupts import second_ends_at_once
from ..core.progress import run
from ..core.units import are, counted
from ..workflow import signature
from . import terminal
from .terminal import FAILED, OK

AGAIN = "The same command goes on where it ended; images that are done are not done again."

IMAGES = (
    "a folder, with the folders in it; a table (.csv) with the column path; images; or a pattern "
    "in quotes, such as 'session/*/*.tif'"
)


def shared() -> list[click.Parameter]:
    """Options of `batch` and of every command that takes a folder."""
    return [
        click.Option(
            ["workers", "--jobs", "--workers"], type=click.IntRange(0), default=0, metavar="N",
            help="Of many images: so many at once, at most; fewer where memory would not suffice "
            "(default: one a core)",
        ),
        click.Option(
            ["--recursive/--no-recursive"], default=True,
            help="Go into the folders in a folder (default: yes)",
        ),
    ]  # fmt: skip


def options() -> list[click.Parameter]:
    """Options of a command that takes a folder, beside those of every operation."""
    return [
        *shared(),
        click.Option(
            ["--as-stack"], is_flag=True,
            help="A folder is one stack, its files are the slices; by default they are images that "
            "are taken one by one.",
        ),
    ]  # fmt: skip


def are_many(images: Sequence[Path], values: Mapping[str, Any]) -> bool:
    """Whether images go into one table: a folder or pattern is given, or a table is the output."""
    from ..workflow.batch.output import place_of
    from ..workflow.files.paired import is_folder

    if place_of(values["output"])[1] is not None:
        return True
    if values["as_stack"]:
        return False
    return any(is_folder(one) or (glob.has_magic(str(one)) and not one.exists()) for one in images)


def through(
    name: str | None,
    word: str,
    images: Sequence[Path],
    spacing: tuple[tuple[float, ...] | None, str],
    values: dict[str, Any],
) -> int:
    """Run an operation, or a record, on many images.

    Parameters
    ----------
    name : str, optional
        Of the operation; None for a record.
    word : str
        What was typed: the operation, or the file of the record.
    images : sequence of Path
        Folders, tables, patterns, images.
    spacing : tuple
        Pixel size and its unit.
    values : mapping
        Of the command.
    """
    from ..workflow.batch.job import make_job
    from ..workflow.batch.output import FAILURES, place_of
    from ..workflow.batch.run import Settings, batching
    from ..workflow.save import Formats

    keys = [] if name is None else signature.inputs(name)[1:]
    further = {key: values[f"input_{key}"] for key in keys}
    folder, table = place_of(values["output"])
    layers: Any = values["format"] or ("ome-tiff" if table is None else "none")
    figures: Any = values["figures"] or ("png" if table is None else "none")
    job = make_job(
        word if name is None else name,
        None if name is None else terminal.choices(name, values),
        folder,
        further={key: file for key, file in further.items() if file is not None},
        spacing=spacing[0],
        unit=spacing[1],
        keep_info_bar=values["keep_info_bar"],
        formats=Formats(layers, "none", figures, values["overlays"]),
    )
    _say(images, values)
    settings = Settings(
        values.get("scheduler", "threads"), values["workers"], values["tables"], values["force"],
        table, values["recursive"], values.get("as_stack", False), values["excel"],
    )  # fmt: skip
    given = [str(image) for image in images]
    with second_ends_at_once():
        steps = batching(given[0] if len(given) == 1 else given, job, settings)
        result = run(steps, terminal.bar(word))
    terminal.clear_line()
    for number, note in enumerate(map(as_typed, result.notes)):
        print(f"  {note}" if number else note)
    terminal.answer(result)
    for row in result.tables[FAILURES].itertuples(index=False):
        terminal.complain(as_typed(f"{row.path}: {row.problem}"))
    names = [one for one, rows in result.tables.items() if one != FAILURES or len(rows)]
    for file in settings.target.files(names, job):
        terminal.wrote(file)
    failed = result.facts["failed"]
    if failed:
        # where stdout goes into a file, too
        count = failed + result.facts["done"] + result.facts["before"]
        terminal.tell(f"visual-ccc: {failed} of {counted(count, 'image')} failed")
    return FAILED if failed else OK


def as_typed(text: str) -> str:
    """Shorten the paths in a text that lie below the working directory."""
    here = Path.cwd()
    if here == Path(here.anchor):
        return text
    # not within a longer path, and not the directory itself
    below = rf"(?<![^\s'\"(:]){re.escape(str(here / '_')[:-1])}(?=[^/\s])"
    return re.sub(below, "", text)


def _say(images: Sequence[Path], values: Mapping[str, Any]) -> None:
    """Say that images of a folder are no slices, which they once were."""
    from ..workflow.batch.images import images_of

    folders = [str(one) for one in images if one.is_dir()]
    if "as_stack" not in values or values["as_stack"] or not folders:
        return
    found = images_of(folders, recursive=values["recursive"])
    terminal.tell(
        f"visual-ccc: {counted(len(found), 'image')} of {', '.join(folders)} {are(len(found))} "
        "taken one by one; "
        "--as-stack takes a folder for one stack"
    )


def copies_for_excel(files: Sequence[Path], *, force: bool) -> None:
    """Write and name the copies of tables that Excel reads."""
    from ..core.files import copy_for_excel

    for file in files:
        if file.suffix.lower() == ".csv":
            terminal.wrote(copy_for_excel(file, force=force))
