"""The command line: ``visual-ccc FAMILY [OPERATION] IMAGE... [options] -o DIR``."""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from .. import __version__
from ..core.plain import shown
from ..core.process.interrupts import ended_like_ctrl_c
from ..workflow import operations, signature
from . import batch, fetch, images, serve, terminal, training
from .models import IMPORT, models
from .operations import Family, command
from .terminal import CONTEXT, EPILOG, EXPECTED, FAILED, FILE, INTERRUPTED, OK, USAGE, output_option


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process when absent.

    Returns
    -------
    int
        Exit code: 0 all done, 1 some image failed, 2 wrong use, 130 interrupted.
    """
    words = None if arguments is None else list(arguments)
    for name in ("stdout", "stderr"):
        # closed, or a program without a console
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # a letter that a code page lacks must not count a done image as failed
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with ended_like_ctrl_c():
            code = cli.main(words, prog_name="visual-ccc", standalone_mode=False)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        print(terminal.shortened(said.getvalue()), end="", file=sys.stderr)
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    # while options are read, or where the answer itself cannot be printed
    except OSError as error:
        print(f"visual-ccc: {_sentence(error)}", file=sys.stderr)
        return FAILED
    return code if isinstance(code, int) else OK


class CommandLine(click.Group):
    """All commands, each made when it is asked for; errors become sentences and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of families and commands."""
        return [*operations.families(commands=True), *_SHORT, *training.COMMANDS, *_OTHERS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Make a command; an operation also goes without its family."""
        if name in operations.families(commands=True):
            return Family(name)
        if name in training.COMMANDS:
            return training.command(name)
        if name in _OTHERS:
            return _OTHERS[name]
        name = _SHORT.get(name, name)
        known = operations.OPERATIONS.get(name)
        return command(name) if known is not None and known.has_command else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command; an operation also goes without its family."""
        found = super().shell_complete(ctx, incomplete)
        known = {item.value for item in found}
        more = (
            CompletionItem(name, help=signature.summary(name))
            for name, one in operations.OPERATIONS.items()
            if one.has_command and name.startswith(incomplete) and name not in known
        )
        return [*found, *more] if incomplete else found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        found = self.get_command(ctx, args[0])
        if found is None and not ctx.resilient_parsing:
            names = self.list_commands(ctx)
            every = [*names, *operations.OPERATIONS]
            near = list(dict.fromkeys(difflib.get_close_matches(args[0].lower(), every)))
            hint = f"did you mean {' or '.join(near)}?" if near else "--help lists all commands"
            raise click.UsageError(f"there is no {shown(args[0])}; {hint}", ctx)
        return args[0] if found else None, found, args[1:]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview of all operations."""
        formatter.write(_overview())

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command and exit with its code."""
        try:
            code = super().invoke(ctx)
            terminal.print_answer(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as error:
            # one that has a text has been reported
            if not error.args:
                print("visual-ccc: interrupted; no partial file is left", file=sys.stderr)
            code = INTERRUPTED
        except BrokenPipeError:
            # the pipe is closed; Python would report it again at exit
            _drop_stdout()
            code = OK
        except EXPECTED as error:
            text = _sentence(error)
            print(f"visual-ccc: {text}", file=sys.stderr)
            terminal.print_answer(ctx, text)
            code = FAILED
        ctx.exit(code or OK)


def _drop_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: BaseException) -> str:
    """Say what is wrong; an error of the system without a file may be one of stdout."""
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        try:
            print(flush=True)
        except OSError as full:
            # Python would report it again at exit
            _drop_stdout()
            return f"what the command prints could not be written to stdout ({full.strerror})"
    return terminal.sentence(error)


def _overview() -> str:
    lines = [
        "usage: visual-ccc FAMILY [OPERATION] IMAGE... [options] -o DIR",
        "       visual-ccc train DATA -o MODEL | evaluate DATA --model MODEL | audit_dataset DATA",
        "       visual-ccc particles|phases|classify|quality|measure FOLDER -o TABLE.csv",
        "       visual-ccc batch OPERATION|RECORD FOLDER -o DIR",
        "       visual-ccc models show FILE | script RECORD | fetch MODEL",
        "       visual-ccc serve --port 8000 | demo | completion SHELL | --version",
        "       visual-ccc info [IMAGE...] | open [IMAGE...] | config [NAME [VALUE]]",
        "",
        "See what a network sees in an electron micrograph.",
        "",
    ]
    for family, members in operations.families(commands=True).items():
        lines.append(f"  {family}")
        lines += [f"      {one.name:<20} {signature.summary(one.name)}" for one in members]
    lines.append("  train")
    lines += [f"      {name:<20} {signature.summary(name)}" for name in training.OPERATIONS]
    lines.append(f"      {'import':<20} {IMPORT}")
    lines += ["", "visual-ccc FAMILY [OPERATION] --help lists the options of one.", ""]
    return "\n".join([*lines, EPILOG.removeprefix("\b\n")])


def _start(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())
        ctx.exit(USAGE)


cli = CommandLine(
    "visual-ccc",
    callback=click.pass_context(_start),
    invoke_without_command=True,
    context_settings=CONTEXT,
)
click.version_option(__version__, "-V", "--version", message="visual-ccc %(version)s")(cli)


# demo and script ----------------------------------------------------------------------------------


def _demo(output: Path, no_screen: bool) -> int:
    """Run the main operations on the sample micrographs.

    Opens napari with the layers on a machine with a screen, writes them to a folder otherwise.
    """
    from . import demo

    return demo.run_demo(output, on_screen=demo.has_screen() and not no_screen)


def _script(record: Path, output: Path | None, force: bool) -> int:
    """Write a record, or a result that carries one, as a Python script that repeats it."""
    from ..core.files import write_text
    from ..workflow.files.script import to_script

    text = to_script(record)
    if output is None:
        print(text, end="")
    else:
        write_text(text, output, force=force)
        print(f"  {output}")
    return OK


def _config(name: str | None, value: str | None, reset: bool) -> int:
    """Show the settings and where each is from, or change one.

    The preferences of napari show and change the same. An environment variable wins over them, and
    what a command states wins over both.
    """
    from ..core.settings import current, stored

    if reset:
        stored.remove()
    if name is not None and name not in current.FIELDS:
        raise click.UsageError(f"there is no {shown(name)}; there are {', '.join(current.FIELDS)}")
    if name is not None and value is not None:
        current.change(name, value)
    for key, one in current.found().items():
        if name in (None, key):
            value = ("no", "yes")[one.value] if isinstance(one.value, bool) else str(one.value)
            print(f"{key:<14}{value:<12}{one.origin}")
    if name is None:
        print(f"\nfile: {stored.path() or 'none: NAPARI_CONFIG is empty'}")
        print(f"variables: {', '.join(map(current.variable, current.FIELDS))}")
    return OK


def _completion(shell: str) -> int:
    """Print the script with which a shell completes commands, options and choices.

    For bash: eval "$(visual-ccc completion bash)" in ~/.bashrc, for zsh the same in ~/.zshrc;
    for fish: visual-ccc completion fish > ~/.config/fish/completions/visual-ccc.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    shown = made(cli, {}, "visual-ccc", "_VISUAL_CCC_COMPLETE")
    # source() starts bash to look at its version
    print(shown.source_template % shown.source_vars())
    return OK


def _command(name: str, function: Callable[..., int], *params: click.Parameter) -> click.Command:
    return click.Command(
        name,
        callback=function,
        params=list(params),
        help=function.__doc__,
        context_settings=CONTEXT,
    )


# words for what one wants of images, where the operation has another name
_SHORT = {"phases": "kmeans"}

_OTHERS = {
    "batch": batch.command(),
    "models": models,
    "info": images.info(),
    "open": images.opening(),
    "fetch": fetch.command(),
    "serve": serve.command(),
    "demo": _command(
        "demo",
        _demo,
        output_option("demo-output", "Folder to write to without a screen"),
        click.Option(["--no-screen"], is_flag=True, help="Write to the folder even with a screen."),
    ),
    "config": _command(
        "config",
        _config,
        click.Argument(["name"], required=False, metavar="[NAME]"),
        click.Argument(["value"], required=False, metavar="[VALUE]"),
        click.Option(["--reset"], is_flag=True, help="Remove the file: the defaults hold."),
    ),
    "completion": _command(
        "completion",
        _completion,
        click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"])),
    ),
    "script": _command(
        "script",
        _script,
        click.Argument(["record"], type=FILE, metavar="RECORD"),
        click.Option(["-o", "--output"], type=FILE, metavar="FILE", help="Python file to write."),
        click.Option(["--force"], is_flag=True, help="Replace a file that exists."),
    ),
}


if __name__ == "__main__":
    sys.exit(main())
