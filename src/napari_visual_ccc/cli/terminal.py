"""What all commands share: options of parameters, progress, errors, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from ..core.progress import Progress
from ..workflow import signature
from ..workflow.signature import Parameter

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

# errors of the input or of the machine: one sentence, no traceback
EXPECTED = (ValueError, OSError, RuntimeError, MemoryError, ImportError)

CONTEXT = {"help_option_names": ["-h", "--help"]}

FILE = click.Path(path_type=Path)

RESULTS = "Folder for the results, or one table over all images: x.csv or x.parquet"

EPILOG = """\b
Results are written as OME-TIFF with pixel size, PNG previews with a scale bar,
CSV tables and a YAML record of how they were made. Nothing is overwritten
without --force.
Exit code: 0 all done, 1 some image failed, 2 wrong options.
"""


def option(parameter: Parameter) -> click.Option:
    """Make the flag of a parameter; its value is passed on as ``choice_<name>``."""
    flag = "--" + parameter.name.replace("_", "-")
    default = "" if parameter.default in (None, "") else f" (default: {parameter.default})"
    options: dict[str, Any] = {"default": parameter.default, "help": parameter.help + default}
    kind = parameter.plain_type
    if kind is bool:
        flag += f"/--no-{flag[2:]}"
    elif get_origin(kind) is Literal:
        options["type"] = click.Choice(get_args(kind))
    elif kind in (int, float, str):
        options |= {"type": kind, "metavar": parameter.name.upper()}
    else:
        folder = parameter.options.get("mode") == "d"
        options |= {"type": FILE, "metavar": "DIR" if folder else "FILE"}
    return click.Option([f"choice_{parameter.name}", flag], **options)


def options(name: str) -> list[click.Parameter]:
    """Make the flags of all parameters of an operation."""
    return [option(parameter) for parameter in signature.parameters(name).values()]


def choices(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Take the parameters of an operation from the values of a command, and check them."""
    given = {key: values[f"choice_{key}"] for key in signature.parameters(name)}
    try:
        return signature.checked(name, given)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def output_option(default: str, help: str) -> click.Option:
    """Make the option ``-o`` for a folder."""
    return click.Option(
        ["-o", "--output"], type=FILE, default=default, metavar="DIR",
        help=f"{help} (default: {default})",
    )  # fmt: skip


def force_option() -> click.Option:
    """Make the option ``--force``."""
    return click.Option(["--force"], is_flag=True, help="Replace files that exist.")


def print_error(path: Path, error: BaseException) -> None:
    """Print on stderr what is wrong with a file."""
    text = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        text = f"memory is full; take a part of the image ({text})"
    named = text if str(path) in text else f"{path}: {text}"
    print(f"visual-ccc: {named}", file=sys.stderr)


def bar(title: str) -> Callable[[Progress], object]:
    """Progress on one line of a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        return lambda _: None

    def report(progress: Progress) -> None:
        share = f"{100 * progress.done // progress.total:3d} %" if progress.total else "..."
        print(f"\r{title}: {share} {progress.note:<20}", end="", file=sys.stderr, flush=True)

    return report


def clear_line() -> None:
    """Remove the line of progress."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
