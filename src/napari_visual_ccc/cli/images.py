"""Commands on images without an operation, ``info`` and ``open``; an image on standard input."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click

from .. import __version__
from ..workflow import operations
from . import terminal
from .terminal import EXPECTED, FAILED, FILE, OK, end_with_the_window

STDIN = Path("-")

# first bytes of the kinds of images that say what they are
_KINDS = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"II*\0": ".tif", b"MM\0*": ".tif", b"II+\0": ".tif", b"MM\0+": ".tif",
    b"\xff\xd8\xff": ".jpg",
}  # fmt: skip


def from_stdin(images: Sequence[Path]) -> list[Path]:
    """Replace ``-`` by a file with the image on standard input, which is removed with the command.

    Raises
    ------
    ValueError
        If it is given twice, nothing is piped, or what is piped is no PNG, TIFF or JPEG.
    """
    if STDIN not in images:
        return list(images)
    if list(images).count(STDIN) > 1:
        raise ValueError("- is the image on standard input: give it once")
    if sys.stdin.isatty():
        raise ValueError("- is the image on standard input, but nothing is piped into it")
    start = sys.stdin.buffer.read(8)
    ending = next((ending for magic, ending in _KINDS.items() if start.startswith(magic)), "")
    if not ending:
        raise ValueError(
            "what is on standard input is no PNG, TIFF or JPEG: name a file of another kind"
        )
    folder = Path(mkdtemp(prefix="visual-ccc-"))
    click.get_current_context().call_on_close(lambda: shutil.rmtree(folder, ignore_errors=True))
    path = folder / f"stdin{ending}"
    with path.open("wb") as file:
        file.write(start)
        shutil.copyfileobj(sys.stdin.buffer, file)
    return [path if one == STDIN else one for one in images]


def info() -> click.Command:
    """Make the command ``info``."""
    return click.Command(
        "info",
        callback=_info,
        params=[
            click.Argument(["images"], nargs=-1, type=FILE, metavar="[IMAGE...]"),
            click.Option(
                ["--as-stack"], is_flag=True,
                help="A folder is one stack, its files are the slices; by default each of its "
                "images is listed.",
            ),
            click.Option(["as_json", "--json"], is_flag=True, help="Print one JSON object."),
        ],
        help="Show what is known of images: size, axes, pixel size and the field of the file that "
        "states it, info bar, microscope. Without an image: versions, devices, the model and the "
        "operations.\n\nIMAGE: image file, folder, or pattern in quotes.",
        epilog="\b\nExit code: 0 all read, 1 some image cannot be read, 2 wrong options.\n",
        context_settings=terminal.CONTEXT,
    )  # fmt: skip


def opening() -> click.Command:
    """Make the command ``open``."""
    return click.Command(
        "open",
        callback=_open,
        params=[click.Argument(["images"], nargs=-1, type=FILE, metavar="[IMAGE...]")],
        help="Start napari with images and the Visual-CCC dock.\n\nIMAGE: image file, or a folder "
        "of slices; each becomes a layer.",
        context_settings=terminal.CONTEXT,
    )


def _info(images: Sequence[Path], as_stack: bool, as_json: bool) -> int:
    if not images:
        known = _installation()
        print(json.dumps(known, indent=2, ensure_ascii=False) if as_json else _about(known))
        return OK
    try:
        files = from_stdin(images)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    found = [facts for word in files for facts in _all_facts(word, as_stack)]
    if as_json:
        print(json.dumps({"images": found}, indent=2, ensure_ascii=False))
    else:
        for facts in found:
            if "problem" not in facts:
                print(_text(facts))
    return FAILED if any("problem" in facts for facts in found) else OK


def _all_facts(word: Path, as_stack: bool) -> list[dict[str, Any]]:
    """Say what is known of each image that a word names; one that cannot be read has a problem."""
    from ..workflow.batch.images import images_of

    try:
        paths = [one.path for one in images_of(str(word), stacks=as_stack)]
    except EXPECTED as error:
        return [_problem(word, error)]
    return [_tried(path) for path in paths]


def _tried(path: Path) -> dict[str, Any]:
    try:
        return _facts(path)
    except EXPECTED as error:
        return _problem(path, error)


def _problem(path: Path, error: BaseException) -> dict[str, Any]:
    terminal.print_error(path, error)
    return {"image": str(path), "problem": str(error)}


def _facts(path: Path) -> dict[str, Any]:
    """What is known of an image, as plain values."""
    from ..core.micrograph import CHANNEL_AXIS, has_colours, plane_shape
    from ..core.plain import plain
    from ..engine.acquisition.bar_detector import info_bar_of
    from ..io.read import read

    image = read(path)
    height, width = plane_shape(image.data)
    bar = info_bar_of(image)
    leading = image.data.shape[: -3 if has_colours(image) else -2]
    named = image.axes if len(image.axes) == len(leading) else [None] * len(leading)
    axes = [
        {"name": "", "size": size} if one is None
        else {"name": one.name, "size": size} if one.unit == "px" or one.name == CHANNEL_AXIS
        else {"name": one.name, "size": size, "step": one.step, "unit": one.unit}
        for one, size in zip(named, leading, strict=True)
    ]  # fmt: skip
    size: dict[str, Any] | None = None
    if image.spacing is not None and image.unit != "px":
        y, x = image.spacing[-2:]
        size = {"y": y, "x": x, "unit": image.unit, "from": image.pixel_size_from}
    facts: dict[str, Any] = plain({
        "image": str(path), "width": width, "height": height, "dtype": str(image.data.dtype),
        "colours": image.data.shape[-1] if has_colours(image) else 0, "axes": axes,
        "pixel_size": size,
        "info_bar": {**bar.pixels, "from": "file" if image.info_bar is not None else "detection"},
        "facts": image.metadata.get("facts", {}),
        "notes": [*image.notes, *([bar.doubt] if bar.doubt else [])],
        "record": "visual_ccc" in image.metadata,
    })  # fmt: skip
    return facts


def _text(known: dict[str, Any]) -> str:
    from ..core.micrograph import InfoBar, titled_facts
    from ..core.units import in_short

    width, height, size = known["width"], known["height"], known["pixel_size"]
    colours = f", {known['colours']} colours" if known["colours"] else ""
    rows = [("Pixels", f"{width} × {height} (width × height), {known['dtype']}{colours}")]
    for axis in known["axes"]:
        step = f", {axis['step']:.5g} {axis['unit']} apart" if "step" in axis else ""
        rows.append((f"Axis {axis['name']}".strip(), f"{axis['size']}{step}"))
    if size is None:
        rows.append(("Pixel size", "none in the file; give it with --spacing"))
    else:
        sides = " × ".join(dict.fromkeys(f"{size[side]:.5g}" for side in "xy"))
        rows.append(("Pixel size", f"{sides} {size['unit']} (from: {size['from']})"))
        field = in_short(width * size["x"], height * size["y"], size["unit"])
        rows.append(("Field of view", field))
    bar = InfoBar.of({key: one for key, one in known["info_bar"].items() if key != "from"})
    origin = {"file": "stated by the file", "detection": "detected"}[known["info_bar"]["from"]]
    rows.append(("Info bar", f"{bar} ({origin})" if bar else "none"))
    rows += titled_facts(known["facts"])
    if known["record"]:
        rows.append(("Record", "a result of Visual-CCC; `visual-ccc script` writes how it is made"))
    lines = [known["image"], *(f"  {title:<21} {value}" for title, value in rows)]
    return "\n".join([*lines, *(f"  note: {note}" for note in known["notes"])])


# without an image ---------------------------------------------------------------------------------


def _installation() -> dict[str, Any]:
    """Versions, devices, operations and the shipped model."""
    import torch

    from ..nets.card import file_hash, read_card
    from ..workflow.record import versions

    card = read_card()
    devices = ["cpu"]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    devices += [f"cuda ({torch.cuda.get_device_name()})"] if torch.cuda.is_available() else []
    return {
        "version": __version__,
        "versions": versions(),
        "devices": devices,
        "model": {
            "name": card.name, "classes": list(card.classes), "use": card.use,
            "architecture": card.architecture, "sha256": file_hash(),
            **{key: (card.metrics or {})[key] for key in ("test_accuracy", "test_crops")},
        },
        "operations": {
            family: [one.name for one in members]
            for family, members in operations.families(commands=True).items()
        },
    }  # fmt: skip


def _about(known: dict[str, Any]) -> str:
    model = known["model"]
    lines = [
        f"napari-visual-ccc {known['version']}",
        "  " + ", ".join(f"{name} {version}" for name, version in known["versions"].items()),
        f"  devices: {', '.join(known['devices'])}",
        f"model {model['name']}: {', '.join(model['classes'])}",
        f"  {model['use']}; {model['architecture']}; sha256 {model['sha256'][:12]}",
        f"  accuracy {model['test_accuracy']} on {model['test_crops']} crops",
        "operations",
    ]
    lines += [f"  {family}: {', '.join(names)}" for family, names in known["operations"].items()]
    return "\n".join(lines)


# napari -------------------------------------------------------------------------------------------


def _open(images: Sequence[Path]) -> int:
    from .demo import has_screen

    for path in images:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file")
    if not has_screen():
        raise RuntimeError("there is no screen to open napari on; set DISPLAY, or work on files")
    from ..widgets.plugin.window import show

    end_with_the_window()
    show([str(one) for one in images])
    return OK
