"""Commands that take many images: audit_dataset, train, evaluate and those of a folder."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import click

from ..core.progress import StopEarly, run
from ..workflow import signature
from ..workflow.operations import OPERATIONS as CATALOGUE
from ..workflow.run import execute
from . import terminal
from .models import import_command
from .terminal import FAILED, FILE, OK

# the catalogue's operations on data sets, and then those on folders
OPERATIONS = tuple(
    name for takes in ("dataset", "folder") for name, one in CATALOGUE.items() if one.takes == takes
)

COMMANDS = (*OPERATIONS, "import")

_DATA = (
    "folder with one sub-folder per class (or with train, validation and test, each with the "
    "sub-folders of the classes), or a .csv table with the columns path, label and, optionally, "
    "group and part"
)


# images that failed which are named at the end
_NAMED = 10

# commands whose images need no classes
_UNLABELLED = ("train_autoencoder",)

_IMAGES = (
    "image, stack, folder of images, or .csv table with the column path and, optionally, group"
)


def command(name: str) -> click.Command:
    """Make one of `COMMANDS`."""
    if name == "import":
        return import_command()
    takes_folder = CATALOGUE[name].takes == "folder"
    text = "FOLDER: folder of images"
    if not takes_folder:
        text = f"DATA: {_IMAGES if name in _UNLABELLED else _DATA}"
    metavar = "FOLDER" if takes_folder else "DATA"
    params: list[click.Parameter] = [click.Argument(["data"], type=FILE, metavar=metavar)]
    if not takes_folder:
        params.append(
            click.Option(
                ["--group"], default="", metavar="PATTERN",
                help="Regular expression; its first (group) matches the specimen in a file name.",
            )
        )  # fmt: skip
    if CATALOGUE[name].takes == "dataset" and name not in ("evaluate", *_UNLABELLED):
        params.append(
            click.Option(
                ["--channels"], default="", metavar="NAME,NAME",
                help="Channels of the images: of files with a channel axis, or of files a_NAME.tif "
                "(or columns of the table) for each of them.",
            )
        )  # fmt: skip
    common = (_output(name), terminal.force_option(), *terminal.talking())
    return click.Command(
        name,
        callback=functools.partial(_run, name),
        params=[*params, *terminal.options(name), *common],
        help=f"{signature.summary(name)}\n\n{text}.",
        epilog=terminal.EPILOG,
        context_settings=terminal.CONTEXT,
    )


def _output(name: str) -> click.Option:
    if name not in ("train", "train_autoencoder"):
        return terminal.output_option("visual-ccc-output", "Folder for tables and the report")
    return click.Option(
        ["-o", "--output"], type=FILE, required=True, metavar="FILE",
        help="Model file to write (.safetensors); split and report are written next to it.",
    )  # fmt: skip


def _run(name: str, data: Path, output: Path, force: bool, **values: Any) -> int:
    parameters = terminal.choices(name, values)
    if CATALOGUE[name].takes == "folder":
        return _folder(name, data, parameters, output, force)
    from ..workflow.specimen import open_dataset

    channels = values.get("channels", "")
    found = open_dataset(name, data, parameters, group=values["group"], channels=channels)
    return _WRITERS[name](found, parameters, output, force)


def _audit(data: Any, parameters: dict[str, Any], output: Path, force: bool) -> int:
    from ..core.files import check_free, make_folder
    from ..report.audit import write_audit

    names = ("classes", "formats", "duplicates", "skipped", "properties")
    targets = {name: output / f"{data.name}_{name}.csv" for name in names}
    page = output / f"{data.name}_audit.html"
    for path in (page, *targets.values()):
        check_free(path, force=force)
    result = _executed("audit_dataset", data, parameters)
    print(result.table.to_string(index=False))
    print(result.tables["formats"].to_string(index=False))
    terminal.print_notes(result.notes)
    make_folder(output)
    for name, path in targets.items():
        _write_csv(result.tables[name], path, force)
        terminal.wrote(path)
    write_audit(result, page, title=data.name, force=force)
    terminal.wrote(page)
    return OK


def _train(data: Any, parameters: dict[str, Any], output: Path, force: bool) -> int:
    from ..workflow.models import check_companions, named, save_model

    path = named(output)
    check_companions(path, force=force)
    result = _interruptible("train", data, parameters)
    _summary(result.evaluation)
    _operating_point(result.evaluation)
    terminal.print_notes(result.notes)
    for file in save_model(result, path, force=force):
        terminal.wrote(file)
    return OK


def _train_autoencoder(data: Any, parameters: dict[str, Any], output: Path, force: bool) -> int:
    from ..workflow.cost import autoencoder, describe
    from ..workflow.models import check_companions, named, save_model

    path = named(output)
    check_companions(path, force=force)
    terminal.tell(f"{describe(autoencoder(parameters))}.")
    result = _interruptible("train_autoencoder", data, parameters)
    print(result.summary.round(3).to_string(index=False))
    terminal.print_notes(result.notes)
    for file in save_model(result, path, force=force):
        terminal.wrote(file)
    return OK


def _interruptible(name: str, data: Any, parameters: dict[str, Any]) -> Any:
    """Train; the first Ctrl+C keeps what is learnt, after another one say how to continue."""
    from ..core.files import check_writable

    if parameters["state"] is not None:
        check_writable(parameters["state"])
    try:
        with terminal.stopping() as check:
            return _executed(name, data, parameters, (check,))
    except (KeyboardInterrupt, StopEarly):
        from ..nets.training.state import folds_file

        state = parameters["state"]
        if state is not None and (state.exists() or folds_file(state).exists()):
            print(
                f"visual-ccc: {state} holds the training state: run the same command again to "
                "continue, or with --finish to keep the best epoch so far",
                file=sys.stderr,
            )
        raise KeyboardInterrupt from None


def _evaluate(data: Any, parameters: dict[str, Any], output: Path, force: bool) -> int:
    from ..core.files import REPLACE, check_free, check_writable, make_folder
    from ..report.classifier import write_numbers, write_report

    names = {kind: output / f"{data.name}_report.{kind}" for kind in ("html", "json")}
    names["csv"] = output / f"{data.name}_images.csv"
    for path in names.values():
        check_free(path, force=force)
    check_writable(names["html"])
    figures = output / f"{data.name}_figures"
    if figures.exists() and not force:
        raise FileExistsError(f"{figures} already exists; {REPLACE}")
    result = _executed("evaluate", data, parameters)
    _summary(result)
    _details(result)
    terminal.print_notes(result.notes)
    make_folder(output)
    write_report(result, names["html"], figures=figures, force=force)
    write_numbers(result, names["json"], force=force)
    _write_csv(result.images, names["csv"], force)
    for path in (*names.values(), figures):
        terminal.wrote(path)
    return OK


# how the result of an operation on a data set is written
_WRITERS = {
    "audit_dataset": _audit, "train": _train, "evaluate": _evaluate,
    "train_autoencoder": _train_autoencoder,
}  # fmt: skip


# what the table of a folder is called in the name of its file
_NAMES = {
    "common_patterns": "patterns",
    "classify_folder": "predictions",
    "concordance_folder": "concordance",
}


def _folder(name: str, folder: Path, parameters: dict[str, Any], output: Path, force: bool) -> int:
    from ..core.files import check_free, check_writable, make_folder, write_table
    from ..report.enrichment import charts, write_chart
    from ..workflow.batch.output import place_of

    what = _NAMES.get(name, CATALOGUE[name].family)
    path = output / f"{folder.resolve().name}_{what}.csv"
    check_free(path, force=force)
    if "state" in parameters:
        if parameters["state"] is not None:
            check_writable(path)
        # the same command goes on where it ended
        parameters = {**parameters, "state": parameters["state"] or place_of(path)[0]}
    result = _executed(name, folder, parameters)
    terminal.print_notes(result.notes)
    make_folder(output)
    write_table(result.table, path, force=force)
    terminal.wrote(path)
    for key, table in list(result.tables.items())[1:]:
        further = path.with_name(f"{path.stem}_{key.replace(' ', '_')}.csv")
        write_table(table, further, force=force)
        terminal.wrote(further)
    for key, draw in charts(result).items():
        picture = path.with_name(f"{path.stem}_{key.replace(' ', '_')}.png")
        write_chart(draw, picture, force=force)
        terminal.wrote(picture)
    if name == "common_patterns":
        return _patterns(result, path, force)
    problems = result.table[result.table["problem"] != ""]
    for row in problems.head(_NAMED).itertuples():
        print(f"visual-ccc: {row.name}: {row.problem}", file=sys.stderr)
    if len(problems) > _NAMED:
        more = len(problems) - _NAMED
        print(f"visual-ccc: and {more} more: see the column problem of {path}", file=sys.stderr)
    return FAILED if len(problems) else OK


def _patterns(result: Any, path: Path, force: bool) -> int:
    from ..report.figures import preview
    from ..report.lens.patterns import write_patterns

    page, picture = path.with_suffix(".html"), path.with_suffix(".png")
    write_patterns(result, page, title=path.stem, force=force)
    # its patches have no common scale
    preview(result.layer(), picture, bar=False, force=force)
    terminal.wrote(page)
    terminal.wrote(picture)
    return OK


def _executed(name: str, given: Any, parameters: dict[str, Any], more: Any = ()) -> Any:
    (first,) = signature.inputs(name)
    outcome = run(execute(name, {first: given}, parameters), terminal.bar(given.name, *more))
    terminal.clear_line()
    terminal.answer(outcome.result)
    return outcome.result


def _write_csv(table: Any, path: Path, force: bool) -> None:
    from ..core.files import write_csv

    write_csv(table, path, force=force)


def _summary(evaluation: Any) -> None:
    for row in evaluation.summary.itertuples():
        print(f"{row.metric:<28} {row.value:6.3f}  ({row.low:.3f} to {row.high:.3f})")


def _details(evaluation: Any) -> None:
    """Print the classification report, and the tables that were asked for."""
    from ..report.plots import METRICS, report_rows

    print(f"\n{'class':<24} {'images':>7} {' '.join(f'{name:>9}' for name in METRICS)}")
    for name, count, *values in report_rows(evaluation):
        print(f"{name:<24} {count:>7} {' '.join(f'{value:>9.3f}' for value in values)}")
    _operating_point(evaluation)
    if evaluation.robustness is not None:
        print(f"\n{evaluation.robustness.round(3).to_string(index=False)}")
    print()


def _operating_point(evaluation: Any) -> None:
    from ..engine.evaluation.operating_point import rates_of

    if evaluation.operating_point is not None:
        facts = evaluation.facts["operating_point"]
        print(f"\n{evaluation.operating_point.round(3).to_string(index=False)}")
        print(f"thresholds chosen on: {facts['chosen_on']}; rates of {rates_of(facts)}")
