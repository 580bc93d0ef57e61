"""Check images when they are opened: one after the other, off the GUI thread."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, QTimer, Signal

from ...arrays.lazy import is_lazy
from ...core.micrograph import InfoBar
from ...core.settings.current import current
from ...core.units import sides_in_short
from ..canvas.place import canvas_of
from ..canvas.size_notice import without_size
from ..layers.metadata import METADATA, calibration, current_slice, known_bar, plane_shape
from ..parts.jobs import Job
from .pixels import Plane, check
from .verdict import Checked, Verdict, judge, summary

if TYPE_CHECKING:
    from napari.viewer import Viewer

# milliseconds after the last image that is opened: many at once are one message
_PAUSE = 200

# of each viewer, by its id
_watchers: dict[int, Watcher] = {}


class Watcher(QObject):
    """Checks the images of a viewer when they are added to it.

    Parameters
    ----------
    viewer : Viewer
        Whose images are checked; those that are open already without a message.
    """

    # something was checked, or is waiting for it
    changed = Signal()

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._found: dict[Any, Checked] = {}
        self._waiting: list[Layer] = []
        # opened one after the other without a pause: said in one message
        self._batch: list[Layer] = []
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._begin)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        for layer in viewer.layers:
            self._add(layer, say=False)

    def verdict(self, layer: Layer | None) -> Verdict | None:
        """Verdict on an image with the pixel size that it has now; None where there is none."""
        checked = None if layer is None else self._found.get(layer.unique_id)
        if layer is None or checked is None:
            return None
        height, width = plane_shape(layer)
        spacing, unit = calibration(layer)
        size = sides_in_short(spacing[:-3:-1] if spacing else (), unit)
        return judge(layer.name, f"{width} × {height} px", size, checked)

    def is_waiting(self, layer: Layer | None) -> bool:
        """Whether an image will be checked, or is checked now."""
        return layer is not None and any(one.unique_id == layer.unique_id for one in self._waiting)

    def knows(self, layer: Layer) -> bool:
        """Whether an image has a verdict, or will have one."""
        return layer.unique_id in self._found or self.is_waiting(layer)

    def let_go(self, function: Callable[..., object]) -> None:
        """Call a function at a change no longer; napari may have ended before."""
        with suppress(RuntimeError, TypeError):
            self.changed.disconnect(function)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is checked or waits for it."""
        return not self._waiting

    def _on_inserted(self, event: Any) -> None:
        self._add(event.value, say=True)

    def _add(self, layer: Layer, *, say: bool) -> None:
        if not _is_to_check(layer) or not current().check_images:
            return
        self._waiting.append(layer)
        if say:
            self._batch.append(layer)
        self._timer.start()
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        gone = event.value.unique_id
        self._found.pop(gone, None)
        self._batch = [one for one in self._batch if one.unique_id != gone]
        # the first may be at work: it is dropped at its end
        at_work = self._waiting[:1] if self._job is not None else []
        rest = self._waiting[len(at_work) :]
        self._waiting = [*at_work, *(one for one in rest if one.unique_id != gone)]
        self.changed.emit()

    def _begin(self) -> None:
        """Check the next image, or say what was found."""
        viewer = self._viewer()
        if self._job is not None or self._timer.isActive() or viewer is None:
            return
        if not self._waiting:
            self._say()
            return
        layer = self._waiting[0]
        self._job = Job(
            check(_plane(layer, viewer)), f"Check {layer.name}",
            returned=lambda checked: self._keep(layer, checked),
            failed=lambda error: self._keep(layer, Checked(problem=str(error))),
            finished=self._end,
        )  # fmt: skip

    def _keep(self, layer: Layer, checked: Checked) -> None:
        viewer = self._viewer()
        if viewer is not None and layer in viewer.layers:
            self._found[layer.unique_id] = checked

    def _end(self) -> None:
        self._job = None
        self._waiting.pop(0)
        self.changed.emit()
        self._begin()

    def _say(self) -> None:
        batch, self._batch = self._batch, []
        viewer = self._viewer()
        # the notice on the canvas says it, with a button
        named = set()
        if viewer is not None and canvas_of(viewer) is not None:
            named = {one.unique_id for one in without_size(viewer.layers)}
        verdicts = [
            verdict.without_size if one.unique_id in named else verdict
            for one in batch if (verdict := self.verdict(one)) is not None
        ]  # fmt: skip
        if text := summary(verdicts):
            show_info(text)


def watch(viewer: Viewer) -> Watcher:
    """Return what checks the images of a viewer; it begins at the first call."""
    # docks get the viewer behind a proxy
    viewer = getattr(viewer, "__wrapped__", viewer)
    if id(viewer) not in _watchers:
        _watchers[id(viewer)] = Watcher(viewer)
        weakref.finalize(viewer, _watchers.pop, id(viewer), None)
    return _watchers[id(viewer)]


def _is_to_check(layer: Layer) -> bool:
    """Whether a layer is an image that a person has opened: no result, no map, no diffraction."""
    if not isinstance(layer, Image) or METADATA in layer.metadata or layer.ndim < 2:
        return False
    unit = calibration(layer)[1]
    return layer.dtype.kind in "uif" and not unit.startswith("1/")


def _plane(layer: Layer, viewer: Viewer) -> Plane:
    data = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    index: tuple[int, ...] = ()
    if layer.ndim > 2:
        index = current_slice(layer, viewer)
    spacing, unit = calibration(layer)
    chunk = int(np.prod(data.chunksize)) * data.dtype.itemsize if is_lazy(data) else 0
    bar: InfoBar | None = known_bar(layer)
    return Plane(data[index] if index else data, index, bar, chunk, spacing, unit)
