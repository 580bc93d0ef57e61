"""How soon the layer follows a slider: ``python -m benchmarks.live`` (needs a screen).

Every figure is the time from the slider's move to the new labels being in the layer, in a real
viewer, with Live ticked: the visible part first, then the whole image.
"""

from __future__ import annotations

import time
from statistics import median

import napari
from qtpy.QtWidgets import QApplication

from .timing import micrograph


def follow(side: int, moves: int = 8) -> tuple[float, float]:
    viewer = napari.Viewer()
    viewer.add_image(micrograph(side), name="image")
    _, form = viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Cluster")
    form(clusters=2)
    form.live.value = True
    _settle(form)
    first, whole = [], []
    for number in range(moves):
        layer = viewer.layers[-1]
        before, start = layer.data, time.perf_counter()
        form.fields["clusters"].value = 3 + number % 5
        while layer.data is before:
            QApplication.processEvents()
        first.append(time.perf_counter() - start)
        _settle(form)
        whole.append(time.perf_counter() - start)
    viewer.close()
    return median(first), median(whole)


def _settle(form: object) -> None:
    """Wait until the whole image has followed and nothing more is under way."""
    quiet = time.perf_counter()
    while time.perf_counter() - quiet < 0.4:
        QApplication.processEvents()
        if form._job is not None or form._again:
            quiet = time.perf_counter()


if __name__ == "__main__":
    print("| image | slider to layer | slider to whole image, 0.4 s of quiet included |")
    print("|---|---:|---:|")
    for side in (512, 2048, 4096):
        first, whole = follow(side)
        print(f"| {side}² | {1e3 * first:.0f} ms | {1e3 * whole:.0f} ms |")
