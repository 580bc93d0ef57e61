"""``visual-ccc batch OPERATION|RECORD IMAGES... -o DIR``: many images, one table."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..core.progress import run
from ..workflow import operations, signature
from . import terminal
from .operations import FORMATS, common, further_inputs, pixel_size
from .terminal import FAILED, OK

# options that a batch has in common with a run on one image
_SHARED = ("spacing", "unit", "keep_info_bar", "tables", "overlays", "force")

_IMAGES = (
    "IMAGES: a folder, with the folders in it; a table (.csv) with the column path; images; or a "
    "pattern in quotes, such as 'session/*/*.tif'."
)

_AGAIN = "The same command goes on where it ended; images that are done are not done again."


class Batch(click.Group):
    """A command for each operation on an image; any other word is the file of a record."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the operations."""
        return [one.name for members in operations.families().values() for one in members]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Make the command of an operation or of a record."""
        if name in self.list_commands(ctx):
            return _command(name, name)
        return _command(None, name) if Path(name).exists() else None


def command() -> click.Command:
    """Make the command ``batch``."""
    return Batch(
        "batch",
        help="Run an operation, or the steps of a record, on many images: one table over all of "
        f"them, its summary, and the layers of each. {_AGAIN}\n\n"
        "visual-ccc batch particles session -o out\n\n"
        "visual-ccc batch out/batch.yaml another_session -o out2",
        context_settings=terminal.CONTEXT,
    )


def _command(name: str | None, word: str) -> click.Command:
    about = f"Replay the steps of {word}" if name is None else signature.summary(name)
    return click.Command(
        word,
        callback=functools.partial(_run, name, word),
        params=[
            click.Argument(
                ["images"], nargs=-1, required=True, type=click.Path(), metavar="IMAGES"
            ),
            *([] if name is None else [*further_inputs(name), *terminal.options(name)]),
            *_options(),
        ],
        help=f"{about.rstrip('.')}, on many images.\n\n{_IMAGES} {_AGAIN}",
        epilog="\b\nExit code: 0 all done, 1 some image failed, 2 wrong options.\n",
        context_settings=terminal.CONTEXT,
    )


def _options() -> list[click.Parameter]:
    return [
        terminal.output_option("visual-ccc-batch", "Folder for the results"),
        click.Option(
            ["--scheduler"], default="threads",
            help="threads or processes of this machine, or a dask scheduler: an address such as "
            "tcp://node1:8786, or its file (default: threads)",
        ),
        click.Option(
            ["--workers"], type=int, default=0, metavar="N",
            help="Threads or processes at most; fewer where memory would not suffice "
            "(default: one a core)",
        ),
        click.Option(
            ["--format"], type=click.Choice([*FORMATS, "none"]), default="ome-tiff",
            help="Format of images and labels (default: ome-tiff)",
        ),
        click.Option(
            ["--thumbnails/--no-thumbnails"], default=True,
            help="Write a picture of each layer, with a scale bar (default: yes)",
        ),
        *(one for one in common() if one.name in _SHARED),
    ]  # fmt: skip


def _run(name: str | None, word: str, images: Sequence[str], **values: Any) -> int:
    from ..workflow.batch.job import make_job
    from ..workflow.batch.run import Settings, batching
    from ..workflow.save import Formats

    try:
        spacing, unit = pixel_size(values["spacing"], values["unit"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    keys = [] if name is None else signature.inputs(name)[1:]
    further = {key: values[f"input_{key}"] for key in keys}
    job = make_job(
        word if name is None else name,
        None if name is None else terminal.choices(name, values),
        values["output"],
        further={key: file for key, file in further.items() if file is not None},
        spacing=spacing,
        unit=unit,
        keep_info_bar=values["keep_info_bar"],
        formats=Formats(
            values["format"], "none", "png" if values["thumbnails"] else "none", values["overlays"]
        ),
    )
    settings = Settings(*(values[key] for key in ("scheduler", "workers", "tables", "force")))
    given = images[0] if len(images) == 1 else images
    try:
        result = run(batching(given, job, settings), terminal.bar(word))
    except KeyboardInterrupt:
        print(f"visual-ccc: {_AGAIN[0].lower()}{_AGAIN[1:]}", file=sys.stderr)
        raise
    terminal.clear_line()
    summary, *notes = result.notes
    print(summary)
    for note in notes:
        print(f"  {note}", file=sys.stdout)
    return FAILED if result.facts["failed"] else OK
