"""Commands that run one operation on images."""

from __future__ import annotations

import contextlib
import functools
import glob
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ..core.plain import shown
from ..core.progress import Progress, run
from ..workflow import operations, signature
from . import many, terminal
from .images import from_stdin
from .terminal import EXPECTED, FAILED, FILE, OK

if TYPE_CHECKING:
    from ..workflow.files.run_on_file import FileJob

FORMATS = ("ome-tiff", "ome-zarr", "ome-zarr-0.4", "imagej", "none")


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
            self.fail(f"{shown(value)} is not a size such as 2.5, or 10,2.5,2.5", param, ctx)
        return sizes * 2 if len(sizes) == 1 else sizes


class Family(click.Group):
    """The operations of a family; the first one where none is named."""

    def __init__(self, name: str) -> None:
        super().__init__(name, context_settings=terminal.CONTEXT)
        self.members = [one.name for one in operations.families(commands=True)[name]]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the operations."""
        return self.members

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Make the command of an operation."""
        return command(name) if name in self.members else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete an operation, or an option of the first one."""
        if incomplete.startswith("-"):
            return command(self.members[0]).shell_complete(ctx, incomplete)
        return super().shell_complete(ctx, incomplete)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the first operation before words that name none; a file counts as an image."""
        named = bool(args) and args[0] in self.members and not Path(args[0]).exists()
        if not named and not (ctx.resilient_parsing and not args):
            args = [self.members[0], *args]
        return super().parse_args(ctx, args)


def command(name: str) -> click.Command:
    """Make the command of an operation from its signature."""
    family = operations.OPERATIONS[name].family
    others = [one.name for one in operations.families(commands=True)[family] if one.name != name]
    texts = signature.input_help(name)
    first = signature.inputs(name)[0]
    word = _WORDS[operations.OPERATIONS[name].takes]
    also = f"\n\nOther operations of {family}: {', '.join(others)}." if others else ""
    return click.Command(
        name,
        callback=functools.partial(_run, name),
        params=[
            click.Argument(["images"], nargs=-1, required=True, type=FILE, metavar=f"{word}..."),
            *further_inputs(name),
            *terminal.options(name),
            *common(),
            *many.options(),
            *terminal.talking(),
        ],
        help=f"{signature.summary(name)}\n\n{word}: {_about(name, texts[first])} A folder or a "
        "pattern in quotes is many images, and -o table.csv one table over all of them, with its "
        f"summary. - is an image on standard input. {many.AGAIN}{also}",
        epilog=terminal.EPILOG,
        context_settings=terminal.CONTEXT,
    )


# what the file of an input is
_KINDS = {
    "image": "An image file.",
    "labels": "An image file of labels, as a segmentation writes it.",
    "heatmap": "An image file, as 'visual-ccc explain' writes it.",
}


def _about(name: str, text: str) -> str:
    """Say which file the first input is, before what its values mean."""
    return f"{_KINDS[operations.OPERATIONS[name].takes]} {text}".strip()


# word for the first input
_WORDS = {"image": "IMAGE", "labels": "LABELS", "heatmap": "HEATMAP"}

_PAIRED = " With many images, a folder whose files are paired with them by name."

# files of a further input, where it is not an image
_FILES = {
    "prompts": "A CSV file of points or shapes, or a file of labels.",
    "regions": "An image file of labels or a mask.",
}


def further_inputs(name: str) -> list[click.Option]:
    """Options for the files of the inputs after the first."""
    texts = signature.input_help(name)
    return [_input(name, key, texts[key]) for key in signature.inputs(name)[1:]]


def _input(name: str, key: str, text: str) -> click.Option:
    required, kind = key not in signature.optional_inputs(name), signature.input_kinds(name)[key]
    return click.Option(
        [f"input_{key}", f"--{key}"], type=FILE, metavar="FILE", required=required,
        help=f"{text} {_FILES.get(kind, _KINDS.get(kind, 'An image file.') + _PAIRED)}",
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
        terminal.output_option("visual-ccc-output", terminal.RESULTS),
        click.Option(
            ["--format"], type=click.Choice(FORMATS),
            help="Format of images and labels (default: ome-tiff; none beside a table)",
        ),
        click.Option(
            ["--tables"], type=click.Choice(["csv", "parquet"]), default="csv",
            help="Format of tables (default: csv)",
        ),
        click.Option(
            ["--figures"], type=click.Choice(["png", "svg", "none"]),
            help="Format of pictures with a scale bar (default: png; none beside a table)",
        ),
        click.Option(
            ["--overlays"], type=click.Choice(["none", "filled", "outlined"]), default="none",
            help="Transparent PNG of labels to lay over the image, with white outlines or without "
            "(default: none)",
        ),
        click.Option(
            ["--excel"], is_flag=True,
            help="Write a copy of each CSV table that Excel reads, _excel.csv; CSV is UTF-8 "
            "without a byte order mark.",
        ),
        click.Option(
            ["--skip-existing"], is_flag=True,
            help="Leave out images that have results already; a folder always goes on where it "
            "ended.",
        ),
        terminal.force_option(
            "; of many images, begin anew where another batch was, and remove what it wrote"
        ),
    ]  # fmt: skip


def _run(name: str, images: Sequence[Path], **values: Any) -> int:
    try:
        images = from_stdin(images)
        together = many.are_many(images, values)
        spacing = pixel_size(values["spacing"], values["unit"])
        if not together:
            _check_names(images)
        if not together and values["output"].exists() and not values["output"].is_dir():
            raise ValueError(f"{values['output']} is a file; name a folder with -o")
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from None
    if together:
        return many.through(name, name, images, spacing, values)
    job = _job(name, spacing, values)
    failed = 0
    for number, path in enumerate(images, start=1):
        if values["skip_existing"] and _is_done(job, path):
            print(f"{path}: done before")
        else:
            title = f"[{number}/{len(images)}] {path.name}"
            failed += not _tried(job, path, terminal.bar(title), values["excel"])
    if failed and len(images) > 1:
        print(f"visual-ccc: {failed} of {len(images)} images failed", file=sys.stderr)
    return FAILED if failed else OK


def _tried(job: FileJob, path: Path, report: Callable[[Progress], object], excel: bool) -> bool:
    """Run on an image; what is wrong with it is printed, and the others go on."""
    try:
        files = _one_image(job, path, report)
        if excel:
            many.copies_for_excel(files, force=job.force)
    except BrokenPipeError:
        raise
    except EXPECTED as error:
        terminal.print_error(path, error)
        return False
    # a bug counts as a failed image
    except Exception as error:  # noqa: BLE001
        text = f"{type(error).__name__}: {error} (a bug in visual-ccc: please report it)"
        terminal.answer_problem(path, text)
        print(f"visual-ccc: {path}: {text}", file=sys.stderr)
        return False
    return True


def _job(
    name: str, spacing: tuple[tuple[float, ...] | None, str], values: dict[str, Any]
) -> FileJob:
    from ..workflow.files.lengths import lengths_given
    from ..workflow.files.run_on_file import FileJob
    from ..workflow.save import Formats

    choices, lengths = lengths_given(name, terminal.choices(name, values))
    further = {key: values[f"input_{key}"] for key in signature.inputs(name)[1:]}
    return FileJob(
        name,
        choices,
        values["output"],
        {key: file for key, file in further.items() if file is not None},
        *spacing,
        values["keep_info_bar"],
        Formats(
            values["format"] or "ome-tiff", values["tables"], values["figures"] or "png",
            values["overlays"],
        ),
        values["force"],
        lengths=lengths,
    )  # fmt: skip


def _is_done(job: FileJob, path: Path) -> bool:
    """Whether an image has a record of this operation, which is written last."""
    from ..core.files import stem
    from ..workflow import recipe
    from ..workflow.save import base_name, recipe_file

    title, target = stem(path), job.parameters.get("target")
    names = (base_name(title, job.name, one) for one in ("", target or ""))
    if any(recipe_file(job.output, name).is_file() for name in names):
        return True
    if target != "":
        return False
    # without a target the name has that of the result: the predicted class, or that of the heatmap
    start = glob.escape(recipe_file(job.output, base_name(title, job.name)).stem)
    for file in job.output.glob(f"{start}_*.yaml"):
        with contextlib.suppress(*EXPECTED):
            *before, step = recipe.load(file).steps
            found = ("", *(one.parameters.get("target") for one in before))
            if step.operation == job.name and step.parameters.get("target") in found:
                return True
    return False


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


def _one_image(job: FileJob, path: Path, report: Callable[[Progress], object]) -> list[Path]:
    from ..report.summary import summary
    from ..workflow.files.run_on_file import run_on_file

    done = run(run_on_file(job, path), report)
    terminal.clear_line()
    print(f"{path}: {summary(done.result)}")
    terminal.print_notes(done.notes)
    terminal.answer(done.result, image=str(path))
    for file in done.files:
        terminal.wrote(file)
    return done.files
