"""Inputs of operations, taken from layers, and the records of their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer

from ...arrays.lazy import is_lazy
from ...core.layers import Layer as Part
from ...core.micrograph import CHANNEL_AXIS, InfoBar, Micrograph
from ...core.micrograph import plane_shape as shape_of
from ...core.pixel_size import scaled
from ...core.progress import Steps
from ...engine.acquisition.bar_detector import find_info_bar
from ...io.axes import order_of
from ...workflow.operations import Operation
from ...workflow.record import Record, fingerprint
from ...workflow.run import Outcome, execute
from ...workflow.signature import calibrated
from .metadata import METADATA, calibration, current_slice, known_bar, noted, plane_shape
from .world import level_steps, lying_on, slice_of_level, visible_corners

if TYPE_CHECKING:
    from napari.viewer import Viewer


@dataclass(frozen=True)
class Source:
    """Input of an operation, taken from a layer on the GUI thread.

    Parameters
    ----------
    data : (..., Y, X) array
        The layer's array (full resolution of a multiscale layer), or a part of it.
    spacing : (y, x), (z, y, x) or None
        Size of a pixel in `unit`, of a stack of slices that of a voxel; None when the layer is not
        calibrated.
    unit : str
        ``"nm"``, ``"µm"``, ... or ``"px"``.
    corner : tuple of float
        Data coordinates of the first pixel of `data` in the layer.
    step : float or tuple of float
        Every how many pixels `data` samples the layer: in Y and X, or along each of its axes.
    preview : bool
        Only the visible part, at the resolution of the screen.
    info_bar : InfoBar, optional
        Of the whole layer; None before the detection.
    whole : (..., Y, X) array, optional
        The layer's array, where `data` is a part of it.
    found : list of InfoBar
        The bar of the whole layer, once it was detected.
    channels : tuple of str
        Names of the channels, if `data` is (C, Y, X) with those of a model.
    name, path, record
        Of the layer; the record is that of a result, unless it was edited by hand.
    """

    layer: Layer
    data: Any
    spacing: tuple[float, ...] | None
    unit: str
    corner: tuple[float, ...]
    step: float | tuple[float, ...] = 1
    preview: bool = False
    info_bar: InfoBar | None = None
    whole: Any = None
    found: list[InfoBar] = field(default_factory=list)
    channels: tuple[str, ...] = ()
    name: str = ""
    path: Path | None = None
    record: Any = None

    @property
    def micrograph(self) -> Micrograph:
        """The layer, or the part of it, as operations take it."""
        return Micrograph(
            self.data,
            self.spacing,
            self.unit,
            name=self.name,
            path=self.path,
            metadata={} if self.record is None else {METADATA: self.record},
            info_bar=None if self.info_bar is None else self.bar_in_part(self.info_bar),
        )

    @property
    def steps(self) -> np.ndarray:
        """Every how many pixels `data` samples the layer, along each axis."""
        if isinstance(self.step, tuple):
            return np.array(self.step, float)
        axes = len(self.corner)
        return np.array([1.0] * (axes - 2) + [self.step] * 2, float)

    def look_for_bar(self) -> InfoBar:
        """Detect the info bar of the whole layer and give what of it lies in `data`."""
        self.found.append(find_info_bar(self.data if self.whole is None else self.whole))
        return self.bar_in_part(self.found[-1])

    def bar_in_part(self, bar: InfoBar) -> InfoBar:
        """Part of the layer's info bar that lies in `data`."""
        if self.whole is None:
            return bar
        doubtful = None if bar.doubtful is None else self.bar_in_part(bar.doubtful)
        height, width = shape_of(self.whole)
        part = shape_of(self.data)
        found = []
        for axis, (size, before, after) in enumerate(
            ((height, bar.top, bar.bottom), (width, bar.left, bar.right))
        ):
            places = self.corner[-2 + axis] + self.steps[-2 + axis] * np.arange(part[axis])
            found += [int((places < before).sum()), int((places >= size - after).sum())]
        return InfoBar(*found, doubtful=doubtful)


def take(
    layer: Layer,
    viewer: Viewer,
    *,
    planar: bool = False,
    preview: bool = False,
    level: int = 0,
) -> Source:
    """Take the input of an operation from a layer.

    Parameters
    ----------
    planar : bool
        Take the displayed slice instead of the whole stack.
    preview : bool
        Take the visible part only, at the resolution of the screen.
    level : int
        Of a multiscale layer: 0 is full resolution.
    """
    if (layer.metadata.get(METADATA) or {}).get("unfinished"):
        raise ValueError(f"{layer.name} is not fully computed; wait, or run it again")
    data = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    if not getattr(layer, "rgb", False) and data.ndim > 2 and data.shape[-1] in (3, 4):
        raise ValueError(
            f"{layer.name} is {data.shape[-1]} pixels wide: it would be read as colour"
        )
    order = order_of(data.shape)
    if not getattr(layer, "rgb", False) and order.axes != tuple(range(data.ndim)):
        raise ValueError(
            f"{layer.name} has {data.shape[-1]} numbers a pixel behind its columns: move that axis "
            "to the front (numpy.moveaxis), or open the file with this plugin"
        )
    corner = [0.0] * layer.ndim
    leading: tuple[int, ...] = ()
    if planar and layer.ndim > 2:
        leading = current_slice(layer, viewer)
        data = data[leading]
        corner[: len(leading)] = leading
    spacing, unit = calibration(layer, voxel=not planar)
    about = _about(layer)
    if not preview and level and getattr(layer, "multiscale", False):
        return _of_level(layer, level, leading, spacing, unit, whole=data, **about)
    if not preview:
        return Source(layer, data, spacing, unit, tuple(corner), **about)
    rows, columns, thin = _visible(layer)
    steps = np.array([1.0] * (layer.ndim - 2) + [thin] * 2)
    color = (slice(None),) if getattr(layer, "rgb", False) else ()
    visible: Any = data
    if thin > 1 and getattr(layer, "multiscale", False):
        # the displayed level is in memory, thinning would read all of the finest
        steps = level_steps(layer, layer.data_level)
        visible = layer.data[layer.data_level]
        visible = visible[slice_of_level(leading, steps, visible.shape)] if leading else visible
        rows, columns = (
            slice(int(one.start / step), -int(-one.stop // step))
            for one, step in zip((rows, columns), steps[-2:], strict=True)
        )
        corner[-2:] = (np.array([rows.start, columns.start]) + 0.5) * steps[-2:] - 0.5
    elif thin > 1 and is_lazy(data):
        # a thinned view would read every chunk: take the middle at full resolution
        rows, columns, steps = _middle(rows), _middle(columns), np.ones(layer.ndim)
        corner[-2:] = rows.start, columns.start
    else:
        corner[-2:] = rows.start, columns.start
    part = visible[(..., rows, columns, *color)]
    return Source(
        layer, part, scaled(spacing, steps), unit, tuple(corner), _step(steps),
        preview=True, whole=data, **about,
    )  # fmt: skip


def _step(steps: np.ndarray) -> float | tuple[float, ...]:
    """One step for rows and columns, where they have the same and other axes have none."""
    alike = steps[-2] == steps[-1] and (steps[:-2] == 1).all()
    return float(steps[-1]) if alike else tuple(steps.tolist())


def _of_level(
    layer: Layer, level: int, leading: tuple[int, ...], spacing: tuple[float, ...] | None,
    unit: str, **about: Any,
) -> Source:  # fmt: skip
    """Input on a coarse level: its pixels are centred on the blocks that they stand for."""
    steps = level_steps(layer, level)
    corner = (steps - 1) / 2
    corner[: len(leading)] = leading
    data = layer.data[level]
    if leading:
        data = data[slice_of_level(leading, steps, data.shape)]
        # a slice is one of the finest level, which results are shown on
        steps[: len(leading)] = 1
    return Source(
        layer, data, scaled(spacing, steps), unit, tuple(corner.tolist()),
        _step(steps), **about,
    )  # fmt: skip


def _about(layer: Layer) -> dict[str, Any]:
    """Fields of `Source` that do not depend on the part that is taken."""
    path = layer.source.path
    return {
        "info_bar": known_bar(layer),
        "name": layer.name,
        "path": None if path is None else Path(path),
        "record": record_of(layer),
    }


def _visible(layer: Layer) -> tuple[slice, slice, int]:
    """Visible rows and columns, thinned to about a million pixels."""
    height, width = plane_shape(layer)
    (top, left), (bottom, right) = visible_corners(layer)[:, -2:]
    top, left = max(int(top), 0), max(int(left), 0)
    bottom, right = min(int(bottom) + 1, height), min(int(right) + 1, width)
    if bottom - top < 2 or right - left < 2:
        top, left, bottom, right = 0, 0, height, width
    step = max(1, int(np.ceil(np.sqrt((bottom - top) * (right - left) / 1e6))))
    return slice(top, bottom, step), slice(left, right, step), step


def _middle(part: slice) -> slice:
    """The central 1000 of some rows or columns."""
    start = max(part.start, (part.start + part.stop) // 2 - 500)
    return slice(start, min(start + 1000, part.stop))


def level_like(layer: Layer, first: Source) -> int:
    """Level of a pyramid that has the size of the first input; else full resolution."""
    sizes = list(getattr(layer, "level_shapes", [])) if getattr(layer, "multiscale", False) else []
    whole = tuple(np.shape(first.data))
    same = next((k for k, size in enumerate(sizes) if tuple(size) == whole), None)
    if same is not None:
        return same
    wanted = shape_of(first.data)
    return next((k for k, size in enumerate(sizes) if tuple(size[-2:]) == wanted), 0)


def placed_on(source: Source, first: Source) -> Source:
    """Input beside another one: its pixels that lie on those of the first.

    Raises
    ------
    ValueError
        If the layers lie in different places.
    """
    whole = not (source.preview or first.preview or (source.steps != 1).any())
    if source.layer is first.layer or not whole or (first.steps != 1).any():
        return source
    rgb = getattr(source.layer, "rgb", False) or getattr(first.layer, "rgb", False)
    if rgb:
        lying_on(np.empty(shape_of(source.data)), source.layer, first.layer, shape_of(first.data))
        return source
    data = lying_on(source.data, source.layer, first.layer, np.shape(first.data))
    return source if data is source.data else replace(source, data=data)


def on_specimen(
    operation: Operation,
    sources: Mapping[str, Source],
    parameters: Mapping[str, Any],
    seen: dict[str, np.ndarray],
) -> Steps[Outcome]:
    """Run an operation on layers.

    The visible part of a lazy image is read once for all moves of a slider, and kept in `seen`.
    """
    visible = {
        str(source.data.name): source.data
        for source in sources.values()
        if source.preview and is_lazy(source.data)
    }
    read = {name: seen[name] if name in seen else np.asarray(visible[name]) for name in visible}
    if read:
        seen.clear()
        seen.update(read)
    first = next(iter(sources.values()))
    given: dict[str, Any] = {
        name: replace(
            source.micrograph, data=read.get(getattr(source.data, "name", ""), source.data)
        )
        for name, source in sources.items()
        if not isinstance(source.data, Part)
    }
    # points and shapes are pixels of the image already
    given |= {name: one.data for name, one in sources.items() if isinstance(one.data, Part)}
    looks = operation.takes == "image" and not operation.whole and first.info_bar is None
    bar = first.look_for_bar if looks else None
    outcome = yield from execute(
        operation.name, given, parameters, spacing=first.spacing, unit=first.unit, info_bar=bar
    )
    is_measured = calibrated(operation.name)
    if not is_measured:
        return outcome
    steps = () if first.preview else first.steps
    return replace(outcome, result=noted(outcome.result, first.layer, steps))


def recorded(operation: Operation, source: Source, record: Record, output: str) -> dict[str, Any]:
    """Record of a layer for its metadata, with its slice, level and source."""
    more: dict[str, Any] = {}
    if operation.planar and len(source.corner) > 2:
        more["plane"] = _plane_of(source)
    if (source.steps != 1).any() and not source.preview:
        more["level"] = float(source.steps.max())
    made = record.of(output, **more).plain()
    if len(made["steps"]) == 1:
        # of a level of a pyramid: that of full resolution
        size = scaled(source.spacing, 1 / source.steps)
        made["source"]["spacing"] = None if size is None else list(size)
    # links layers for as long as both are open
    return {**made, "layer": str(source.layer.unique_id)}


def _plane_of(source: Source) -> list[int]:
    """Index of the slice, without that of the channel where all were taken."""
    labels = source.layer.axis_labels[:-2]
    return [
        int(place)
        for place, label in zip(source.corner[:-2], labels, strict=True)
        if not (source.channels and label == CHANNEL_AXIS)
    ]


def record_of(layer: Layer) -> Any:
    """Record of a layer that is a result itself; None when it was edited by hand."""
    record = layer.metadata.get(METADATA)
    if record and record.get("print") == fingerprint(layer.data):
        return record
    return None
