"""Activations of a layer of a network, as maps of an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ...core.layers import ChannelsLayer, ColourLayer, ImageLayer, Layer, Placement
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..classification.windows import Device, model_facts
from .cells import Seen, cell_means, open_model, see
from .colour import Colour, colour_picture
from .ranking import RankBy, Ranked, rank_channels

# most columns of a contact sheet
_COLUMNS = 8


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Activations(Result):
    """Activations of a layer.

    Tables are ``"channels"``, the first rank first, and ``"layers"``, those that the model has.

    Parameters
    ----------
    features : (n, h, w) float32 array
        Maps of all channels but dead and duplicate ones, in the order of the table.
    """

    features: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0), np.float32))


def activations(  # noqa: PLR0913
    image: Any,
    labels: Any = None,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    layer: str = "",
    show: Literal["activations", "attention"] = "activations",
    rank_by: RankBy = "variance",
    channels: Annotated[int, {"min": 1, "max": 512}] = 64,
    colour: Colour = "none",
    contact_sheet: bool = False,
    device: Device = "auto",
) -> Steps[Activations]:
    """Look through the layers of a network: its activations as a stack of maps of the image.

    The network sees the image at the scale of its training images. A network of any input size
    sees it at once, above a million input pixels in tiles; one of a fixed input size sees windows
    that overlap by half, whose maps are blended. Source of attention rollout: Abnar & Zuidema, ACL
    2020 (arXiv 2005.00928).

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype; (C, Y, X) for a model of several channels. A stack
        is processed slice by slice (in the viewer: the current slice).
    labels : (Y, X) integer array, optional
        A mask, or a label for each class, to rank the channels by; 0 is not labelled.
    spacing : (y, x), optional
        Pixel size, for models that are trained at a fixed scale.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    layer : str
        Name of a layer; the last maps of the network if empty. For attention a block.
    show : {'activations', 'attention'}
        Attention is that of a vision transformer's class token: its heads in the block that is
        named as the layer, or attention rollout up to every block if none is.
    rank_by : {'variance', 'sparsity', 'class AUC', 'mask correlation'}
        Order of the channels: variance over the image; sparsity (few cells are active); how well a
        channel separates one label from the others (area under the ROC curve); correlation with
        what is labelled.
    channels : int
        Largest number of maps; the first in this order are kept.
    colour : {'none', 'PCA', 'NMF'}
        Add all channels as one colour picture: of three principal components, or of three
        non-negative factors.
    contact_sheet : bool
        Add the maps side by side as one picture of the size of the micrograph, to its right.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Activations
        (channels, h, w) float32 maps with the cells of the layer, placed on the image: they are
        not enlarged. Dead (constant) channels, and duplicates of a channel of a better rank (|r| >
        0.99), are left out. ``features`` are the maps of all other channels, for
        `nearest_patches`. A file of the maps has the figure of a contact sheet beside it.

    Raises
    ------
    ValueError
        If the model has no such layer or no attention, labels are missing or differ in size, or
        the maps would be larger than 1 GiB.
    RuntimeError
        If memory is full.
    """
    loaded = yield from open_model(model, device)
    attention = show == "attention"
    seen = yield from see(image, spacing, unit, loaded, layer, attention=attention)
    yield Progress(0, 0, "channels")
    values, shares = (None, None) if labels is None else label_shares(labels, seen)
    ranked = rank_channels(seen.maps, rank_by, shares)
    if values is not None:
        # 0 where no label stands out
        ranked.table["auc_label"] = np.append(0, values)[ranked.table["auc_label"]]
    name = _title(seen, attention, layer)
    kept = np.ascontiguousarray(seen.maps[ranked.order])
    shown = _channels(seen, kept[:channels], ranked, name)
    made: list[Layer] = [shown]
    if colour != "none":
        yield Progress(0, 0, colour)
        picture = colour_picture(kept, colour)
        made.append(ColourLayer(picture, name=f"{name} {colour}", placement=seen.placement))
    if contact_sheet:
        made.append(_sheet(shown, seen.shape))
    facts = {
        **model_facts(seen.tap.model), "layer": seen.tap.name, "cells": list(kept.shape[1:]),
        "cell_px": seen.stride, "channels": len(seen.maps), "dead": ranked.dead,
        "duplicates": ranked.duplicates,
    }  # fmt: skip
    tables = {"channels": ranked.table, "layers": layers_table(seen)}
    return Activations(
        tuple(made), tables, model=seen.tap.model.identity, facts=facts, features=kept,
        notes=(ranked.note, *seen.notes),
    )  # fmt: skip


def label_shares(labels: Any, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the share of every cell that each covers: (labels, h, w).

    Raises
    ------
    ValueError
        If the labels differ in size from the image, or nothing is labelled.
    """
    from ...arrays.inputs import validate_labels

    found = np.asarray(validate_labels(labels))
    if found.shape != seen.shape:
        raise ValueError(f"the labels are {found.shape}, the image is {seen.shape}: they differ")
    values = np.unique(found[found != 0])
    if not len(values):
        raise ValueError("nothing is labelled: paint a mask first")
    if len(values) > 256:
        raise ValueError(f"{len(values)} labels: paint one for each class, or one mask")
    cells = (int(seen.maps.shape[1]), int(seen.maps.shape[2]))
    shares = [cell_means(found == value, seen.placement, cells) for value in values]
    return values, np.stack(shares)


def _title(seen: Seen, attention: bool, layer: str) -> str:
    if attention:
        return f"attention {layer or 'rollout'}"
    return f"activations {seen.tap.name}"


def _channels(seen: Seen, maps: np.ndarray, ranked: Ranked, name: str) -> ChannelsLayer:
    numbers = ranked.order[: len(maps)].tolist()
    names = tuple(f"channel {number} (rank {k})" for k, number in enumerate(numbers, start=1))
    return ChannelsLayer(maps, name=name, placement=seen.placement, channels=names)


def _sheet(shown: ChannelsLayer, shape: tuple[int, int]) -> ImageLayer:
    maps = np.asarray(shown.data)
    columns = min(_COLUMNS, int(np.ceil(np.sqrt(len(maps)))))
    rows = -(-len(maps) // columns)
    height, width = maps.shape[1:]
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan, np.float32)
    for number, one in enumerate(maps):
        low, high = np.percentile(one, (0.5, 99.5))
        y, x = number // columns * (height + 1), number % columns * (width + 1)
        sheet[y : y + height, x : x + width] = np.clip((one - low) / max(high - low, 1e-30), 0, 1)
    # reduced to the size of the image
    beside = Placement(max(shape) / max(sheet.shape), corner=(0, round(1.05 * shape[1])))
    limits = (0.0, 1.0)
    return ImageLayer(sheet, style="heat", limits=limits, name="contact sheet", placement=beside)


def layers_table(seen: Seen) -> Any:
    """Layers of the model that give maps: name, channels, and cells for one input."""
    import pandas as pd

    from ...nets.layers import maps_of

    model = seen.tap.model
    rows = [
        (name, " × ".join(map(str, shape)))
        for name, shape in maps_of(model.net, model.card.input_px).items()
    ]
    return pd.DataFrame(rows, columns=["layer", "output"])
