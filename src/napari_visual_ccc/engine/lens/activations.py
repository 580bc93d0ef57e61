"""Activations of a layer of a network, as maps of an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.lazy import is_lazy
from ...arrays.stacks import each_slice
from ...core.layers import ChannelsLayer, ColourLayer, ImageLayer, Layer, Placement
from ...core.progress import Progress, Steps, as_one_step
from ...core.result import Result
from ..classification.windows import Device, model_facts
from .cells import Seen, cell_means, open_model, see
from .colour import Colour, colour_of
from .ranking import Cells, RankBy, Ranked, cells_of, joined, rank_channels, thinned

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# most columns of a contact sheet
_COLUMNS = 8

# slices by which the channels of a stack are ranked, and values of all of them
_RANKED, _RANKED_VALUES = 12, 1 << 24


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Activations(Result):
    """Activations of a layer.

    Tables are ``"channels"``, the first rank first, and ``"layers"``, those that the model has.

    Parameters
    ----------
    features : (n, h, w) float32 array
        Maps of all channels but dead and duplicate ones, in the order of the table; none of a
        stack. NaN in cells near missing pixels.
    shape : (Y, X)
        Of the image without its info bar.
    """

    features: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0), np.float32))
    shape: tuple[int, int] = (0, 0)


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
        Grey or colour image of any real dtype; (C, Y, X) for a model of several channels. Cells
        on which missing pixels (NaN or infinite) have an influence are NaN, and do not count. A
        stack is processed slice by slice (in the viewer: the current slice), with one ranking, and
        one set of colours, over at most 12 slices evenly spread: a rank is the same channel in all.
    labels : (Y, X) integer array, optional
        A mask, or a label for each class, to rank the channels by; 0 is not labelled. A cell counts
        as much as it is covered; a label that covers less than a quarter of any cell does not.
    spacing : (y, x), optional
        Pixel size, for models that are trained at a fixed scale.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    layer : str
        Name of a layer; if empty the last maps of a classifier, or the code of an autoencoder. For
        attention a block.
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
        not enlarged. Dead (constant) channels, and duplicates of a channel of a better rank
        (absolute correlation above 0.99), are left out. ``features`` are the maps of all other
        channels, for `nearest_patches`. A file of the maps has the figure of a contact sheet beside
        it.

    Raises
    ------
    ValueError
        If the model has no such layer or no attention, labels are missing, differ in size or
        cannot be separated from the rest in these cells, missing pixels have an influence on every
        cell, or the maps would be larger than 1 GiB.
    RuntimeError
        If memory is full.
    """
    loaded = yield from open_model(model, device)
    look = _Look(spacing, unit, loaded, layer, show == "attention", rank_by, channels, colour,
                 contact_sheet)  # fmt: skip
    given = image if is_lazy(image) else np.asarray(image)
    axes = 3 if loaded.card.depth > 1 or (given.ndim > 2 and given.shape[-1] in (3, 4)) else 2
    if given.ndim > axes:
        return (yield from _of_stack(look, given, labels, axes))
    seen = yield from look.see(image)
    yield Progress(0, 0, "channels")
    names, cells = look.cells(seen, labels)
    ranked = rank_channels(cells, rank_by, names)
    kept = np.ascontiguousarray(seen.maps[ranked.order])
    colours = yield from look.colours(cells.flat[ranked.order])
    facts = {**look.facts(seen, ranked), "cells": list(kept.shape[1:])}
    return Activations(
        look.layers(seen, kept, ranked, colours), _tables(seen, ranked),
        model=seen.tap.model.identity, facts=facts, features=kept, shape=seen.shape,
        notes=(*ranked.notes, *seen.notes),
    )  # fmt: skip


def _of_stack(look: _Look, stack: Any, labels: Any, axes: int) -> Steps[Activations]:
    """Rank the channels over the stack, and take the same ones from every slice."""
    shape = stack.shape[:-axes]
    places = list(np.ndindex(shape))
    # labels of a stack go with its slices; one mask is that of all
    follows = np.ndim(labels) > 2
    if follows and np.shape(labels)[: len(shape)] != shape:
        raise ValueError(f"the labels are {np.shape(labels)}, the stack is {stack.shape}")
    chosen = np.linspace(0, len(places) - 1, min(_RANKED, len(places))).round().astype(int)
    values = None if labels is None else _label_values(labels)
    parts, failed = [], None
    for done, number in enumerate(chosen):
        here = Progress(done, len(chosen) + len(places), "channels")
        yield here
        index = places[number]
        mine = labels[index] if follows else labels
        try:
            seen = yield from as_one_step(look.see(np.asarray(stack[index])), here)
            _, cells = look.cells(seen, mine, values)
        except ValueError as error:
            failed = failed or error
            continue
        parts.append(thinned(cells, max(512, _RANKED_VALUES // len(chosen) // len(cells.flat))))
    if not parts:
        assert failed is not None
        raise failed
    together = joined(parts)
    ranked = rank_channels(together, look.rank_by, () if values is None else values.tolist())
    colours = yield from look.colours(together.flat[ranked.order])

    def at_slice(plane: np.ndarray) -> Steps[Result]:
        seen = yield from look.see(plane)
        made = look.layers(seen, seen.maps[ranked.order], ranked, colours)
        return Result(made, notes=seen.notes)

    made = yield from each_slice(at_slice, stack, axes)
    over = f"the channels were ranked over {len(parts)} of {len(places)} slices"
    return Activations(
        made.layers, _tables(seen, ranked), model=seen.tap.model.identity,
        facts={**look.facts(seen, ranked), "cells": list(seen.maps.shape[1:])},
        notes=(*ranked.notes, f"{over}: a rank is the same channel in every slice", *made.notes),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Look:
    """Choices of a run, and its steps for one plane."""

    spacing: Any
    unit: str
    model: Model
    layer: str
    attention: bool
    rank_by: RankBy
    most: int
    colour: Colour
    contact_sheet: bool

    def see(self, plane: Any) -> Steps[Seen]:
        return see(plane, self.spacing, self.unit, self.model, self.layer, attention=self.attention)

    def cells(self, seen: Seen, labels: Any, values: Any = None) -> tuple[list[int], Cells]:
        """Labels, and all cells with the share that each label covers."""
        if labels is None:
            return [], cells_of(seen.maps)
        found = checked_labels(labels, seen)
        values = _label_values(found) if values is None else values
        size = (int(seen.maps.shape[1]), int(seen.maps.shape[2]))
        shares = [cell_means(found == value, seen.placement, size) for value in values]
        return values.tolist(), cells_of(seen.maps, np.stack(shares))

    def colours(self, cells: np.ndarray) -> Steps[Any]:
        if self.colour == "none":
            return None
        yield Progress(0, 0, self.colour)
        return colour_of(cells, self.colour)

    def layers(
        self, seen: Seen, kept: np.ndarray, ranked: Ranked, colours: Any
    ) -> tuple[Layer, ...]:
        name = _title(seen, self.attention, self.layer)
        shown = _channels(seen, kept[: self.most], ranked, name)
        made: list[Layer] = [shown]
        if colours is not None:
            title = f"{name} {self.colour}"
            made.append(ColourLayer(colours(kept), name=title, placement=seen.placement))
        if self.contact_sheet:
            made.append(_sheet(shown, seen.shape))
        return tuple(made)

    def facts(self, seen: Seen, ranked: Ranked) -> dict[str, Any]:
        return {
            **model_facts(seen.tap.model), "layer": seen.tap.name, "cell_px": seen.stride,
            "channels": len(seen.maps), "dead": ranked.dead, "duplicates": ranked.duplicates,
        }  # fmt: skip


def _tables(seen: Seen, ranked: Ranked) -> dict[str, Any]:
    return {"channels": ranked.table, "layers": layers_table(seen)}


def checked_labels(labels: Any, seen: Seen) -> np.ndarray:
    """Labels of the size of the image.

    Raises
    ------
    ValueError
        If they differ in size.
    """
    from ...arrays.inputs import validate_labels

    found = np.asarray(validate_labels(labels))
    if found.shape != seen.shape:
        raise ValueError(f"the labels are {found.shape}, the image is {seen.shape}: they differ")
    return found


def _label_values(labels: Any) -> np.ndarray:
    """Labels that there are.

    Raises
    ------
    ValueError
        If nothing is labelled, or there are too many labels.
    """
    found = np.asarray(labels)
    values = np.unique(found[found != 0])
    if not len(values):
        raise ValueError("nothing is labelled: paint a mask first")
    if len(values) > 256:
        raise ValueError(f"{len(values)} labels: paint one for each class, or one mask")
    return values


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
        low, high = np.nanpercentile(one, (0.5, 99.5))
        y, x = number // columns * (height + 1), number % columns * (width + 1)
        sheet[y : y + height, x : x + width] = np.clip((one - low) / max(high - low, 1e-30), 0, 1)
    # reduced to the size of the image
    place = Placement(max(shape) / max(sheet.shape), corner=(0, round(1.05 * shape[1])))
    return ImageLayer(
        sheet, style="heat", limits=(0.0, 1.0), name="contact sheet", placement=place, beside=True,
        quantity="each channel, lowest to highest",
    )  # fmt: skip


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
