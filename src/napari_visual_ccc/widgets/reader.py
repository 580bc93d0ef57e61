"""Open micrographs in the viewer with their scale, units and facts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.utils.notifications import show_info

from .. import formats
from ..formats.lazy import is_large
from ..header import has_colours
from ..micrograph import Micrograph
from .layers import METADATA, MICROGRAPH
from .viewers import scale_bar

PLUGIN = "napari-visual-ccc"
LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[..., list[Any]]
# suffixes that napari's own reader takes as well: it would ask which of the two to use
_SHARED = (*formats.TIFF, *formats.PICTURES, ".npy", ".npz", ".h5", ".hdf5")


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Give what opens a file or folder; several paths become one stack.

    What napari's own reader opens with nothing lost is handed to it: so this reader can be
    chosen for good, and plain images still open as they always did.
    """
    paths = [Path(one) for one in ([path] if isinstance(path, str | os.PathLike) else path)]
    if not paths or not all(_known(one) for one in paths):
        return None
    if all(_is_plain(one) for one in paths):
        from napari_builtins.io import napari_get_reader

        return napari_get_reader(path)
    return read


def read(path: str | Sequence[str], stack: bool = False) -> list[LayerData]:
    """Open a micrograph as layers, several files as the slices of one stack."""
    if isinstance(path, str | os.PathLike):
        return layers(formats.read_all(path))
    paths = [Path(one) for one in path]
    if len(paths) == 1:
        return layers(formats.read_all(paths[0]))
    return layers([formats.stack(paths, paths[0].parent)])


def layers(images: Sequence[Micrograph]) -> list[LayerData]:
    """Make layer data of all images of a file, and say what a person should know of the reading."""
    for one in images:
        for note in one.notes:
            show_info(f"{one.name}: {note}")
    viewer = napari.current_viewer()
    if viewer is not None and any(one.spacing is not None for one in images):
        scale_bar(viewer).visible = True
    return [layer_data(one) for one in images]


def layer_data(one: Micrograph) -> LayerData:
    """Make layer data of a micrograph.

    Returns
    -------
    (data, options, kind)
        As napari's readers give them. In ``options["metadata"]["micrograph"]``: facts, spacing,
        unit, info_bar, notes, path and the file's own dictionary under ``"original"``.
    """
    rgb = has_colours(one)
    ndim = one.data.ndim - rgb
    axes = one.axes if len(one.axes) == ndim - 2 else ()
    steps = [axis.step for axis in axes] or [1.0] * (ndim - 2)
    units = [_unit(axis.unit) for axis in axes] or ["pixel"] * (ndim - 2)
    labels = _labels([axis.name for axis in axes], ndim)
    options: dict[str, Any] = {
        "name": one.name,
        "scale": (*steps, *(one.spacing or (1.0, 1.0))),
        "units": (*units, *([_unit(one.unit)] * 2)),
        "axis_labels": labels,
        "metadata": {MICROGRAPH: _facts(one)},
    }
    origin = one.metadata.get("origin")
    if origin is not None:
        options["translate"] = (*[0.0] * (ndim - len(origin)), *origin)
    record = one.metadata.get(METADATA)
    if record:
        options["metadata"][METADATA] = record
    data = [one.data, *one.levels] if one.levels else one.data
    if _is_labels(one):
        return data, {**options, "opacity": 0.5}, "labels"
    return data, {**options, "rgb": rgb, "multiscale": bool(one.levels)}, "image"


def _facts(one: Micrograph) -> dict[str, Any]:
    return {
        **one.metadata.get("facts", {}),
        "spacing": one.spacing,
        "unit": one.unit,
        "info_bar": None if one.info_bar is None else dataclasses.asdict(one.info_bar),
        "notes": list(one.notes),
        "path": str(one.path) if one.path else "",
        "original": one.metadata.get("original", {}),
    }


def _unit(name: str) -> str:
    return "pixel" if name == "px" else name


def _labels(names: list[str], ndim: int) -> tuple[str, ...]:
    names = names or ["z" if k == 0 else f"axis {k}" for k in range(ndim - 2)][::-1]
    return (*names, "y", "x")


def _is_labels(one: Micrograph) -> bool:
    """Tell a result of ours that numbers regions from one that holds grey values."""
    return bool(one.metadata.get("labels")) and np.dtype(one.data.dtype).kind in "iu"


# which reader -------------------------------------------------------------------------------------


def _known(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in formats.SUFFIXES


def _is_plain(path: Path) -> bool:
    """Tell whether napari's own reader loses nothing: no pixel size, no facts, no second image.

    A file that cannot be looked at is not plain: this reader says what is wrong with it.
    """
    try:
        return _looks_plain(path)
    # of damaged files, anything
    except Exception:  # noqa: BLE001
        return False


def _looks_plain(path: Path) -> bool:
    from ..formats import arrays, sidecar, tiff

    suffix = path.suffix.lower()
    if path.is_dir():
        if suffix in formats.FOLDERS or arrays.is_zarr(path):
            return suffix == ".zarr" and not arrays.has_scale(path)
        slices = formats.slices_of(path)
        return not slices or _looks_plain(slices[0])
    if suffix == ".npy":
        return not is_large(path.stat().st_size)
    if suffix in formats.PICTURES:
        return not sidecar.exists(path)
    return suffix in formats.TIFF and tiff.is_plain(path)


def prefer(context: Any = None) -> None:
    """Let napari open micrographs without asking which reader to take.

    Where two readers know a suffix and the person has chosen neither, napari asks at every file.
    As this reader hands plain images to napari's own, nothing is lost by choosing it. A choice
    that is there is left alone; Preferences > Plugins shows and changes all of them.
    """
    from napari.settings import get_settings

    plugins = get_settings().plugins
    chosen = dict(plugins.extension2reader)
    # napari compares them letter by letter
    suffixes = [*_SHARED, *(one.upper() for one in _SHARED)]
    wanted = [*(f"*{suffix}" for suffix in suffixes), f"*{os.sep}"]
    missing = {pattern: PLUGIN for pattern in wanted if pattern not in chosen}
    if missing:
        plugins.extension2reader = {**chosen, **missing}
