"""What all commands of the command line share: flags, progress, complaints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ..core.progress import Progress
from ..workflow.signature import Parameter

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

# what a person can mend, or the machine ran out of
EXPECTED = (ValueError, OSError, RuntimeError, MemoryError, ImportError)

EPILOG = """\
Results are written as OME-TIFF with pixel size, PNG previews with a scale bar, CSV tables and a
YAML record of how they were made. Nothing is overwritten without --force.
Exit code: 0 all done, 1 some image failed, 2 wrong options.
"""


def escaped(text: str) -> str:
    """Keep argparse from reading a per cent sign."""
    return text.replace("%", "%%")


def add(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    """Give a parser the flag of a parameter."""
    flag = "--" + parameter.name.replace("_", "-")
    default = "" if parameter.default in (None, "") else f" (default: {parameter.default})"
    options: dict[str, Any] = {"default": parameter.default, "dest": f"choice_{parameter.name}"}
    options["help"] = escaped(parameter.help + default)
    if parameter.type is bool:
        options["action"] = argparse.BooleanOptionalAction
    elif get_origin(parameter.type) is Literal:
        options["choices"] = get_args(parameter.type)
    else:
        options["type"] = parameter.type if parameter.type in (int, float, str) else Path
        options["metavar"] = "FILE" if options["type"] is Path else parameter.name.upper()
    parser.add_argument(flag, **options)


def complain(path: Path, error: BaseException) -> None:
    """Say on stderr what is wrong with a file."""
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
    """Take the progress away."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
