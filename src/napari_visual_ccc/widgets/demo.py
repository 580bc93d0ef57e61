"""The demo's layers in napari."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import napari
from napari.layers import Layer

from ..micrograph import Micrograph
from .layers import build, take

if TYPE_CHECKING:
    from ..demo import Done


def show(
    finished: Sequence[tuple[Micrograph, Sequence[Done]]], *, block: bool = True
) -> napari.Viewer:
    """Open napari with every micrograph and the layers of its results.

    Parameters
    ----------
    finished : sequence of (Micrograph, sequence of Done)
        What the demo computed.
    block : bool
        Stay until the window is closed.
    """
    viewer = napari.Viewer(title="napari-visual-ccc demo")
    for number, (micrograph, runs) in enumerate(finished):
        source = _add_micrograph(viewer, micrograph)
        for done in runs:
            for part in done.result.layers:
                layer = viewer.add_layer(build(take(source, viewer), part, done.records[part.name]))
                layer.visible = number == 0 and layer.name.endswith(" split")
        source.visible = number == 0
    viewer.layers.selection.active = viewer.layers[0]
    viewer.scale_bar.visible = True
    viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Cluster")
    viewer.fit_to_view()
    if block:
        napari.run()
    return viewer


def _add_micrograph(viewer: napari.Viewer, micrograph: Micrograph) -> Layer:
    place: dict[str, Any] = {}
    if micrograph.spacing is not None:
        place = {"scale": micrograph.spacing, "units": micrograph.unit}
    return viewer.add_image(
        micrograph.data, name=micrograph.name, metadata=dict(micrograph.metadata), **place
    )
