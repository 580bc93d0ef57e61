"""A result in the viewer: update it, take it back, know when it became a person's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes
from napari.utils.transforms import Affine

from ...core.contrast import contrast, sample
from ...core.layers import ImageLayer
from ...core.layers import Layer as Part
from ...workflow.record import fingerprint
from .metadata import METADATA
from .source import Source

if TYPE_CHECKING:
    from napari.viewer import Viewer

_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")

_STYLE = ("colormap", "blending", "opacity")


class Shown:
    """A result in the viewer, and whether a person has made it theirs since.

    Name, data, place, metadata and features count as theirs once changed; how it looks
    (colours, contrast, opacity, visibility) may be changed freely.
    """

    def __init__(
        self, viewer: Viewer, layer: Layer, look: str = "", *, preview: bool = False
    ) -> None:
        self._viewer = viewer
        self.layer = layer
        self.preview = preview
        self._look = look
        self._setting = False
        self.filling = self._waits_for_limits = self.stored = False
        self._before: dict[str, Any] | None = None
        if isinstance(layer, Labels):
            layer.events.paint.connect(self._on_paint)
            layer.events.labels_update.connect(self._on_paint)
        self._remember()

    def _remember(self) -> None:
        layer = self.layer
        self._name, self._data, self._painted = layer.name, _held(layer), False
        self._print = fingerprint(layer.data)
        self._metadata = dict(layer.metadata)
        self._place = _place_of(layer)
        self._features = None if isinstance(layer, Image) else layer.features.copy()
        self._limits = list(layer.contrast_limits) if isinstance(layer, Image) else None

    def _on_paint(self, event: Any = None) -> None:
        if self._setting:
            return
        self._painted = True
        record = self.layer.metadata.get(METADATA)
        if isinstance(record, dict):
            # what is made of it from now on starts a record of its own
            record["print"] = ""

    @property
    def untouched(self) -> bool:
        """Still in the viewer, as we left it."""
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
            and (self.filling or fingerprint(layer.data) == self._print)
        )

    def wait(self, filling: bool, part: Part) -> None:
        """Note whether its pixels are still to come, and its contrast with them."""
        self.filling = filling
        without = isinstance(part, ImageLayer) and part.limits is None
        self._waits_for_limits = filling and without and self._look != "grey"

    def filled(self) -> None:
        """All its pixels have come: what it is by now counts as what we left."""
        self.filling = False
        record = self.layer.metadata.get(METADATA)
        if isinstance(record, dict):
            record.pop("unfinished", None)
            record["print"] = fingerprint(self.layer.data)
        self.take_contrast(())
        self._remember()

    def take_contrast(self, index: tuple[int, ...]) -> None:
        """Show what has come of a slice (of all slices) well, unless a person has set it."""
        layer = self.layer
        if not self._waits_for_limits or layer.contrast_limits != self._limits:
            return
        values = sample(layer.data[index])
        if values.any():
            layer.contrast_limits = contrast(values, self._look) or layer.contrast_limits
            self._limits = list(layer.contrast_limits)

    def update(self, source: Source, part: Part, new: Layer) -> None:
        """Replace data, place, name and provenance by those of a new layer.

        How the person looks at it stays: colours, opacity, and contrast that they have set.
        """
        layer = self.layer
        own = "contrast_limits" if isinstance(layer, Image) else "features"
        keys = [*_PLACE, "data", "name", "metadata", own]
        if isinstance(layer, Image) and layer.contrast_limits != self._limits:
            keys.remove("contrast_limits")
        look = getattr(part, "style", "")
        if look != self._look:
            # a signed map in the colours of a heatmap would lie
            keys += [*_STYLE, "contrast_limits"]
        # a preview and the whole that follows it are one run; half a result is none
        if not (self.preview or self.filling):
            self._before = {key: _get(layer, key) for key in (*keys, *_style_of(layer))}
            self._before |= {"metadata": dict(layer.metadata), "look": self._look}
            self._before["stored"] = self.stored
        self.preview, self.stored = source.preview, False
        self._set({**{key: _get(new, key) for key in keys}, "look": look})

    def undo(self) -> bool:
        """Take the last change back; False when the layer is the person's own by now."""
        if not self.untouched:
            return False
        if self._before is None:
            self._viewer.layers.remove(self.layer)
        else:
            self._set(self._before)
            self._before = None
        self.preview = False
        return True

    def _set(self, state: dict[str, Any]) -> None:
        self._setting = True
        try:
            self._set_all(state)
        finally:
            self._setting = False
        self._look, self.stored = state["look"], state.get("stored", False)
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


def _held(layer: Layer) -> Any:
    """The array of a layer; shapes make a new list of theirs each time they are asked."""
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
    """Whether setting would change nothing, told without looking at arrays of pixels."""
    if isinstance(old, Affine):
        return np.array_equal(old.affine_matrix, new.affine_matrix)
    if isinstance(old, np.ndarray) and old.size <= 16:
        return np.array_equal(old, new)
    return old is new or (isinstance(old, str | tuple | float) and old == new)
