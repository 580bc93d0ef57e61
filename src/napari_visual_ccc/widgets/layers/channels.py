"""Channels of an image that are layers of their own, or an axis of one layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer

from ...core.micrograph import CHANNEL_AXIS, Axis, Micrograph, select_channels, stack_channels
from ...io.channels import split_name
from .metadata import MICROGRAPH, current_slice
from .source import Source, take

if TYPE_CHECKING:
    from napari.viewer import Viewer


def with_channels(
    source: Source, viewer: Viewer, channels: Sequence[str], level: int = 0
) -> Source:
    """Give a source with the channels of its image, in an order.

    Parameters
    ----------
    source : Source
        Displayed slice of a layer.
    viewer : Viewer
        Where the layers of the other channels are.
    channels : sequence of str
        Names of the channels.
    level : int
        Of multiscale layers.

    Returns
    -------
    Source
        ``data`` is (C, Y, X): of a layer with an axis ``c``; or of layers whose names end with
        those of the channels, such as ``a_SE`` and ``a_BSE``.

    Raises
    ------
    ValueError
        If a channel is missing; the message names it.
    """
    layer = source.layer
    labels = list(layer.axis_labels[:-2])
    if CHANNEL_AXIS in labels:
        place = labels.index(CHANNEL_AXIS)
        index: list[Any] = list(current_slice(layer, viewer))
        index[place] = slice(None)
        pixels = layer.data[level] if getattr(layer, "multiscale", False) else layer.data
        known = {"facts": dict(layer.metadata.get(MICROGRAPH) or {})}
        image = Micrograph(
            pixels[tuple(index)], name=layer.name, axes=(Axis(CHANNEL_AXIS),), metadata=known
        )
        data = select_channels(image, channels).data
    else:
        planes = [
            take(one, viewer, planar=True, level=level).data
            for one in layers_of_channels(layer, viewer, channels)
        ]
        images = {name: Micrograph(one) for name, one in zip(channels, planes, strict=True)}
        data = stack_channels(images).data
    bar_of = source.data if source.whole is None else source.whole
    return replace(source, data=np.asarray(data), whole=bar_of, channels=tuple(channels))


def layers_of_sources(sources: Iterable[Source], viewer: Viewer) -> list[Layer]:
    """Layers that sources were taken from, with those of their other channels."""
    found: list[Layer] = []
    for source in sources:
        found.append(source.layer)
        if source.channels and CHANNEL_AXIS not in source.layer.axis_labels:
            found += layers_of_channels(source.layer, viewer, source.channels)
    return found


def layers_of_channels(layer: Any, viewer: Viewer, channels: Sequence[str]) -> list[Image]:
    """Layers of the channels of an image, by their names, in the order of the channels.

    Raises
    ------
    ValueError
        If there is no layer, or more than one, of a channel.
    """
    wanted = split_name(layer.name, channels)
    names = " and ".join(f"'name_{channel}'" for channel in channels)
    if wanted is None:
        raise ValueError(
            f"{len(channels)} channels ({', '.join(channels)}) are needed, and {layer.name} is one "
            f"image: name the layers of the channels {names}, or choose a layer with an axis 'c'"
        )
    found = []
    for channel in channels:
        mine = [
            one for one in viewer.layers
            if isinstance(one, Image) and _is(one.name, wanted[0], channel, channels)
        ]  # fmt: skip
        if len(mine) != 1:
            example = f"{wanted[0]}_{channel}".lstrip("_")
            raise ValueError(
                f"the channel {channel} of {layer.name} is missing: open it as a layer named "
                f"'{example}'"
                if not mine
                else f"{mine[0].name} and {mine[1].name} are both the channel {channel}"
            )
        found.append(mine[0])
    return found


def _is(name: str, image: str, channel: str, channels: Sequence[str]) -> bool:
    found = split_name(name, channels)
    return found is not None and found[0].casefold() == image.casefold() and found[1] == channel
