"""The window of napari with the Visual-CCC dock, as the command line opens it."""

from __future__ import annotations

from collections.abc import Sequence

import napari

from ..layers.viewers import PLUGIN, WORKSPACE


def show(paths: Sequence[str], *, block: bool = True) -> napari.Viewer:
    """Open napari with images and the Visual-CCC dock.

    Parameters
    ----------
    paths : sequence of str
        Images, or folders of slices; each becomes a layer.
    block : bool
        Stay until the window is closed.
    """
    viewer = napari.Viewer()
    workspace = viewer.window.add_plugin_dock_widget(PLUGIN, WORKSPACE)[1]
    workspace.open_paths(list(paths))
    if block:
        napari.run()
    return viewer
