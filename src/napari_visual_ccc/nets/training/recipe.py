"""What a training is given: choices, images and their loader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from .augment import Augment

Schedule = Literal["cosine", "plateau"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the card of the model keeps it.

    Parameters
    ----------
    epochs : int
        At most.
    batch : int
        Images at once.
    rate : float
        Learning rate of new layers; layers that come trained get a tenth.
    schedule : {'cosine', 'plateau'}
        Down to zero along a cosine after a warm-up; or halved whenever the validation loss stops
        falling for `patience` / 3 epochs.
    patience : int
        Epochs without a lower validation loss after which training ends.
    accumulate : int
        Batches whose gradients are added up before a step.
    decay : float
        Weight decay of AdamW (Loshchilov & Hutter, ICLR 2019).
    augment : Augment
        How images are varied.
    seed : int
        Of weights, order and variations.
    """

    epochs: int = 30
    batch: int = 32
    rate: float = 1e-3
    schedule: Schedule = "cosine"
    patience: int = 8
    accumulate: int = 1
    decay: float = 1e-4
    augment: Augment = field(default_factory=Augment)
    seed: int = 0


@dataclass(frozen=True)
class Images:
    """Labelled views, as a network is fed with them.

    Parameters
    ----------
    pixels : (n, side, side) array
        0 to 1, float16 or float32.
    targets : (n,) int array
        Classes.
    weights : (n,) array
        How much each counts.
    sizes : (n,) array, optional
        Logarithm of the pixel size, about zero, where the network is told it.
    """

    pixels: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray | None = None

    def of(self, chosen: np.ndarray) -> Images:
        """Give a part."""
        sizes = None if self.sizes is None else self.sizes[chosen]
        return Images(self.pixels[chosen], self.targets[chosen], self.weights[chosen], sizes)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's global random numbers from a seed, and leave them as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
