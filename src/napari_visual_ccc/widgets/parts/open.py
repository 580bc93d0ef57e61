"""Image files opened as layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Layer
from napari.utils.notifications import show_info

from ...core.micrograph import Micrograph
from ..layers.convert import layer_data
from ..layers.metadata import calibration
from ..layers.viewers import show_only, show_slice
from .jobs import EXPECTED, report

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from pandas import DataFrame, Series


def open_image(viewer: Viewer, path: Path, name: str) -> Layer | None:
    """Show an image file alone, as a layer with its pixel size that is opened once.

    A file that cannot be read is reported, and None returned. Beside layers with a pixel size, it
    is said of an image that it has none.
    """
    from ...io.read import read

    if name in viewer.layers:
        layer: Layer = viewer.layers[name]
    else:
        try:
            image = read(path)
        except EXPECTED as error:
            report(error)
            return None
        layer = add_micrograph(viewer, image, name)
    sizes = [calibration(one)[0] for one in viewer.layers if one != layer]
    if calibration(layer)[0] is None and any(size is not None for size in sizes):
        show_info(f"{name} has no pixel size, as other layers have: set it in Micrograph info")
    show_only(viewer, layer)
    return layer


def open_row(viewer: Viewer, folder: Path, frame: DataFrame, row: int) -> None:
    """Show the image of a row of the table of a folder, a stack at the slice of the row."""
    found = frame.iloc[row]
    name = str(found["name"])
    show_slice_of(viewer, open_image(viewer, folder / name, name), found)


def show_slice_of(viewer: Viewer, layer: Layer | None, row: Series) -> None:
    """Move the sliders to the slice that a row of a table is of, if it is of one."""
    place = row.filter(like="index_").dropna()
    if layer is not None and len(place):
        show_slice(viewer, layer, (*map(int, place), 0, 0))


def add_micrograph(viewer: Viewer, image: Micrograph, name: str) -> Layer:
    """Add a micrograph as a layer with its pixel size and info bar."""
    data, options, kind = layer_data(image)
    return viewer.add_layer(Layer.create(data, {**options, "name": name}, kind))
