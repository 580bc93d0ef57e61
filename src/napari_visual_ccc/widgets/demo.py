"""The demo's layers in napari."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import napari
from napari.layers import Layer

from ..micrograph import Micrograph
from ..recipe import provenance
from ..results import Result
from .layers import build, take

Runs = Sequence[tuple[str, Mapping[str, Any], Result]]


def show(jobs: Sequence[tuple[Micrograph, Runs]], *, block: bool = True) -> napari.Viewer:
    """Open napari with every micrograph and the layers of its results.

    Parameters
    ----------
    jobs : sequence of (Micrograph, [(operation, parameters, Result), ...])
        What the demo computed.
    block : bool
        Stay until the window is closed.
    """
    viewer = napari.Viewer(title="napari-visual-ccc demo")
    for number, (micrograph, runs) in enumerate(jobs):
        source = _add_micrograph(viewer, micrograph)
        for operation, parameters, result in runs:
            for part in result.layers:
                record = provenance(
                    operation,
                    parameters,
                    {"image": source.name},
                    source={"name": source.name, "path": str(micrograph.path or "")},
                    result=result,
                    output=part.name,
                )
                layer = viewer.add_layer(build(take(source, viewer), part, record))
                layer.visible = False
        source.visible = number == 0
    first = next(iter(viewer.layers))
    viewer.layers.selection.active = first
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
