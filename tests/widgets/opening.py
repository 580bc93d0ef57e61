"""Open a dock widget as a person does, by its name in the menu."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel

WIDGETS = {
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
    return viewer.window.add_plugin_dock_widget("napari-visual-ccc", WIDGETS[family])[1]


def texts(widget):
    """Texts of the labels in a widget, the first added first."""
    return [label.text() for label in widget.findChildren(QLabel)]
