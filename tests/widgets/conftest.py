"""A slow operation that can fail, and a real viewer."""

from __future__ import annotations

import gc
import sys
import time
import types
from typing import Annotated, Literal

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.settings import get_settings
from npe2 import PluginManager
from npe2.manifest.schema import discovery_blocked

from napari_visual_ccc.core.layers import ImageLayer
from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.core.result import Result
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


@pytest.fixture(scope="session", autouse=True)
def _installed_plugins():
    """Look for installed plugins once: each new viewer would read every manifest again."""
    PluginManager.instance().discover(include_npe1=True)
    with discovery_blocked():
        yield


@pytest.fixture(autouse=True)
def _little_garbage():
    """Exempt what is loaded from the search for garbage: each viewer that closes does one."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def headless(qapp):
    """A viewer without a window, for what no canvas takes part in: it opens in no time."""
    get_settings().reset()
    before = set(qapp.topLevelWidgets())
    yield ViewerModel()
    for widget in set(qapp.topLevelWidgets()) - before:
        widget.close()
        widget.deleteLater()


@pytest.fixture
def finish(qtbot):
    """Wait until a form has nothing under way."""

    def wait(form):
        qtbot.waitUntil(lambda: form.is_idle)

    return wait
