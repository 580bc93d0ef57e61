"""How soon the layer follows a slider: ``python -m benchmarks.live`` (needs a screen).

Every figure is the time from the slider's move to the new labels being in the layer, in a real
viewer, with Live ticked: the visible part first, then the whole image.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import napari
from qtpy.QtWidgets import QApplication

import napari_visual_ccc as ccc

from .bench_big import make
from .timing import micrograph

LARGEST = 20_000
# dock, its slider, and where the slider goes
SLIDERS = {
    "Cluster": ("clusters", (2, 3, 4, 5, 6, 7)),
    "Segment": ("sigma", (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)),
}


def follow(image: Any, dock: str) -> tuple[float, float]:
    """Median seconds from a move to the visible part, and to the whole image."""
    viewer = napari.Viewer()
    viewer.add_image(image, name="image", contrast_limits=(0, 255))
    _, form = viewer.window.add_plugin_dock_widget("napari-visual-ccc", dock)
    field, values = SLIDERS[dock]
    form.fields[field].value = values[0]
    form.live.value = True
    while len(viewer.layers) < 2:
        QApplication.processEvents()
    _settle(form)
    first, whole = [], []
    for value in values[1:]:
        layer = viewer.layers[-1]
        before, start = layer.data, time.perf_counter()
        form.fields[field].value = value
        while layer.data is before:
            QApplication.processEvents()
        first.append(time.perf_counter() - start)
        _settle(form)
        whole.append(time.perf_counter() - start)
    viewer.close()
    return median(first), median(whole)


def _settle(form: Any) -> None:
    """Wait until the whole image has followed and nothing more is under way."""
    quiet = time.perf_counter()
    while time.perf_counter() - quiet < 0.4:
        QApplication.processEvents()
        if form.job is not None or form._again:
            quiet = time.perf_counter()


def main() -> None:
    print("| image | dock | slider to layer | slider to whole image, 0.4 s of quiet included |")
    print("|---|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        large = {f"{kind}, lazy": ccc.read(path).data
                 for kind, path in make(LARGEST, Path(folder)).items()}  # fmt: skip
        images = {str(side): micrograph(side) for side in (512, 2048, 4096)}
        for name, image in {**images, **large}.items():
            for dock in SLIDERS:
                first, whole = follow(image, dock)
                side = f"{image.shape[0]}²{'' if name.isdigit() else f' ({name})'}"
                print(f"| {side} | {dock} | {1e3 * first:.0f} ms | {1e3 * whole:.0f} ms |")


if __name__ == "__main__":
    main()
