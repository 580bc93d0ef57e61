"""Results of the demo in napari."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import napari
from napari.layers import Labels, Layer

from ...core.micrograph import Micrograph
from ..layers.build import build
from ..layers.source import take
from ..layers.viewers import scale_bar
from .samples import layers

if TYPE_CHECKING:
    from ...workflow.run import Outcome


def show(
    finished: Sequence[tuple[Micrograph, Sequence[Outcome]]], *, block: bool = True
) -> list[napari.Viewer]:
    """Open napari with the layers of all results, one window a micrograph.

    Some micrographs have a pixel size and some have none, so they cannot share a window's units.

    Parameters
    ----------
    finished : sequence of (Micrograph, sequence of Outcome)
        What the demo computed.
    block : bool
        Stay until the windows are closed.
    """
    viewers = [_window(micrograph, runs) for micrograph, runs in reversed(finished)]
    if block:
        napari.run()
    return viewers


def _window(micrograph: Micrograph, runs: Sequence[Outcome]) -> napari.Viewer:
    viewer = napari.Viewer(title=f"napari-visual-ccc demo: {micrograph.name}")
    source = viewer.add_layer(Layer.create(*layers(micrograph.name)[0]))
    for outcome in runs:
        for part in outcome.result.layers:
            record = outcome.record.of(part.name).plain()
            layer = viewer.add_layer(build(take(source, viewer), part, record))
            layer.visible = False
    scale_bar(viewer).visible = True
    labels = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    labels[-1].visible = True
    measured = any(outcome.result.tables and not outcome.result.layers for outcome in runs)
    viewer.layers.selection.active = labels[-1] if measured else source
    name = "Measure" if measured else "Cluster"
    form = viewer.window.add_plugin_dock_widget("napari-visual-ccc", name)[1]
    if measured:
        form(labels=labels[-1])
    viewer.fit_to_view()
    return viewer
