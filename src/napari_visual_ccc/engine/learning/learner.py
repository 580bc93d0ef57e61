"""What all learners give, and share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ...core.progress import Progress, Steps
from ...nets.card import NetworkInput, PixelSizeInput
from ...nets.inference import batched, sentence
from .prepare import Prepared

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Fitted:
    """What a fit gives.

    Parameters
    ----------
    net : nn.Module
        Frozen.
    logits : (n views, classes) array
        Of every view of every image, trained with or not.
    features : (n views, d) float32 array
        What the last linear layer sees of each.
    history : DataFrame
        By epoch.
    extras : dict of tensors
        For `Model.extras`.
    """

    net: nn.Module
    logits: np.ndarray
    features: np.ndarray
    history: pd.DataFrame
    extras: dict[str, torch.Tensor] = field(default_factory=dict)


def image_weights(ready: Prepared, chosen: np.ndarray, balance: bool) -> np.ndarray:
    """How much every image counts: (n,), zero outside `chosen`, mean 1 inside."""
    weights = np.zeros(len(ready.targets))
    weights[chosen] = 1.0
    if balance:
        counts = np.bincount(ready.targets[chosen], minlength=len(ready.classes))
        weights[chosen] /= counts[ready.targets[chosen]]
    return weights * len(chosen) / weights.sum()


def views_of(
    ready: Prepared, chosen: np.ndarray, balance: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of the views of some images, the image of each, and how much each counts."""
    mine = np.flatnonzero(np.isin(ready.owner, chosen))
    owner = ready.owner[mine]
    # the views of an image share its weight
    return (
        mine,
        owner,
        image_weights(ready, chosen, balance)[owner] / np.bincount(ready.owner)[owner],
    )


def size_values(ready: Prepared, card: NetworkInput, tell: bool) -> np.ndarray | None:
    """Logarithm of each image's pixel size about the mean, and note that mean on the card."""
    if not tell:
        return None
    known = np.isfinite(ready.sizes_nm)
    if not known.any():
        raise ValueError("no image has a pixel size that the network could be told")
    logs = np.log10(np.where(known, ready.sizes_nm, 1.0))
    mean = float(logs[known].mean())
    card.pixel_size_input = PixelSizeInput(log10_mean=mean)
    # an unknown size is taken for the mean
    return np.where(known, logs - mean, 0.0)


def _noted(progress: Progress, note: str) -> Progress:
    return replace(progress, note=note)


def _on_all(
    function: Callable[[torch.Tensor], torch.Tensor],
    pixels: np.ndarray,
    device: torch.device,
    note: str,
) -> Steps[np.ndarray]:
    try:
        return (
            yield from batched(
                function, lambda a, b: pixels[a:b].astype(np.float32), len(pixels), device, note
            )
        )
    except (RuntimeError, MemoryError) as error:
        raise sentence(error, device) from error
