"""The command line: ``visual-ccc FAMILY [OPERATION] IMAGE... [options] -o DIR``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..core.progress import Progress, run
from ..workflow import operations, signature
from ..workflow.run import execute
from ..workflow.signature import checked
from ..workflow.summary import summary
from . import terminal
from . import training as cli_train
from .terminal import EPILOG, EXPECTED, FAILED, INTERRUPTED, OK, USAGE


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
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _main(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    except KeyboardInterrupt:
        print("visual-ccc: interrupted; nothing half-written was left", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # who reads the pipe has seen enough; Python would complain once more at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except EXPECTED as error:
        print(f"visual-ccc: {error}", file=sys.stderr)
        return FAILED


def _main(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return OK if words else USAGE
    if words[0] == "--version":
        print(f"visual-ccc {__version__}")
        return OK
    if words[0] == "info":
        argparse.ArgumentParser("visual-ccc info", description=_info.__doc__).parse_args(words[1:])
        return _info()
    if words[0] == "demo":
        return _demo(words[1:])
    if words[0] in cli_train.COMMANDS:
        return cli_train.main(words)
    name, rest = _operation(words)
    return _run(name, _parser(name, words).parse_args(rest))


def _overview() -> str:
    lines = [
        "usage: visual-ccc FAMILY [OPERATION] IMAGE... [options] -o DIR",
        "       visual-ccc train DATA -o MODEL | evaluate DATA --model MODEL | audit_dataset DATA",
        "       visual-ccc demo | info | --version",
        "",
        "See what a network sees in an electron micrograph.",
        "",
    ]
    for family, members in operations.families().items():
        lines.append(f"  {family}")
        lines += [f"      {one.name:<16} {signature.summary(one.name)}" for one in members]
    lines += cli_train.overview()
    lines += ["", "visual-ccc FAMILY [OPERATION] --help lists the options of one.", "", EPILOG]
    return "\n".join(lines)


def _operation(words: list[str]) -> tuple[str, list[str]]:
    """Name of the operation that the first words ask for, and the other words.

    A family alone stands for its first operation; an operation also goes without its family.
    """
    families = operations.families()
    first, rest = words[0], words[1:]
    if first in families:
        members = [one.name for one in families[first]]
        if rest and rest[0] in members and not Path(rest[0]).exists():
            return rest[0], rest[1:]
        return members[0], rest
    if first in operations.OPERATIONS:
        return first, rest
    known = ", ".join([*families, "explain", "demo", "info"])
    print(f"visual-ccc: there is no {first!r}; there are {known}", file=sys.stderr)
    raise SystemExit(USAGE)


# one operation ------------------------------------------------------------------------------------


def _parser(name: str, words: list[str]) -> argparse.ArgumentParser:
    operation = operations.OPERATIONS[name]
    others = [o.name for o in operations.families()[operation.family] if o.name != name]
    also = f" Other operations of {operation.family}: {', '.join(others)}." if others else ""
    parser = argparse.ArgumentParser(
        f"visual-ccc {operation.family} {name}",
        description=f"{signature.summary(name)}{also}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    first, *further = signature.inputs(name)
    texts = signature.input_help(name)
    parser.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE", help=terminal.escaped(texts[first])
    )
    for other in further:
        parser.add_argument(
            f"--{other}", type=Path, metavar="FILE",
            help=terminal.escaped(f"Image file. {texts[other]}"),
            required=other not in signature.optional_inputs(name),
        )  # fmt: skip
    for parameter in signature.parameters(name).values():
        terminal.add(parser, parameter)
    parser.add_argument(
        "--spacing", type=_sizes, metavar="SIZE",
        help="size of a pixel, or Z,Y,X of a voxel, where the file does not say or is wrong",
    )  # fmt: skip
    parser.add_argument("--unit", help="of --spacing (default: nm)")
    parser.add_argument(
        "--keep-info-bar", action="store_true",
        help="work on the label bar as well; by default it is left out and stays blank",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("visual-ccc-output"), metavar="DIR",
        help="folder for the results (default: visual-ccc-output)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("ome-tiff", "ome-zarr", "ome-zarr-0.4", "imagej"), default="ome-tiff",
        help="of images and labels (default: ome-tiff)",
    )  # fmt: skip
    parser.add_argument(
        "--tables", choices=("csv", "parquet"), default="csv", help="format (default: csv)"
    )
    parser.add_argument(
        "--figures", choices=("png", "svg", "none"), default="png",
        help="format of pictures with a scale bar (default: png)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace results that are there")
    return parser


def _sizes(text: str) -> tuple[float, ...]:
    try:
        sizes = tuple(float(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not 1 <= len(sizes) <= 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 2.5, or 10,2.5,2.5")
    return sizes * 2 if len(sizes) == 1 else sizes


def _run(name: str, given: argparse.Namespace) -> int:
    parameters = {n: getattr(given, f"choice_{n}") for n in signature.parameters(name)}
    try:
        parameters = checked(name, parameters)
        _check_names(given.images)
        _check_pixel_size(given)
        if given.output.exists() and not given.output.is_dir():
            raise ValueError(f"{given.output} is a file; name a folder with -o")
    except ValueError as error:
        print(f"visual-ccc {name}: {error}", file=sys.stderr)
        return USAGE
    failed = 0
    for number, path in enumerate(given.images, start=1):
        title = f"[{number}/{len(given.images)}] {path.name}"
        try:
            _one_image(name, path, parameters, given, terminal.bar(title))
        except BrokenPipeError:
            raise
        except EXPECTED as error:
            failed += 1
            terminal.complain(path, error)
        # a batch goes on; a fault of ours is counted like any other failure
        except Exception as error:  # noqa: BLE001
            failed += 1
            text = f"{type(error).__name__}: {error} (a fault of visual-ccc: please report it)"
            print(f"visual-ccc: {path}: {text}", file=sys.stderr)
    if failed and len(given.images) > 1:
        print(f"visual-ccc: {failed} of {len(given.images)} images failed", file=sys.stderr)
    return FAILED if failed else OK


def _check_pixel_size(given: argparse.Namespace) -> None:
    """Check size and unit, and write them as everywhere else: ``um`` is µm, metres are nm."""
    from ..core.units import length

    if given.spacing is None:
        if given.unit:
            raise ValueError("--unit is that of --spacing; give both")
        return
    if not min(given.spacing) > 0:
        raise ValueError(f"--spacing is {given.spacing[-1]}; it must be above zero")
    sizes = [length(size, given.unit or "nm") for size in given.spacing]
    given.spacing, given.unit = tuple(size for size, _ in sizes), sizes[0][1]


def _check_names(images: Sequence[Path]) -> None:
    from ..core.files import stem
    from ..workflow.save import file_stem

    seen: dict[str, Path] = {}
    for path in images:
        name = file_stem(stem(path))
        # some file systems do not tell A from a
        other = seen.setdefault(name.casefold(), path)
        if other is not path:
            raise ValueError(
                f"{other} and {path} would both be written as {name}; "
                "run them into different folders"
            )


def _one_image(
    name: str,
    path: Path,
    parameters: dict[str, Any],
    given: argparse.Namespace,
    report: Callable[[Progress], object],
) -> None:
    from ..core.files import check_free
    from ..core.micrograph import InfoBar
    from ..io.read import read
    from ..workflow.save import base_name, recipe_file, write_result

    micrograph = read(path)
    spacing, unit = micrograph.voxel, micrograph.unit
    if given.spacing is not None:
        spacing, unit = given.spacing, given.unit
    first, *further = signature.inputs(name)
    files = {other: getattr(given, other) for other in further if getattr(given, other)}
    # a further input is recorded by the file that it is read from
    images = {first: micrograph} | {
        other: replace(read(file), name=str(file)) for other, file in files.items()
    }
    # where results are known to be there already, nothing is computed first
    for target in ("", parameters.get("target") or ""):
        recipe = recipe_file(given.output, base_name(micrograph.name, name, target))
        check_free(recipe, force=given.force)
    bar = InfoBar() if given.keep_info_bar else None
    outcome = run(
        execute(name, images, parameters, spacing=spacing, unit=unit, info_bar=bar), report
    )
    terminal.clear_line()
    result = outcome.result
    axes = _axes(micrograph.axes, given.spacing, unit, micrograph.data.ndim)
    under = images.get("intensity", micrograph).data if first == "image" else None
    left_out = None if operations.OPERATIONS[name].whole else result.facts.get("info_bar", {})
    written = write_result(
        result,
        given.output,
        base_name(micrograph.name, name, result.target),
        outcome.record,
        image=under,
        spacing=spacing,
        unit=unit,
        origin=_origin(micrograph, axes, spacing),
        axes=axes,
        info_bar=None if left_out is None else InfoBar(**left_out),
        format=given.format,
        tables=given.tables,
        figures=given.figures,
        force=given.force,
    )
    print(f"{path}: {summary(result)}")
    for note in (*micrograph.notes, *result.notes):
        print(f"  {note}")
    for file in written:
        print(f"  {file}")


def _origin(micrograph: Any, axes: tuple[Any, ...], spacing: Any) -> tuple[float, ...]:
    """Where the image lies, with the steps and pixel size that may have been given anew."""
    stated = micrograph.metadata.get("origin") or (0.0, 0.0)
    was, now = (
        [*(one.step for one in leading), *(size or (1.0, 1.0))[-2:]]
        for leading, size in ((micrograph.axes, micrograph.spacing), (axes, spacing))
    )
    known = len(stated) if len(stated) <= min(len(was), len(now)) else 2
    steps = zip(stated[-known:], was[-known:], now[-known:], strict=True)
    return tuple(place / old * new for place, old, new in steps)


def _axes(axes: tuple[Any, ...], spacing: Any, unit: str, ndim: int) -> tuple[Any, ...]:
    """The leading axes, with the step between slices where it was given."""
    from ..core.micrograph import Axis

    if spacing is None or np.size(spacing) < 3 or ndim < 3:
        return axes
    others = axes[:-1] if axes else tuple(Axis(f"axis {k}") for k in range(ndim - 3))
    return (*others, Axis("z", float(spacing[-3]), unit))


# info and demo ------------------------------------------------------------------------------------


def _info() -> int:
    """Versions, devices, operations and the shipped model."""
    import torch

    from ..nets.card import file_hash, read_card
    from ..workflow.record import versions

    card = read_card()
    devices = ["cpu"]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    devices += [f"cuda ({torch.cuda.get_device_name()})"] if torch.cuda.is_available() else []
    print(f"napari-visual-ccc {__version__}")
    print("  " + ", ".join(f"{name} {version}" for name, version in versions().items()))
    print(f"  devices: {', '.join(devices)}")
    print(f"model {card.name}: {', '.join(card.classes)}")
    print(f"  {card.use}; {card.architecture}; sha256 {file_hash()[:12]}")
    metrics = card.metrics or {}
    print(f"  accuracy {metrics['test_accuracy']} on {metrics['test_crops']} crops")
    print("operations")
    for family, members in operations.families().items():
        print(f"  {family}: {', '.join(one.name for one in members)}")
    return OK


def _demo(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "visual-ccc demo",
        description="Run the main jobs on the sample micrographs: opens napari with the layers "
        "where there is a screen, writes them to a folder otherwise.",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("demo-output"), metavar="DIR",
        help="folder to write to without a screen (default: demo-output)",
    )  # fmt: skip
    parser.add_argument(
        "--no-screen", action="store_true", help="write to the folder even with a screen"
    )
    given = parser.parse_args(words)
    from . import demo

    return demo.run_demo(given.output, on_screen=demo.has_screen() and not given.no_screen)


if __name__ == "__main__":
    sys.exit(main())
