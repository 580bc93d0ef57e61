"""Commands about model files."""

from __future__ import annotations

from pathlib import Path

import click

from .terminal import CONTEXT, FILE, OK


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
