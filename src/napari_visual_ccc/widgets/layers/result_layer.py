"""A result in the viewer: update it, undo it, and notice when the user has edited it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes
from napari.utils.transforms import Affine

from ...core.contrast import contrast, sample
from ...core.layers import ImageLayer
from ...core.layers import Layer as Part
from ...workflow.record import fingerprint
from .build import MARK
from .metadata import METADATA
from .source import Source

if TYPE_CHECKING:
    from napari.viewer import Viewer

_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")

_STYLE = ("colormap", "blending", "opacity")


class ResultLayer:
    """A result in the viewer, and whether the user has edited it since.

    A change of name, data, position, metadata or features is an edit; the display (colours,
    contrast, opacity, visibility) may be changed freely.

    Parameters
    ----------
    viewer, layer : Viewer and Layer
        The layer is in the viewer.
    style : str
        Of the image layer of the result; empty for other layers.
    preview : bool
        The layer covers the visible part of its source only.
    """

    def __init__(
        self, viewer: Viewer, layer: Layer, style: str = "", *, preview: bool = False
    ) -> None:
        self._viewer = viewer
        self.layer = layer
        self.preview = preview
        self._style = style
        self._setting = False
        self.computing = self._waits_for_limits = self.stored = False
        # states to go back to, the newest last; None stands for the layer not being there
        self._befores: list[dict[str, Any] | None] = [None]
        # what was undone: the state before it and the state after it
        self._undone: list[tuple[dict[str, Any] | None, dict[str, Any] | None]] = []
        if isinstance(layer, Labels):
            layer.events.paint.connect(self._on_paint)
            layer.events.labels_update.connect(self._on_paint)
        self._remember()

    def _remember(self) -> None:
        layer = self.layer
        self._name, self._data, self._painted = layer.name, _held(layer), False
        self._print = fingerprint(layer.data)
        self._metadata = dict(layer.metadata)
        self._colours = _colours_of(layer)
        self._place = _place_of(layer)
        self._features = None if isinstance(layer, Image) else layer.features.copy()
        self._limits = list(layer.contrast_limits) if isinstance(layer, Image) else None

    @property
    def _has_own_colours(self) -> bool:
        """Whether the user has chosen no others; a mark of a label passes."""
        is_marked = self.layer.colormap.name == MARK
        return is_marked or np.array_equal(_colours_of(self.layer), self._colours)

    def _on_paint(self, event: Any = None) -> None:
        if self._setting:
            return
        self._painted = True
        record = self.layer.metadata.get(METADATA)
        if isinstance(record, dict):
            # results of an edited layer start a new record
            record["print"] = ""

    @property
    def untouched(self) -> bool:
        """Whether the layer is in the viewer and was not edited."""
        layer = self.layer
        return (
            layer in self._viewer.layers
            and not self._painted
            and layer.name == self._name
            and _held(layer) is self._data
            and layer.metadata == self._metadata
            and all(
                np.array_equal(a, b) for a, b in zip(_place_of(layer), self._place, strict=True)
            )
            and (self._features is None or layer.features.equals(self._features))
            and (self.computing or fingerprint(layer.data) == self._print)
        )

    def start_computing(self, part: Part) -> None:
        """Expect its pixels, and with them its contrast limits where it has none."""
        self.computing = True
        without = isinstance(part, ImageLayer) and part.limits is None
        self._waits_for_limits = without and self._style != "grey"

    def finish_computing(self) -> None:
        """Take the computed pixels for those of the result."""
        self.computing = False
        record = self.layer.metadata.get(METADATA)
        if isinstance(record, dict):
            record.pop("unfinished", None)
            record["print"] = fingerprint(self.layer.data)
        self.take_contrast(())
        self._remember()

    def take_contrast(self, index: tuple[int, ...]) -> None:
        """Set contrast limits by the pixels computed of a slice, unless the user has set them."""
        layer = self.layer
        if not self._waits_for_limits or layer.contrast_limits != self._limits:
            return
        values = sample(layer.data[index])
        if values.any():
            layer.contrast_limits = contrast(values, self._style) or layer.contrast_limits
            self._limits = list(layer.contrast_limits)

    def update(self, source: Source, part: Part, new: Layer) -> None:
        """Replace data, position, name and record by those of a new layer.

        The display stays: colours, opacity, and contrast limits that the user has set.
        """
        layer = self.layer
        own = "contrast_limits" if isinstance(layer, Image) else "features"
        keys = [*_PLACE, "data", "name", "metadata", own]
        if isinstance(layer, Image) and layer.contrast_limits != self._limits:
            keys.remove("contrast_limits")
        style = getattr(part, "style", "")
        if style != self._style:
            # a signed map in the colours of a heatmap would be misread
            keys += [*_STYLE, "contrast_limits"]
        if isinstance(layer, Labels) and self._has_own_colours:
            # they depend on how many classes there are
            keys.append("colormap")
        # a preview and the whole result after it are one run; a partial result is none
        if not (self.preview or self.computing):
            self._befores.append(self._state((*keys, *_style_of(layer))))
        self.preview, self.stored = source.preview, False
        self._set({**{key: _get(new, key) for key in keys}, "style": style})

    def _state(self, keys: Iterable[str]) -> dict[str, Any]:
        state = {key: _get(self.layer, key) for key in keys}
        more = {"style": self._style, "stored": self.stored}
        return state | {"metadata": dict(self.layer.metadata)} | more

    def undo(self) -> bool:
        """Undo the last change; return False when the user has edited the layer."""
        if not self.untouched:
            return False
        if not self._befores:
            return True
        before = self._befores.pop()
        if before is None:
            self._undone.append((None, None))
            self._viewer.layers.remove(self.layer)
        else:
            self._undone.append((before, self._state(before.keys() - {"style", "stored"})))
            self._set(before)
        self.preview = False
        return True

    def redo(self) -> bool:
        """Repeat what was undone last; return False when the user has edited the layer since."""
        if not self._undone:
            return True
        before, after = self._undone[-1]
        if after is None:
            if self.layer in self._viewer.layers:
                return False
            self._viewer.add_layer(self.layer)
        elif not self.untouched:
            return False
        else:
            self._set(after)
        self._undone.pop()
        self._befores.append(before)
        return True

    def forget(self) -> None:
        """Forget the oldest state: its change can be undone no longer."""
        del self._befores[:1]

    def forget_undone(self) -> None:
        """Forget what was undone: another run has followed."""
        self._undone.clear()

    @property
    def held_bytes(self) -> int:
        """Memory of the arrays that are kept to go back to, or to repeat."""
        states = [*self._befores, *(after for _, after in self._undone)]
        arrays = {id(one["data"]): one["data"] for one in states if one and "data" in one}
        arrays.pop(id(_held(self.layer)), None)
        # arrays of dask and memory-mapped ones hold none
        return sum(one.nbytes for one in arrays.values() if type(one) is np.ndarray)

    def _set(self, state: dict[str, Any]) -> None:
        self._setting = True
        try:
            self._set_all(state)
        finally:
            self._setting = False
        self._style, self.stored = state["style"], state.get("stored", False)
        self._remember()

    def _set_all(self, state: dict[str, Any]) -> None:
        layer = self.layer
        whole = isinstance(layer, Image) and np.dtype(layer.dtype).kind in "iu"
        if whole and "contrast_limits" in state:
            layer.contrast_limits_range = (
                min(layer.contrast_limits_range[0], state["contrast_limits"][0]),
                max(layer.contrast_limits_range[1], state["contrast_limits"][1]),
            )
        for key in (*_PLACE, "data", "features", "contrast_limits", *_STYLE, "metadata", "name"):
            if key in state and not _same(getattr(layer, key), state[key]):
                setattr(layer, key, state[key])


def _colours_of(layer: Layer) -> Any:
    """Colours of labels; none for other layers, and while one label is marked."""
    colormap = layer.colormap if isinstance(layer, Labels) else None
    return getattr(colormap, "colors", None)


def _held(layer: Layer) -> Any:
    """The array of a layer; None for shapes, which return a new list at every access."""
    return None if isinstance(layer, Shapes) else layer.data


def _get(layer: Layer, key: str) -> Any:
    value = getattr(layer, key)
    if key == "data" and isinstance(layer, Shapes):
        return list(zip(value, layer.shape_type, strict=True))
    return value


def _place_of(layer: Layer) -> list[Any]:
    return [
        layer.affine.affine_matrix if key == "affine" else getattr(layer, key) for key in _PLACE
    ]


def _style_of(layer: Layer) -> tuple[str, ...]:
    return _STYLE if isinstance(layer, Image) else ()


def _same(old: Any, new: Any) -> bool:
    """Whether setting would change nothing; arrays of pixels are compared by identity."""
    if isinstance(old, Affine):
        return np.array_equal(old.affine_matrix, new.affine_matrix)
    if isinstance(old, np.ndarray) and old.size <= 16:
        return np.array_equal(old, new)
    return old is new or (isinstance(old, str | tuple | float) and old == new)
