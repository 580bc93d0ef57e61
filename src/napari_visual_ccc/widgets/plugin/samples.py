"""Samples as napari layers."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Image
from qtpy.QtCore import QTimer

from ...core.layers.palette import label_colours
from ...samples import facts, load, masks
from ..layers.build import labels_colormap
from ..layers.viewers import PLUGIN, scale_bar
from .reader import watched_viewer

LayerData = tuple[Any, dict[str, Any], str]


def layers(name: str) -> list[LayerData]:
    """Return a sample and its masks as layer data."""
    viewer = watched_viewer()
    micrograph, about = load(name), facts(name)
    place: dict[str, Any] = {}
    if micrograph.spacing is not None:
        place = {"scale": micrograph.spacing, "units": micrograph.unit}
        if viewer is not None:
            scale_bar(viewer).visible = True
    common = {**place, "metadata": dict(micrograph.metadata)}
    low, high = np.percentile(micrograph.data, (0.1, 99.9))
    look = {"name": name, "contrast_limits": (float(low), float(high))}
    layer_data: list[LayerData] = [(micrograph.data, {**common, **look}, "image")]
    for mask, labels in masks(name).items():
        options = {**common, "name": f"{name} {mask}", "opacity": 0.5, "visible": False}
        if mask in about["classes"]:
            names = about["classes"][mask]
            options["features"] = {"index": list(range(len(names))), "name": names}
        options["colormap"] = _colormap(options.get("features"))
        layer_data.append((labels, options, "labels"))
    if viewer is not None:
        # after napari has added the layers, and has selected the last one, a hidden mask
        QTimer.singleShot(0, functools.partial(_select_image, viewer, name))
    return layer_data


def _select_image(viewer: Viewer, name: str) -> None:
    """Select the image of a sample while one of its masks is."""
    active = viewer.layers.selection.active
    own = [one for one in viewer.layers if one.source.sample == (PLUGIN, name)]
    if active is not None and active in own:
        viewer.layers.selection.active = next(
            one for one in reversed(own) if isinstance(one, Image)
        )


def _colormap(features: dict[str, Any] | None) -> Any:
    import pandas as pd

    table = None if features is None else pd.DataFrame(features)
    return labels_colormap(label_colours(table))


def superalloy() -> list[LayerData]:
    """Nickel superalloy, SEM."""
    return layers("superalloy")


def coating() -> list[LayerData]:
    """Environmental barrier coating in cross-section, SEM."""
    return layers("coating")


def nanoparticles() -> list[LayerData]:
    """Copper nanoparticles, TEM."""
    return layers("nanoparticles")


def powder() -> list[LayerData]:
    """Metal powder, SEM."""
    return layers("powder")


def nanocomposite() -> list[LayerData]:
    """Polymer nanocomposite with agglomerates, SEM."""
    return layers("nanocomposite")
