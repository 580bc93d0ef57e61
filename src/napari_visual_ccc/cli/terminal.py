"""What all commands share: options of parameters, progress, errors, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from ..core.memory import full
from ..core.progress import Progress, StopEarly, printer
from ..core.progress import clear_line as clear_line
from ..workflow import signature
from ..workflow.choices import ignored
from ..workflow.files.lengths import lengths_given, takes_unit
from ..workflow.signature import Parameter

if TYPE_CHECKING:
    from ..core.result import Result

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

# errors of the input or of the machine: one sentence, no traceback
EXPECTED = (ValueError, OSError, RuntimeError, MemoryError, ImportError)

CONTEXT = {"help_option_names": ["-h", "--help"]}

FILE = click.Path(path_type=Path)

# keys of what a command was asked to say, in the context of click
_QUIET, _VERBOSE, _ANSWERS, _SAID = (
    f"{__name__}.{key}" for key in ("quiet", "verbose", "answers", "said")
)

RESULTS = "Folder for the results, or one table over all images: x.csv or x.parquet"

EPILOG = """\b
Results are written as OME-TIFF with pixel size, PNG previews with a scale bar,
CSV tables and a YAML record of how they were made. Nothing is overwritten
without --force.
Exit code: 0 all done, 1 some image failed, 2 wrong options.
"""


class _Choice(click.Choice[str]):
    """Choices without spaces; those that have some may be given with them."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__([signature.hyphened(one) for one in choices])
        self.spelled = dict(zip(self.choices, choices, strict=True))

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the choice as the operation spells it."""
        return self.spelled[super().convert(signature.hyphened(str(value)), param, ctx)]


class _Length(click.ParamType):
    """A number, or a number with a unit, which stays text."""

    name = "length"

    def convert(self, value: Any, param: Any, ctx: Any) -> float | str:
        """Read the number, if it has no unit."""
        with contextlib.suppress(ValueError):
            return float(value)
        return str(value)


def option(parameter: Parameter, *, takes_unit: bool = False) -> click.Option:
    """Make the flag of a parameter; its value is passed on as ``choice_<name>``."""
    flag = "--" + parameter.name.replace("_", "-")
    kind = parameter.plain_type
    shown = parameter.default
    if get_origin(kind) is Literal and shown is not None:
        shown = signature.hyphened(str(shown))
    default = "" if shown in (None, "") else f" (default: {shown})"
    options: dict[str, Any] = {"default": parameter.default, "help": parameter.help + default}
    if takes_unit:
        same = f" With a unit, such as '50 nm', it is the same length in all images{default}"
        options |= {"type": _Length(), "metavar": "LENGTH", "help": parameter.help + same}
    elif kind is bool:
        flag += f"/--no-{flag[2:]}"
    elif get_origin(kind) is Literal:
        options["type"] = _Choice(get_args(kind))
    elif kind in (int, float, str):
        options |= {"type": kind, "metavar": parameter.name.upper()}
    else:
        folder = parameter.options.get("mode") == "d"
        options |= {"type": FILE, "metavar": "DIR" if folder else "FILE"}
    return click.Option([f"choice_{parameter.name}", flag], **options)


def options(name: str) -> list[click.Parameter]:
    """Make the flags of all parameters of an operation."""
    lengths = takes_unit(name)
    known = signature.parameters(name)
    return [option(one, takes_unit=key in lengths) for key, one in known.items()]


def choices(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Take the parameters of an operation from the values of a command, and check them.

    Lengths that are given with a unit stay text.
    """
    given = {key: values[f"choice_{key}"] for key in signature.parameters(name)}
    try:
        checked = signature.checked(name, lengths_given(name, given)[0])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    there = [key for key in signature.inputs(name) if values.get(f"input_{key}", True) is not None]
    _say_once(ignored(name, checked, there))
    lengths = {key: given[key] for key in takes_unit(name) if isinstance(given[key], str)}
    return {**checked, **lengths}


def output_option(default: str, help: str) -> click.Option:
    """Make the option ``-o`` for a folder."""
    return click.Option(
        ["-o", "--output"], type=FILE, default=default, metavar="DIR",
        help=f"{help} (default: {default})",
    )  # fmt: skip


def force_option(more: str = "") -> click.Option:
    """Make the option ``--force``."""
    return click.Option(["--force"], is_flag=True, help=f"Replace files that exist{more}.")


def print_error(path: Path, error: BaseException) -> None:
    """Print on stderr what is wrong with a file."""
    text = sentence(error)
    answer_problem(path, text)
    named = text if str(path) in text else f"{path}: {text}"
    print(f"visual-ccc: {named}", file=sys.stderr)


def sentence(error: BaseException) -> str:
    """Say what is wrong: errors of the system name their file first, those of memory a remedy."""
    if isinstance(error, MemoryError):
        return full(error)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror[:1].lower()}{error.strerror[1:]}"
    return str(error) or type(error).__name__


def shortened(text: str) -> str:
    """Shorten words that are longer than any name of a file."""
    return re.sub(r"([^\s/\\]{60})[^\s/\\]{240,}([^\s/\\]{20})", r"\1...\2", text)


# what is said while a command runs ----------------------------------------------------------------


def talking() -> list[click.Parameter]:
    """Make the options that choose what is said: ``--quiet``, ``--verbose``, ``--json``."""
    return [
        click.Option(
            ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_hush,
            help="Say nothing but errors.",
        ),
        click.Option(
            ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_log,
            help="Progress as lines, as in a log, with the numbers of each epoch.",
        ),
        click.Option(
            ["--json"], is_flag=True, expose_value=False, callback=_collect,
            help="Print facts, tables, notes and files as one JSON object instead of text.",
        ),
    ]  # fmt: skip


def _hush(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_QUIET] = True
        _without_text(ctx)


def _log(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[_VERBOSE] = value


def _collect(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        answers: list[dict[str, Any]] = []
        ctx.meta[_ANSWERS] = {"operation": ctx.command.name, "results": answers}
        _without_text(ctx)


def _without_text(ctx: click.Context) -> None:
    """Print nothing on stdout until the command ends."""
    nowhere = open(os.devnull, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    ctx.with_resource(nowhere)
    ctx.with_resource(contextlib.redirect_stdout(nowhere))


def _asked(key: str) -> Any:
    ctx = click.get_current_context(silent=True)
    return None if ctx is None else ctx.meta.get(key)


def tell(text: str) -> None:
    """Print a remark on stderr, unless the command is quiet."""
    if not _asked(_QUIET):
        print(text, file=sys.stderr)


def _say_once(notes: Sequence[str]) -> None:
    """Print notes on stderr, which `print_notes` then leaves out."""
    if notes and not _asked(_QUIET):
        click.get_current_context().meta[_SAID] = notes
        for note in notes:
            print(f"visual-ccc: {note}", file=sys.stderr)


def print_notes(notes: Sequence[str]) -> None:
    """Print the notes of a result on stdout."""
    for note in notes:
        if note not in (_asked(_SAID) or ()):
            print(f"  {note}")


def complain(text: str) -> None:
    """Print on stderr what is wrong, where stdout does not say it."""
    if _asked(_QUIET) or _asked(_ANSWERS) is not None:
        print(f"visual-ccc: {text}", file=sys.stderr)


def bar(title: str, *also: Callable[[Progress], object]) -> Callable[[Progress], object]:
    """Progress on one line of a terminal; in a log a line per epoch, and one every few seconds.

    What else is given is called with each `Progress`.
    """
    line = _bar(title)

    def report(progress: Progress) -> None:
        for one in (line, *also):
            one(progress)

    return report


def _bar(title: str) -> Callable[[Progress], object]:
    if _asked(_QUIET):
        return lambda _: None
    return printer(title, as_lines=bool(_asked(_VERBOSE)))


@contextlib.contextmanager
def stopping() -> Iterator[Callable[[Progress], object]]:
    """End a training at the first Ctrl+C with what it has learnt, and the command at the second.

    What is given is called with each `Progress` of the training.
    """
    pressed = False

    def on_signal(*_: Any) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        tell(
            "visual-ccc: stopping, the best network so far is tested and written; "
            "Ctrl+C again ends at once"
        )

    def check(_: Progress) -> None:
        nonlocal pressed
        if pressed:
            pressed = False
            raise StopEarly

    is_main = threading.current_thread() is threading.main_thread()
    # in the background of a script Ctrl+C is for others
    if not is_main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield check
        return
    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def end_with_the_window() -> None:
    """Let SIGTERM end the process: Python would hear of it when the window is next moved."""
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


# what a command answers, as JSON ------------------------------------------------------------------


def answer(result: Result, **more: Any) -> None:
    """Keep a result for ``--json``; files that are written next belong to it."""
    answers = _asked(_ANSWERS)
    if answers is None:
        return
    from ..report.summary import summary

    tables = {
        name: table.astype(object).where(table.notna(), None).to_dict("records")
        for name, table in result.tables.items()
    }
    answers["results"].append({
        **more, "summary": summary(result), "facts": result.facts, "tables": tables,
        "notes": result.notes, "files": [],
    })  # fmt: skip


def answer_problem(path: Path, text: str) -> None:
    """Keep for ``--json`` what is wrong with an image."""
    answers = _asked(_ANSWERS)
    if answers is not None:
        answers["results"].append({"image": str(path), "problem": text})


def wrote(file: Path) -> None:
    """Name a file that was written."""
    print(f"  {file}")
    answers = _asked(_ANSWERS)
    if answers is not None and answers["results"]:
        answers["results"][-1].setdefault("files", []).append(str(file))


def print_answer(ctx: click.Context, problem: str = "") -> None:
    """Print what was kept for ``--json``."""
    from ..core.plain import plain

    answers = ctx.meta.pop(_ANSWERS, None)
    if answers is not None:
        answers |= {"problem": problem} if problem else {}
        print(json.dumps(plain(answers), indent=2, ensure_ascii=False))
