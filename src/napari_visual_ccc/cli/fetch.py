"""The command that fetches the weights of a Segment Anything model, after showing what they are."""

from __future__ import annotations

import click

from ..core.progress import run
from . import terminal
from .terminal import OK


def _fetch(name: str | None, yes: bool) -> int:
    """Fetch a Segment Anything model from the hub of Hugging Face.

    Shows the name, the sizes and the SHA-256 that the hub states, asks, downloads, and checks the
    SHA-256. Without a name it lists models that are known to load.
    """
    from ..nets.sam import hub

    if name is None:
        for one in hub.KNOWN:
            print(f"{one}{'' if hub.cached(one) is None else '  (fetched)'}")
        return OK
    offer = hub.look_up_model(name)
    for line in offer.lines:
        print(line)
    if not yes:
        click.confirm("Download?", abort=True)
    folder = run(hub.fetch(offer), terminal.bar(name))
    terminal.clear_line()
    print(f"  {folder}")
    return OK


def command() -> click.Command:
    """Make the command."""
    return click.Command(
        "fetch",
        callback=_fetch,
        params=[
            click.Argument(["name"], required=False, metavar="[NAME]"),
            click.Option(["--yes"], is_flag=True, help="Download without asking."),
        ],
        help=_fetch.__doc__,
        context_settings=terminal.CONTEXT,
    )
