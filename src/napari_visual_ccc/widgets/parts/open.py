"""Image files opened as layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Layer

from ...core.micrograph import Micrograph
from ..layers.convert import layer_data
from .jobs import EXPECTED, report

if TYPE_CHECKING:
    from napari.viewer import Viewer


def open_image(viewer: Viewer, path: Path, name: str) -> Layer | None:
    """Open an image file as a layer with its pixel size, or select the layer if it is open.

    A file that cannot be read is reported, and None returned.
    """
    from ...io.read import read

    if name in viewer.layers:
        layer: Layer = viewer.layers[name]
        viewer.layers.selection.active = layer
        return layer
    try:
        image = read(path)
    except EXPECTED as error:
        report(error)
        return None
    return add_micrograph(viewer, image, name)


def add_micrograph(viewer: Viewer, image: Micrograph, name: str) -> Layer:
    """Add a micrograph as a layer with its pixel size and info bar."""
    data, options, kind = layer_data(image)
    return viewer.add_layer(Layer.create(data, {**options, "name": name}, kind))
