"""Save layers from napari: images with calibration, tables, figures with a scale bar."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Image
from napari.utils import progress
from qtpy.QtCore import QEventLoop
from qtpy.QtWidgets import QApplication

from ...arrays.inputs import to_gray
from ...core.contrast import COLORMAPS
from ...core.files import check_free, write_table
from ...core.layers import ImageLayer, LabelsLayer, Layer, Placement, Style
from ...core.micrograph import has_colours
from ...core.progress import Progress, Steps, run
from ...io.write.images import Format, write_image
from ...report.figures import overlay
from ...workflow.save import file_stem
from ..layers.convert import LayerTuple, as_micrograph, frame_of
from ..layers.metadata import METADATA

Writer = Callable[[str, list[LayerTuple]], list[str]]


_STYLES: dict[str, Style] = {colormap: style for style, colormap in COLORMAPS.items()}

_ENDINGS = (".ome.tif", ".ome.tiff", ".ome.zarr")


def _report_errors(write: Writer) -> Writer:
    """Turn a ValueError into an OSError: napari takes the first for "not this writer"."""

    @functools.wraps(write)
    def reporting(path: str, layers: list[LayerTuple]) -> list[str]:
        for _, about, _ in layers:
            if (about.get("metadata", {}).get(METADATA) or {}).get("unfinished"):
                raise OSError(f"{about['name']} is not fully computed; wait, or run it again")
        try:
            return write(path, layers)
        except ValueError as error:
            raise OSError(str(error)) from error

    return reporting


@_report_errors
def write_images(path: str, layers: list[LayerTuple]) -> list[str]:
    """Save images and labels as OME-TIFF or OME-Zarr, one file each."""
    return _write_images(path, layers, "auto")


@_report_errors
def write_imagej(path: str, layers: list[LayerTuple]) -> list[str]:
    """Save images and labels as TIFF that ImageJ opens with its scale, one file each."""
    return _write_images(path, layers, "imagej")


@_report_errors
def write_tables(path: str, layers: list[LayerTuple]) -> list[str]:
    """Save the features of labels as CSV or Parquet, one file each."""

    def write(layer: LayerTuple, target: Path, force: bool) -> None:
        _, about, _ = layer
        table = about.get("features")
        if table is None or not len(table.columns):
            raise ValueError(f"{about['name']} has no table; measure its regions first")
        # napari's own column, which ties a row to its label
        twice = "index" in table and "label" in table and (table["index"] == table["label"]).all()
        write_table(table.drop(columns="index") if twice else table, target, force=force)

    return _each(path, layers, write)


@_report_errors
def write_figure(path: str, layers: list[LayerTuple]) -> list[str]:
    """Draw layers over each other, at the displayed slice, with a scale bar."""
    visible = [layer for layer in layers if layer[1].get("visible", True)] or layers
    below = as_micrograph(*visible[0])
    parts = [_drawable(visible[0], layer) for layer in visible]
    # the dialog has asked whether to replace a file
    overlay(parts, Path(path), pixel_size=below.pixel_size, force=True)
    return [path]


def _write_images(path: str, layers: list[LayerTuple], format: Format) -> list[str]:
    def write(layer: LayerTuple, target: Path, force: bool) -> None:
        steps = write_image(as_micrograph(*layer), target, format=format, force=force)
        with progress(desc=f"Write {target.name}") as bar:
            _without_blocking(steps, bar)

    return _each(path, layers, write)


def _without_blocking(steps: Steps[Any], bar: Any) -> None:
    """Run work in a thread, and process the events of the viewer until it ends."""
    now: list[Progress] = []
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(run, steps, now.append)
        while not work.done():
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            if now:
                bar.total = now[-1].total
                bar.update(now[-1].done - bar.n)
            wait([work], timeout=0.01)
        work.result()


def _each(
    path: str, layers: list[LayerTuple], write: Callable[[LayerTuple, Path, bool], None]
) -> list[str]:
    """Write a layer to the path, or several to files beside it that are named after them."""
    target = Path(path)
    if len(layers) == 1:
        # the dialog has asked whether to replace the file
        write(layers[0], target, True)
        return [path]
    ending = next((e for e in _ENDINGS if target.name.lower().endswith(e)), target.suffix)
    stem = target.name[: len(target.name) - len(ending)]
    targets = [
        target.with_name(f"{stem}_{file_stem(str(layer[1]['name']))}{ending}") for layer in layers
    ]
    if len({one.name.casefold() for one in targets}) < len(targets):
        raise ValueError("two layers would be written to the same file; rename one of them")
    for one in targets:
        check_free(one, force=False)
    for layer, one in zip(layers, targets, strict=True):
        write(layer, one, False)
    return [str(one) for one in targets]


def _drawable(first: LayerTuple, layer: LayerTuple) -> Layer:
    """The displayed plane, placed in the frame of the first layer."""
    _, about, kind = layer
    frame, below = frame_of(about), frame_of(first[1])
    image = as_micrograph(*layer)
    index = _index(frame, image.data.shape)
    plane = np.asarray(image.data[index])
    if has_colours(image):
        plane, _ = to_gray(plane)
    origin, last = (
        below.world_to_data(_in(below.ndim, frame.data_to_world((*index, *corner))))[-2:]
        for corner in ((0, 0), (1, 1))
    )
    stride = round(float(last[0] - origin[0]))
    place = Placement(stride, float(origin[0]))
    is_square = np.allclose(last - origin, stride, rtol=1e-3)
    aligned = is_square and np.isclose(origin[0], origin[1], atol=1e-3)
    if stride < 1 or not aligned:
        raise ValueError(f"{image.name} is not aligned with {first[1]['name']}; save it by itself")
    if kind == "labels":
        table = about.get("features")
        table = table if table is not None and "label" in table else None
        colours = _shown_colours(about.get("colormap"))
        return LabelsLayer(plane, table=table, name=image.name, placement=place, colours=colours)
    colormap = about.get("colormap", {})
    name = colormap.get("name") if isinstance(colormap, dict) else str(colormap)
    low, high = about["contrast_limits"]
    # those of results are named as in "inferno, transparent"
    style = _STYLES.get(str(name).partition(",")[0], "grey")
    return ImageLayer(
        plane, style=style, limits=(float(low), float(high)), name=image.name, placement=place
    )


def _shown_colours(colormap: Any) -> np.ndarray | None:
    """Colours of labels that repeat; None for those of single labels."""
    colours = colormap.get("colors") if isinstance(colormap, dict) else None
    return None if colours is None or "color_dict" in colormap else np.asarray(colours)[1:, :3]


def _index(frame: Image, shape: tuple[int, ...]) -> tuple[int, ...]:
    viewer = napari.current_viewer()
    if viewer is None or frame.ndim == 2:
        return (0,) * (frame.ndim - 2)
    there = frame.world_to_data(_in(frame.ndim, np.asarray(viewer.dims.point)))[:-2]
    last = np.asarray(shape[: frame.ndim - 2]) - 1
    return tuple(int(i) for i in np.clip(np.round(there), 0, last))


def _in(ndim: int, point: Any) -> np.ndarray:
    """A point in as many axes: the last ones, after zeros."""
    point = np.asarray(point, float)[-ndim:]
    return np.concatenate([np.zeros(ndim - len(point)), point])
