"""Commands about model files: what is in one, and import of published weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from . import terminal
from .terminal import CONTEXT, FILE, OK

IMPORT = "Turn weights published by Visual-CCC into a model file."


def _show(model: Path | None, checkpoint: str) -> int:
    """List the layers of a model: shapes, parameters, and which of them are trained."""
    from ..nets.training.checkpoints import current_of
    from ..workflow.models import describe_model

    facts = describe_model(current_of(model) if checkpoint == "current" else model).facts
    print(f"{facts['use']}; sha256 {facts['hash'][:12]}")
    print(f"classes: {', '.join(facts['classes'])}")
    print("probabilities: " + ("calibrated" if facts["calibrated"] else "not calibrated"))
    kept, point = facts["checkpoint"], facts["operating_point"]
    if kept:
        print(f"checkpoint: epoch {kept['epoch']}, {kept['monitor']} {kept['value']:.4g}")
    if point:
        limits = ", ".join(f"{name}={value:.4g}" for name, value in point["thresholds"].items())
        print(f"operating point: {limits} ({point['method']}, chosen on: {point['chosen_on']})")
        if point["rates_of"]:
            print(f"rates that the training reported: of {point['rates_of']}")
    print(f"\n{facts['text']}", end="")
    return OK


models = click.Group(
    "models",
    help="Show what is in a model file.",
    context_settings=CONTEXT,
    commands={
        "show": click.Command(
            "show",
            callback=_show,
            params=[
                click.Argument(["model"], type=FILE, required=False, metavar="FILE"),
                click.Option(
                    ["--checkpoint"], type=click.Choice(["best", "current"]), default="best",
                    help="The model itself, or the last epoch of its training (default: best)",
                ),
            ],
            help=f"{_show.__doc__}\n\nFILE: model file; the shipped model without it.",
            context_settings=CONTEXT,
        )
    },
)  # fmt: skip


class _ManyNames(click.Command):
    """Let ``--classes A B C`` take all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the flag before each of its words."""
        words: list[str] = []
        taking = False
        for number, word in enumerate(args):
            if word == "--classes":
                follows = args[number + 1 : number + 2]
                taking = bool(follows) and not follows[0].startswith("-")
                words += [] if taking else [word]
            elif taking and not word.startswith("-"):
                words += ["--classes", word]
            else:
                taking = False
                words.append(word)
        return super().parse_args(ctx, words)


def import_command() -> click.Command:
    """Make the command ``import``."""
    return _ManyNames(
        "import",
        callback=_import,
        params=[
            click.Argument(["weights"], type=FILE, metavar="FILE"),
            click.Option(
                ["--classes"], multiple=True, metavar="NAME...",
                help="Names of the classes in order, where the file does not state them.",
            ),
            click.Option(
                ["-o", "--output"], type=FILE, required=True, metavar="FILE",
                help="Model file to write.",
            ),
            terminal.force_option(),
        ],
        help=f"{IMPORT}\n\nFILE: state dict or finalized file; nothing in it is executed.",
        context_settings=CONTEXT,
    )  # fmt: skip


def _import(weights: Path, classes: Sequence[str], output: Path, force: bool) -> int:
    from ..workflow.models import import_visual_ccc

    print(f"  {import_visual_ccc(weights, output, classes=classes, force=force)}")
    return OK
