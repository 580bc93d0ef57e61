"""``visual-ccc batch OPERATION|RECORD IMAGES... -o DIR``: many images, one table."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..workflow import operations, signature
from . import many, terminal
from .many import AGAIN as _AGAIN
from .operations import FORMATS, common, further_inputs, pixel_size
from .terminal import FILE

# options that a batch has in common with a run on one image
_SHARED = ("spacing", "unit", "keep_info_bar", "tables", "overlays", "excel", "force")

_IMAGES = f"IMAGES: {many.IMAGES}."


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
            click.Argument(["images"], nargs=-1, required=True, type=FILE, metavar="IMAGES"),
            *([] if name is None else [*further_inputs(name), *terminal.options(name)]),
            *_options(),
            *terminal.talking(),
        ],
        help=f"{about.rstrip('.')}, on many images.\n\n{_IMAGES} {_AGAIN}",
        epilog="\b\nExit code: 0 all done, 1 some image failed, 2 wrong options.\n",
        context_settings=terminal.CONTEXT,
    )


def _options() -> list[click.Parameter]:
    return [
        terminal.output_option("visual-ccc-batch", terminal.RESULTS),
        click.Option(
            ["--scheduler"], default="threads",
            help="threads or processes of this machine, or a dask scheduler: an address such as "
            "tcp://node1:8786, or its file (default: threads)",
        ),
        *many.shared(),
        click.Option(
            ["--format"], type=click.Choice(FORMATS),
            help="Format of images and labels (default: ome-tiff; none beside a table)",
        ),
        click.Option(
            ["--thumbnails/--no-thumbnails"], default=None,
            help="Write a picture of each layer, with a scale bar (default: yes, but not beside a "
            "table)",
        ),
        *(one for one in common() if one.name in _SHARED),
    ]  # fmt: skip


def _run(name: str | None, word: str, images: Sequence[Path], **values: Any) -> int:
    try:
        spacing = pixel_size(values["spacing"], values["unit"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    figures = {None: None, True: "png", False: "none"}[values["thumbnails"]]
    return many.through(name, word, images, spacing, {**values, "figures": figures})
