"""What a network is trained for: its samples, batches, loss and metric.

`fit` knows only the protocol `Task`. Another kind of training is one more class here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ..inference import with_channels
from .augment import varied
from .recipe import Augmentation

# smallest change of a monitored value that counts as an improvement
_MIN_DELTA = 1e-5


class Metric(NamedTuple):
    """A number that is reported for every epoch.

    Parameters
    ----------
    name : str
        Column of the history; that of the validation samples is ``validation_NAME``.
    higher_is_better : bool
        Direction of an improvement.
    """

    name: str
    higher_is_better: bool

    def improves(self, value: float, best: float) -> bool:
        """Whether an epoch counts as better than the best one so far; smaller changes do not."""
        if self.higher_is_better:
            return value > best + _MIN_DELTA
        return value < best - _MIN_DELTA

    @property
    def worst(self) -> float:
        """Value that every finite one improves."""
        return -math.inf if self.higher_is_better else math.inf


LOSS = Metric("loss", higher_is_better=False)


class Batch(NamedTuple):
    """Tensors of some samples, on the device of the network.

    Parameters
    ----------
    inputs : tuple of (B, ...) tensors or None
        Arguments of the network.
    targets : (B, ...) tensor
        Desired outputs.
    weights : (B,) tensor
        Weight of each sample in the loss.
    """

    inputs: tuple[torch.Tensor | None, ...]
    targets: torch.Tensor
    weights: torch.Tensor


class Samples(Protocol):
    """Samples in memory; a task defines its own class."""

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def subset(self: S, chosen: np.ndarray) -> S:
        """Samples with the given indices."""
        ...


S = TypeVar("S", bound=Samples)
S_contra = TypeVar("S_contra", bound=Samples, contravariant=True)


class Task(Protocol[S_contra]):
    """What `fit` needs to know of the purpose of a network."""

    @property
    def metric(self) -> Metric:
        """Metric that `score` computes."""
        ...

    @property
    def monitor(self) -> Metric:
        """Value that decides on early stopping: `LOSS` or the metric."""
        ...

    def batch(self, samples: S_contra, device: torch.device) -> Batch:
        """Make tensors of samples, on a device."""
        ...

    def augment(
        self, batch: Batch, augmentation: Augmentation, generator: torch.Generator
    ) -> Batch:
        """Vary a training batch; validation batches are not varied."""
        ...

    def loss(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Weighted loss of each sample, (B,)."""
        ...

    def score(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Metric of each sample, (B,)."""
        ...

    def fingerprint(self, samples: S_contra) -> dict[str, Any]:
        """Plain values that tell these samples from others; a state file keeps them."""
        ...


# classification -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LabelledCrops:
    """Crops with their classes.

    Parameters
    ----------
    crops : (n, side, side) or (n, C, side, side) array
        Values 0 to 1, float16 or float32.
    targets : (n,) int array
        Class indices.
    weights : (n,) array
        Weight of each crop in the loss.
    log_sizes : (n,) array, optional
        Logarithm of the pixel size minus its mean, if the network takes it.
    """

    crops: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    log_sizes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def subset(self, chosen: np.ndarray) -> LabelledCrops:
        """Crops with the given indices."""
        sizes = None if self.log_sizes is None else self.log_sizes[chosen]
        return LabelledCrops(self.crops[chosen], self.targets[chosen], self.weights[chosen], sizes)


class Classifier(nn.Module):
    """A network with its normalisation, and the term that the pixel size adds to its logits.

    Parameters
    ----------
    net : nn.Module
        (B, 1, H, W) → (B, classes).
    mean, std : float
        Normalisation of the input, 0 to 1.
    size : (classes,) tensor, optional
        Weight of the logarithm of the pixel size.
    """

    def __init__(
        self, net: nn.Module, mean: float = 0.5, std: float = 0.5, size: torch.Tensor | None = None
    ) -> None:
        super().__init__()
        self.net, self.mean, self.std = net, mean, std
        self.size = None if size is None else nn.Parameter(size)

    def forward(self, x: torch.Tensor, log_sizes: torch.Tensor | None = None) -> torch.Tensor:
        """Crops (B, 1, H, W), 0 to 1, and their pixel sizes (B,) → logits (B, classes)."""
        logits = self.net((x - self.mean) / self.std)
        if self.size is None or log_sizes is None:
            return logits
        return logits + log_sizes[:, None] * self.size


class Classification:
    """Training of a `Classifier`: weighted cross-entropy and accuracy."""

    metric = Metric("accuracy", higher_is_better=True)
    # the accuracy of a small validation part changes in steps, its loss does not
    monitor = LOSS

    def batch(self, samples: LabelledCrops, device: torch.device) -> Batch:
        """Crops (B, C, H, W) float32, pixel sizes, classes and weights."""
        crops = np.ascontiguousarray(samples.crops, dtype=np.float32)
        sizes = None
        if samples.log_sizes is not None:
            sizes = torch.from_numpy(samples.log_sizes.astype(np.float32)).to(device)
        return Batch(
            (with_channels(torch.from_numpy(crops)).to(device), sizes),
            torch.from_numpy(samples.targets.astype(np.int64)).to(device),
            torch.from_numpy(samples.weights.astype(np.float32)).to(device),
        )

    def augment(
        self, batch: Batch, augmentation: Augmentation, generator: torch.Generator
    ) -> Batch:
        """Vary the crops, and their pixel sizes with them; classes do not change."""
        x, sizes = batch.inputs
        assert x is not None
        x, change = varied(x, augmentation, generator)
        return batch._replace(inputs=(x, None if sizes is None else sizes + change))

    def loss(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Cross-entropy of each crop times its weight."""
        return cross_entropy(outputs, batch.targets, reduction="none") * batch.weights

    def score(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """1 where the most probable class is the right one."""
        return outputs.argmax(dim=1) == batch.targets

    def fingerprint(self, samples: LabelledCrops) -> dict[str, Any]:
        """Shape of the crops and a checksum of their classes."""
        order = np.arange(1, 1 + len(samples))
        return {
            "images": [int(n) for n in samples.crops.shape],
            "targets": int((samples.targets.astype(np.int64) * order).sum()),
        }
