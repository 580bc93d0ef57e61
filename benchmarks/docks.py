"""What open docks cost the viewer: ``python -m benchmarks.docks`` (needs a screen).

Processor time of the viewer's thread, by action, in a viewer without docks of this package and in
one with all of them: painting a stroke in labels of 8192 × 8192 pixels that are a result, and, with
200 layers, switching to another dock, selecting another layer, and adding one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

PLUGIN = "napari-visual-ccc"
SIDE, LAYERS = 8192, 200
DOCKS = (
    "Visual-CCC", "Micrograph info", "Image quality", "Correct", "Denoise", "Classify & Explain",
    "AI lens", "Segment", "Cluster", "Texture", "Image analysis", "Measure", "Train classifier",
)  # fmt: skip


def cost(actions: Iterator[Callable[[], object]]) -> tuple[float, float]:
    """Median and longest processor time of some actions, in milliseconds."""
    found = []
    for action in actions:
        _settle()
        start = time.thread_time()
        action()
        _settle()
        found.append(1e3 * (time.thread_time() - start))
    return median(found), max(found)


def _settle(turns: int = 5) -> None:
    """Let everything happen that an action has put off."""
    for _ in range(turns):
        QApplication.processEvents()
        time.sleep(0.03)
    QApplication.processEvents()


def strokes(labels) -> Iterator[Callable[[], object]]:
    """Strokes of a brush of 40 pixels, each at another place."""
    labels.brush_size, labels.selected_label = 40, 3
    for k in range(8):
        yield lambda k=k: labels.paint((500 + 60 * k, 700 + 50 * k), 3 + k)


def painting(docks: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Paint in labels that a form has measured."""
    viewer = napari.Viewer()
    image = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
    viewer.add_image(image, name="image", contrast_limits=(0, 255))
    data = np.zeros((SIDE, SIDE), np.int32)
    for k in range(32):
        data[256 * k : 256 * k + 128, 256 * k : 256 * k + 128] = k + 1
    labels = viewer.add_labels(data, name="labels")
    forms = _open(viewer, docks)
    if "Measure" in forms:
        # its table then follows the labels
        forms["Measure"].fields["labels"].value = labels
        forms["Measure"]()
    viewer.layers.selection.active = labels
    # the table and its histogram are drawn
    _settle(60)
    found = {"stroke": cost(strokes(labels))}
    viewer.close()
    return found


def many_layers(docks: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Switch docks and layers among many."""
    viewer = napari.Viewer()
    small = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for k in range(LAYERS):
        viewer.add_image(small, name=f"image {k}", contrast_limits=(0, 63), visible=k == 0)
    forms = _open(viewer, docks)
    shown = [viewer.window._dock_widgets[name] for name in viewer.window._dock_widgets]
    ours = [one for one in shown if any(one.name.startswith(name) for name in docks)]
    found = {}
    if forms:
        found["switch to a dock"] = cost(lambda one=one: one.raise_() for one in ours)
    layers = viewer.layers
    found["select a layer"] = cost(
        lambda k=k: setattr(layers.selection, "active", layers[k]) for k in range(3, 90, 11)
    )
    found["add a layer"] = cost(
        lambda k=k: viewer.add_image(small, name=f"more {k}", contrast_limits=(0, 63))
        for k in range(4)
    )
    found["hide a layer"] = cost(
        lambda k=k: setattr(layers[k], "visible", not layers[k].visible) for k in range(4)
    )
    viewer.close()
    return found


def _open(viewer: napari.Viewer, docks: tuple[str, ...]) -> dict[str, object]:
    forms = {}
    for name in docks:
        forms[name] = viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)[1]
    if "Visual-CCC" in forms:
        from napari_visual_ccc.widgets.docks.workspace import STEPS

        for step in STEPS:
            forms["Visual-CCC"].open(step.title)
    _settle()
    return forms


def main() -> None:
    print("| action | docks | median | longest |\n|---|---|---:|---:|")
    for measure in (painting, many_layers):
        for docks in ((), DOCKS):
            for action, (middle, longest) in measure(docks).items():
                words = "all" if docks else "none"
                print(f"| {action} | {words} | {middle:.0f} ms | {longest:.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
