"""A slow operation that can fail, and a real viewer."""

from __future__ import annotations

import gc
import sys
import time
import types
from typing import Annotated, Literal
from unittest.mock import patch

import napari
import numpy as np
import pytest
from napari._qt.qt_viewer import QtViewer
from napari.settings import get_settings
from qtpy.QtWidgets import QApplication

from napari_visual_ccc.core.layers import ImageLayer
from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.widgets.layers.viewers import scale_bar
from napari_visual_ccc.workflow import operations
from napari_visual_ccc.workflow.operations import Operation

closed: list[str] = []


def slow(
    image,
    *,
    factor: Annotated[float, {"min": 0, "max": 10}] = 2.0,
    steps: Annotated[int, {"min": 1, "max": 1000}] = 3,
    fail: Literal["no", "value", "runtime", "bug", "large"] = "no",
):
    """Multiply an image slowly.

    Parameters
    ----------
    image : (..., Y, X) array
        Any image.
    factor : float
        What to multiply by.
    steps : int
        How many times 10 ms it takes.
    fail : {'no', 'value', 'runtime', 'bug', 'large'}
        Which error to raise half-way; 'large' fails on more than a million pixels only.
    """
    try:
        for done in range(steps):
            time.sleep(0.01)
            yield Progress(done + 1, steps)
        if fail == "value":
            raise ValueError("the image is too grey; take another")
        if fail == "runtime":
            raise RuntimeError("out of memory: take a smaller image")
        if fail == "bug":
            raise KeyError("a fault of ours")
        if fail == "large" and image.size > 1_000_000:
            raise MemoryError("memory is full")
    finally:
        closed.append("slow")
    layer = ImageLayer(image * np.float32(factor), name="slow")
    return Result((layer,), notes=("it was slow",))


@pytest.fixture
def slow_form(monkeypatch):
    """A form of an operation that takes a while and fails on demand."""
    from napari_visual_ccc.widgets.form.form import Form

    module = types.ModuleType("napari_visual_ccc.engine.slow")
    module.slow = slow
    monkeypatch.setitem(sys.modules, "napari_visual_ccc.engine.slow", module)
    monkeypatch.setitem(
        operations.OPERATIONS,
        "slow",
        Operation("slow", "slow", "engine.slow", "Slow", "image", live=True),
    )
    closed.clear()
    return type("Slow", (Form,), {"family": "slow"})


@pytest.fixture(scope="module")
def window():
    """The viewer that the tests of a module share: making and closing one takes 0.3 s."""
    get_settings().reset()
    viewer = napari.Viewer(show=False, show_welcome_screen=False)
    gc.collect()
    # what is loaded is exempt from the search for garbage after every test
    gc.freeze()
    yield viewer
    gc.unfreeze()
    with patch.object(viewer.window._qt_window, "_save_current_window_settings"):
        viewer.close()
    del viewer
    gc.collect()
    QtViewer._instances.clear()


@pytest.fixture
def viewer(window, qtbot):
    """A viewer as a new one: without layers and docks, and no form of an earlier test alive."""
    gc.collect()
    QApplication.processEvents()
    yield window
    window.window.remove_dock_widget("all")
    window.layers.clear()
    window.dims.ndim = 2
    window.dims.ndisplay = 2
    window.dims.axis_labels = ("-2", "-1")
    scale_bar(window).visible = False
    get_settings().reset()


@pytest.fixture
def finish(qtbot):
    """Wait until a form has nothing under way."""

    def wait(form, timeout=60_000):
        qtbot.waitUntil(lambda: form.is_idle, timeout=timeout)

    return wait
