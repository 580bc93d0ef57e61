"""Open a dock widget as a person does, by its name in the menu."""

from __future__ import annotations

WIDGETS = {
    "micrograph": "Micrograph info",
    "quality": "Image quality",
    "correct": "Correct",
    "denoise": "Denoise",
    "train": "Train classifier",
    "classify": "Classify & Explain",
    "segment": "Segment",
    "texture": "Texture",
    "cluster": "Cluster",
    "measure": "Measure",
}


def dock(viewer, family):
    return viewer.window.add_plugin_dock_widget("napari-visual-ccc", WIDGETS[family])[1]
