"""Open micrographs in the viewer with their scale, units and facts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari
from napari.utils.notifications import show_info

from ...core.micrograph import Micrograph
from ...io import read as formats
from ...io.read.mrc import is_map
from ..canvas import size_notice
from ..canvas.refit import keep_fitted
from ..checks import watcher
from ..layers.convert import LayerData, layer_data
from ..layers.viewers import PLUGIN, scale_bar

Reader = Callable[..., list[Any]]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return the reader of a file or folder; several paths become one stack.

    Files that napari's own reader opens without loss go to it: so this reader can be the default,
    and plain images still open as before.
    """
    paths = [Path(one) for one in ([path] if isinstance(path, str | os.PathLike) else path)]
    if not paths or not all(_known(one) for one in paths):
        return None
    # whichever reader opens them
    watched_viewer()
    # several are put in order here, and what is left out is said
    if len(paths) == 1 and _is_plain(paths[0]):
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
    """Make layer data of all images of a file, and display the notes of the reading."""
    for one in images:
        for note in one.notes:
            show_info(f"{one.name}: {note}")
    viewer = watched_viewer()
    if viewer is not None and any(one.spacing is not None for one in images):
        scale_bar(viewer).visible = True
    return [layer_data(one) for one in images]


def watched_viewer() -> napari.Viewer | None:
    """The viewer that opens images now; what it opens is checked, and named without a pixel size.

    None where there is none.
    """
    viewer = napari.current_viewer()
    if viewer is not None:
        size_notice.watch(viewer)
        watcher.watch(viewer)
        keep_fitted(viewer)
    return viewer


# which reader -------------------------------------------------------------------------------------


def _known(path: Path) -> bool:
    # other readers take other files with the name of a map
    return path.is_dir() or (path.suffix.lower() in formats.SUFFIXES and is_map(path))


def _is_plain(path: Path) -> bool:
    """Whether napari's own reader loses nothing: no pixel size, no facts, no second image.

    A damaged file is not plain: this reader reports what is wrong with it.
    """
    try:
        return formats.is_plain(path)
    # of damaged files, anything
    except Exception:  # noqa: BLE001
        return False


def prefer(context: Any = None) -> None:
    """Let napari open micrographs without asking which reader to take.

    Where two readers know a suffix and the user has chosen neither, napari asks at every file.
    As this reader passes plain images on to napari's own, nothing is lost by choosing it. An
    existing choice is kept; Preferences > Plugins shows and changes all of them.
    """
    from napari.settings import get_settings

    plugins = get_settings().plugins
    chosen = dict(plugins.extension2reader)
    shared = _shared_suffixes()
    # napari compares them letter by letter
    suffixes = [*shared, *(one.upper() for one in shared)]
    wanted = [*(f"*{suffix}" for suffix in suffixes), f"*{os.sep}"]
    missing = {pattern: PLUGIN for pattern in wanted if pattern not in chosen}
    if missing:
        plugins.extension2reader = {**chosen, **missing}


def _shared_suffixes() -> list[str]:
    """Suffixes of files that napari's own reader takes as well."""
    from npe2 import PluginManifest

    contributions = PluginManifest.from_distribution("napari").contributions
    patterns = {one for reader in contributions.readers or () for one in reader.filename_patterns}
    files = (suffix for suffix in formats.SUFFIXES if suffix not in formats.FOLDERS)
    return [suffix for suffix in files if f"*{suffix}" in patterns]
