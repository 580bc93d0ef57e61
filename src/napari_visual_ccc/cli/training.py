"""Commands that take many images: audit_dataset, train, evaluate, those of a folder; and import."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..core.progress import run
from ..workflow import signature
from ..workflow.run import execute
from ..workflow.signature import checked
from . import terminal
from .terminal import EPILOG, FAILED, OK, USAGE

FOLDERS = ("classify_folder", "image_quality_folder")

COMMANDS = ("audit_dataset", "train", "evaluate", *FOLDERS, "import")

_DATA = (
    "folder with one folder a class, or a .csv table with the columns path, label and, if there "
    "is one, group"
)


def main(words: list[str]) -> int:
    """Run one of `COMMANDS`."""
    if words[0] == "import":
        return _import(words[1:])
    name = words[0]
    given = _parser(name).parse_args(words[1:])
    parameters = {n: getattr(given, f"choice_{n}") for n in signature.parameters(name)}
    try:
        parameters = checked(name, parameters)
    except ValueError as error:
        print(f"visual-ccc {name}: {error}", file=sys.stderr)
        return USAGE
    from ..io.datasets import load

    if name in FOLDERS:
        return _folder(name, given.data, parameters, given)
    data = load(given.data, group=given.group, min_classes=1 if name == "evaluate" else 2)
    return {"audit_dataset": _examine, "train": _train, "evaluate": _evaluate}[name](
        data, parameters, given
    )


def overview() -> list[str]:
    """Lines for ``visual-ccc --help``."""
    lines = ["  train"]
    lines += [f"      {name:<16} {signature.summary(name)}" for name in COMMANDS[:-1]]
    return [*lines, f"      {'import':<16} Turn weights published by Visual-CCC into a model file."]


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        f"visual-ccc {name}", description=signature.summary(name), epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if name in FOLDERS:
        parser.add_argument("data", type=Path, metavar="FOLDER", help="its images are looked at")
    else:
        parser.add_argument("data", type=Path, metavar="DATA", help=_DATA)
        parser.add_argument(
            "--group", default="", metavar="PATTERN",
            help="regular expression whose first (bracket) finds the specimen in a file's name",
        )  # fmt: skip
    for parameter in signature.parameters(name).values():
        terminal.add(parser, parameter)
    if name == "train":
        parser.add_argument(
            "-o", "--output", type=Path, required=True, metavar="FILE",
            help="model file to write (.safetensors); split and report are written beside it",
        )  # fmt: skip
    else:
        parser.add_argument(
            "-o", "--output", type=Path, default=Path("visual-ccc-output"), metavar="DIR",
            help="folder for tables and the report (default: visual-ccc-output)",
        )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    return parser


def _examine(data: Any, parameters: dict[str, Any], given: argparse.Namespace) -> int:
    from ..core.files import check_free, written

    targets = {
        name: given.output / f"{data.name}_{name}.csv"
        for name in ("classes", "duplicates", "skipped")
    }
    for path in targets.values():
        check_free(path, force=given.force)
    result = _run("audit_dataset", data, parameters)
    terminal.clear_line()
    print(result.table.to_string(index=False))
    _notes(result)
    given.output.mkdir(parents=True, exist_ok=True)
    for name, path in targets.items():
        with written(path, force=given.force) as part:
            result.tables[name].to_csv(part, index=False)
        print(f"  {path}")
    return OK


def _train(data: Any, parameters: dict[str, Any], given: argparse.Namespace) -> int:
    from ..core.files import check_free
    from ..workflow.models import beside, named, save_model

    path = named(given.output)
    for one in (path, *beside(path).values()):
        check_free(one, force=given.force)
    try:
        result = _run("train", data, parameters)
    except KeyboardInterrupt:
        from ..nets.training.state import folds_file

        state = parameters["state"]
        if state is not None and (state.exists() or folds_file(state).exists()):
            print(
                f"visual-ccc: {state} holds what was learnt: run the same command again to go on, "
                "or with --finish to take the best so far",
                file=sys.stderr,
            )
        raise
    terminal.clear_line()
    _summary(result.evaluation)
    _notes(result)
    for file in save_model(result, path, force=given.force):
        print(f"  {file}")
    return OK


def _evaluate(data: Any, parameters: dict[str, Any], given: argparse.Namespace) -> int:
    from ..core.files import check_free, written
    from ..report.classifier import write_numbers, write_report

    names = {kind: given.output / f"{data.name}_report.{kind}" for kind in ("html", "json")}
    names["csv"] = given.output / f"{data.name}_images.csv"
    for path in names.values():
        check_free(path, force=given.force)
    result = _run("evaluate", data, parameters)
    terminal.clear_line()
    _summary(result)
    _notes(result)
    given.output.mkdir(parents=True, exist_ok=True)
    write_report(result, names["html"], force=given.force)
    write_numbers(result, names["json"], force=given.force)
    with written(names["csv"], force=given.force) as part:
        result.images.to_csv(part, index=False)
    for path in names.values():
        print(f"  {path}")
    return OK


def _folder(name: str, folder: Path, parameters: dict[str, Any], given: argparse.Namespace) -> int:
    from ..core.files import check_free, write_table

    what = {"classify_folder": "predictions", "image_quality_folder": "quality"}[name]
    path = given.output / f"{folder.resolve().name}_{what}.csv"
    check_free(path, force=given.force)
    result = _run(name, folder, parameters)
    terminal.clear_line()
    _notes(result)
    given.output.mkdir(parents=True, exist_ok=True)
    write_table(result.table, path, force=given.force)
    print(f"  {path}")
    problems = result.table[result.table["problem"] != ""]
    for row in problems.itertuples():
        print(f"visual-ccc: {row.name}: {row.problem}", file=sys.stderr)
    return FAILED if len(problems) else OK


def _run(name: str, given: Any, parameters: dict[str, Any]) -> Any:
    (first,) = signature.inputs(name)
    return run(execute(name, {first: given}, parameters), terminal.bar(given.name)).result


def _summary(evaluation: Any) -> None:
    for row in evaluation.summary.itertuples():
        print(f"{row.metric:<28} {row.value:6.3f}  ({row.low:.3f} to {row.high:.3f})")


def _notes(result: Any) -> None:
    for note in result.notes:
        print(f"  {note}")


def _import(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "visual-ccc import",
        description="Turn weights published by Visual-CCC into a model file; nothing in the file "
        "is executed.",
    )
    parser.add_argument("weights", type=Path, metavar="FILE", help="state dict or finalized file")
    parser.add_argument(
        "--classes", nargs="+", default=(), metavar="NAME",
        help="names of the classes in order, where the file does not say",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="model file to write"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    given = parser.parse_args(words)
    from ..workflow.models import import_visual_ccc

    path = import_visual_ccc(given.weights, given.output, classes=given.classes, force=given.force)
    print(f"  {path}")
    return OK
