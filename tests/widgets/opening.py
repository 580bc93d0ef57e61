"""Open a dock widget as a person does, by its name in the menu."""

from __future__ import annotations

import napari
from npe2 import PluginManager
from qtpy.QtWidgets import QLabel

WIDGETS = {
    "workspace": "Visual-CCC",
    "micrograph": "Micrograph info",
    "quality": "Image quality",
    "analysis": "Image analysis",
    "correct": "Correct",
    "denoise": "Denoise",
    "train": "Train classifier",
    "classify": "Classify & Explain",
    "segment": "Segment",
    "texture": "Texture",
    "cluster": "Cluster",
    "lens": "AI lens",
    "measure": "Measure",
}


def dock(viewer, family):
    """Open a widget in the window of a viewer; without a window, give it the layers alone."""
    if not isinstance(viewer, napari.Viewer):
        make = PluginManager.instance().commands.get(f"napari-visual-ccc.{family}")
        widget = make(napari_viewer=viewer)
        # as napari does for every widget of a plugin
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(widget.reset_choices)
        return widget
    return viewer.window.add_plugin_dock_widget("napari-visual-ccc", WIDGETS[family])[1]


def texts(widget):
    """Texts of the labels in a widget, the first added first."""
    return [label.text() for label in widget.findChildren(QLabel)]
