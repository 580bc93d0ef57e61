"""Commands that run one operation on images."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.progress import Progress, run
from ..workflow import operations, signature
from . import terminal
from .terminal import EXPECTED, FAILED, FILE, OK

if TYPE_CHECKING:
    from ..workflow.files.run_on_file import FileJob

FORMATS = ("ome-tiff", "ome-zarr", "ome-zarr-0.4", "imagej")


class _Sizes(click.ParamType):
    """``2.5``, or ``10,2.5,2.5``."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """Read the sizes; one is that of a square pixel."""
        if isinstance(value, tuple):
            return value
        try:
            sizes = tuple(float(part) for part in value.split(","))
        except ValueError:
            sizes = ()
        if not 1 <= len(sizes) <= 3:
            self.fail(f"{value!r} is not a size such as 2.5, or 10,2.5,2.5", param, ctx)
        return sizes * 2 if len(sizes) == 1 else sizes


class Family(click.Group):
    """The operations of a family; the first one where none is named."""

    def __init__(self, name: str) -> None:
        super().__init__(name, context_settings=terminal.CONTEXT)
        self.members = [one.name for one in operations.families()[name]]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the operations."""
        return self.members

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Make the command of an operation."""
        return command(name) if name in self.members else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the first operation before words that name none; a file counts as an image."""
        named = bool(args) and args[0] in self.members and not Path(args[0]).exists()
        if not named and not (ctx.resilient_parsing and not args):
            args = [self.members[0], *args]
        return super().parse_args(ctx, args)


def command(name: str) -> click.Command:
    """Make the command of an operation from its signature."""
    family = operations.OPERATIONS[name].family
    others = [one.name for one in operations.families()[family] if one.name != name]
    texts = signature.input_help(name)
    first = signature.inputs(name)[0]
    also = f"\n\nOther operations of {family}: {', '.join(others)}." if others else ""
    return click.Command(
        name,
        callback=functools.partial(_run, name),
        params=[
            click.Argument(["images"], nargs=-1, required=True, type=FILE, metavar="IMAGE..."),
            *further_inputs(name),
            *terminal.options(name),
            *common(),
        ],
        help=f"{signature.summary(name)}\n\nIMAGE: {texts[first]}{also}",
        epilog=terminal.EPILOG,
        context_settings=terminal.CONTEXT,
    )


# files of a further input, where it is not an image
_FILES = {"prompts": "CSV file of points or shapes, or a file of labels."}


def further_inputs(name: str) -> list[click.Option]:
    """Options for the files of the inputs after the first."""
    texts = signature.input_help(name)
    return [_input(name, key, texts[key]) for key in signature.inputs(name)[1:]]


def _input(name: str, key: str, text: str) -> click.Option:
    required = key not in signature.optional_inputs(name)
    return click.Option(
        [f"input_{key}", f"--{key}"], type=FILE, metavar="FILE", required=required,
        help=f"{_FILES.get(signature.input_kinds(name)[key], 'Image file.')} {text}",
    )  # fmt: skip


def common() -> list[click.Parameter]:
    """Options of every operation."""
    return [
        click.Option(
            ["--spacing"], type=_Sizes(), metavar="SIZE",
            help="Size of a pixel, or Z,Y,X of a voxel, where the file states none or a wrong one.",
        ),
        click.Option(["--unit"], help="Unit of --spacing (default: nm)"),
        click.Option(
            ["--keep-info-bar"], is_flag=True,
            help="Include the info bar; by default it is left out and stays blank.",
        ),
        terminal.output_option("visual-ccc-output", "Folder for the results"),
        click.Option(
            ["--format"], type=click.Choice(FORMATS), default="ome-tiff",
            help="Format of images and labels (default: ome-tiff)",
        ),
        click.Option(
            ["--tables"], type=click.Choice(["csv", "parquet"]), default="csv",
            help="Format of tables (default: csv)",
        ),
        click.Option(
            ["--figures"], type=click.Choice(["png", "svg", "none"]), default="png",
            help="Format of pictures with a scale bar (default: png)",
        ),
        click.Option(
            ["--overlays"], type=click.Choice(["none", "filled", "outlined"]), default="none",
            help="Transparent PNG of labels to lay over the image, with white outlines or without "
            "(default: none)",
        ),
        terminal.force_option(),
    ]  # fmt: skip


def _run(name: str, images: Sequence[Path], **values: Any) -> int:
    from ..workflow.files.run_on_file import FileJob
    from ..workflow.save import Formats

    parameters = terminal.choices(name, values)
    try:
        _check_names(images)
        spacing, unit = pixel_size(values["spacing"], values["unit"])
        if values["output"].exists() and not values["output"].is_dir():
            raise ValueError(f"{values['output']} is a file; name a folder with -o")
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from None
    further = {key: values[f"input_{key}"] for key in signature.inputs(name)[1:]}
    further = {key: file for key, file in further.items() if file is not None}
    job = FileJob(
        name,
        parameters,
        values["output"],
        further,
        spacing,
        unit,
        values["keep_info_bar"],
        Formats(*(values[key] for key in ("format", "tables", "figures", "overlays"))),
        values["force"],
    )
    failed = 0
    for number, path in enumerate(images, start=1):
        try:
            _one_image(job, path, terminal.bar(f"[{number}/{len(images)}] {path.name}"))
        except BrokenPipeError:
            raise
        except EXPECTED as error:
            failed += 1
            terminal.print_error(path, error)
        # a batch goes on: a bug counts as a failed image
        except Exception as error:  # noqa: BLE001
            failed += 1
            text = f"{type(error).__name__}: {error} (a bug in visual-ccc: please report it)"
            print(f"visual-ccc: {path}: {text}", file=sys.stderr)
    if failed and len(images) > 1:
        print(f"visual-ccc: {failed} of {len(images)} images failed", file=sys.stderr)
    return FAILED if failed else OK


def pixel_size(
    spacing: tuple[float, ...] | None, unit: str | None
) -> tuple[tuple[float, ...] | None, str]:
    """Check size and unit, and write them as everywhere else: ``um`` is µm, metres are nm."""
    from ..core.units import length

    if spacing is None:
        if unit is not None:
            raise ValueError("--unit is that of --spacing; give both")
        return None, "px"
    if not min(spacing) > 0:
        raise ValueError(f"--spacing is {spacing[-1]}; it must be above zero")
    if len(spacing) == 2 and spacing[0] != spacing[1]:
        # where a comma is decimal, 2,5 is one number
        y, x = (f"{size:g} {'nm' if unit is None else unit}" for size in spacing)
        click.echo(f"pixels are {y} high and {x} wide; 2.5 is written with a point", err=True)
    sizes = [length(size, "nm" if unit is None else unit) for size in spacing]
    return tuple(size for size, _ in sizes), sizes[0][1]


def _check_names(images: Sequence[Path]) -> None:
    from ..core.files import stem
    from ..workflow.save import file_stem

    names: dict[str, Path] = {}
    for path in images:
        name = file_stem(stem(path))
        # some file systems do not distinguish A from a
        other = names.setdefault(name.casefold(), path)
        if other is not path:
            raise ValueError(
                f"{other} and {path} would both be written as {name}; "
                "run them into different folders, or as a batch"
            )


def _one_image(job: FileJob, path: Path, report: Callable[[Progress], object]) -> None:
    from ..report.summary import summary
    from ..workflow.files.run_on_file import run_on_file

    done = run(run_on_file(job, path), report)
    terminal.clear_line()
    print(f"{path}: {summary(done.result)}")
    for note in done.notes:
        print(f"  {note}")
    for file in done.files:
        print(f"  {file}")
