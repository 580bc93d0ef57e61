"""Points that show an operation what is an object and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from magicgui.widgets import ComboBox, Container, PushButton
from napari.layers import Layer, Points

from ...engine.promptable.prompts import LABEL
from ..layers.metadata import plane_shape
from ..parts.jobs import report

if TYPE_CHECKING:
    from .form import Form

_WORDS = ("positive", "negative")

# blue and orange stay apart for all kinds of colour blindness
_COLOURS = {"positive": "#1f9bff", "negative": "#ff8c00"}


class PromptPoints(Container):
    """Draw points for a form whose operation takes prompts: positive or negative.

    Parameters
    ----------
    form : Form
        Its image is drawn on, its input of prompts is set.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.add_button = PushButton(
            text="Draw points", tooltip="Add a layer of points on the image and draw in it"
        )
        self.word = ComboBox(
            choices=[(f"next: {word}", word) for word in _WORDS],
            tooltip="Positive: in the object. Negative: not in it",
        )  # fmt: skip
        super().__init__(widgets=[self.add_button, self.word], layout="horizontal", labels=False)
        self.margins = (0, 0, 0, 0)
        self.add_button.changed.connect(self.draw)
        self.word.changed.connect(self.follow)

    @property
    def key(self) -> str:
        """Name of the input that takes prompts; empty if there is none."""
        return next((key for key, kind in self.form.kinds.items() if kind == "prompts"), "")

    @property
    def layer(self) -> Points | None:
        """The points that are chosen as prompts."""
        chosen = self.form.fields[self.key].value if self.key else None
        return chosen if isinstance(chosen, Points) else None

    def draw(self) -> None:
        """Add an empty layer of points on the image, and turn to drawing."""
        image = next(iter(self.form.inputs.values()))
        if image is None:
            report(ValueError("open an image first, then draw points on it"))
            return
        layer = self._new_layer(image)
        self.form.viewer.add_layer(layer)
        self.form.fields.reset_choices()
        self.form.fields[self.key].value = layer
        self.follow()
        layer.mode = "add"

    def _new_layer(self, image: Layer) -> Points:
        empty = {LABEL: np.array([], dtype=object)}
        return Points(
            np.empty((0, image.ndim)), ndim=image.ndim, name=f"{image.name} prompts",
            features=empty, feature_defaults={LABEL: self.word.value}, face_color=LABEL,
            face_color_cycle=_COLOURS, border_color="white",
            size=max(2.0, min(plane_shape(image)) / 50), scale=image.scale,
            translate=image.translate, rotate=image.rotate, shear=image.shear,
            affine=image.affine, units=image.units, axis_labels=image.axis_labels,
        )  # fmt: skip

    @contextmanager
    def kept_in_hand(self) -> Iterator[None]:
        """Go on drawing after layers were added: points stay selected, and on top."""
        layers, kept = self.form.viewer.layers, self.layer
        active = layers.selection.active
        # the viewer that napari gives to a plugin wraps its layers: `is` does not hold
        drawing = kept is not None and getattr(active, "unique_id", None) == kept.unique_id
        yield
        if drawing and kept in layers:
            layers.move(layers.index(kept), len(layers))
            layers.selection.active = kept

    def follow(self) -> None:
        """Make the next points of the layer positive or negative."""
        layer = self.layer
        if layer is None:
            return
        if LABEL not in layer.features:
            layer.features = layer.features.assign(**{LABEL: "positive"})
        # without this, points that are selected would change too
        layer.selected_data = set()
        layer.feature_defaults = {LABEL: self.word.value}
        layer.current_face_color = _COLOURS[self.word.value]
