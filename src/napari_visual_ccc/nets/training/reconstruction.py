"""The training of autoencoders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from .augment import augmented
from .recipe import Augmentation
from .tasks import LOSS, Batch, Metric

# side of the windows of the structural similarity, in pixels, and its constants (Wang et al., 2004)
_SIMILAR_PX, _C1, _C2 = 7, 0.01**2, 0.03**2


@dataclass(frozen=True)
class Tiles:
    """Parts of images.

    Parameters
    ----------
    tiles : (n, side, side) array
        Values 0 to 1, float16 or float32.
    """

    tiles: np.ndarray

    def __len__(self) -> int:
        """Number of tiles."""
        return len(self.tiles)

    def subset(self, chosen: np.ndarray) -> Tiles:
        """Tiles with the given indices."""
        return Tiles(self.tiles[chosen])


class Reconstructor(nn.Module):
    """An autoencoder in training: its random code, and the input that it expects.

    Parameters
    ----------
    net : nn.Module
        With a method `sampled`, as `models.autoencoder.Autoencoder`.
    mean, std : float
        Of grey levels (0 to 1), as the network expects them.
    """

    def __init__(self, net: nn.Module, mean: float, std: float):
        super().__init__()
        self.net: Any = net
        self.mean, self.std = mean, std

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, H, W), 0 to 1 → (B, 2, H, W): reconstruction, and divergence of the code.

        In evaluation mode the code is its mean, so that the loss of validation tiles has no noise.
        """
        given = (x - self.mean) / self.std
        if not self.training:
            return torch.cat([self.net(given) * self.std + self.mean, torch.zeros_like(x)], dim=1)
        made, nats = self.net.sampled(given)
        return torch.cat([made * self.std + self.mean, nats], dim=1)


class Reconstruction:
    """Training of an autoencoder: squared error, structural similarity, divergence of the code.

    Parameters
    ----------
    similarity : float
        Weight of ``1 - SSIM`` (Bergmann et al., VISAPP 2019) in the loss; the squared error has
        the rest.
    divergence : float
        Weight of the Kullback-Leibler divergence of a variational code, in nats per pixel.
    """

    metric = Metric("psnr", higher_is_better=True)
    monitor = LOSS

    def __init__(self, similarity: float = 0.0, divergence: float = 0.0):
        self.similarity, self.divergence = similarity, divergence

    def batch(self, samples: Tiles, device: torch.device) -> Batch:
        """Tiles (B, 1, H, W) float32, as inputs and as targets."""
        tiles = torch.from_numpy(np.ascontiguousarray(samples.tiles, dtype=np.float32))
        x = tiles[:, None].to(device)
        return Batch((x,), x, torch.ones(len(x), device=device))

    def augment(
        self, batch: Batch, augmentation: Augmentation, generator: torch.Generator
    ) -> Batch:
        """Vary inputs and targets alike; noise is added to the inputs only, and is to be removed.

        A network that removes noise cannot copy its input (Vincent et al., ICML 2008).
        """
        (x,) = batch.inputs
        assert x is not None
        targets = augmented(x, replace(augmentation, noise=0.0), generator)
        noise = Augmentation(flips=False, brightness=0.0, noise=augmentation.noise)
        return batch._replace(inputs=(augmented(targets, noise, generator),), targets=targets)

    def loss(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Loss of each tile."""
        made, nats = outputs[:, :1].float(), outputs[:, 1:].float()
        wanted = batch.targets.float()
        loss = (1 - self.similarity) * ((made - wanted) ** 2).mean(dim=(1, 2, 3))
        if self.similarity:
            loss = loss + self.similarity * (1 - similarity(made, wanted))
        return loss + self.divergence * nats.mean(dim=(1, 2, 3))

    def score(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Peak signal-to-noise ratio of each tile in dB; the peak is the grey range."""
        squares = ((outputs[:, :1].float() - batch.targets.float()) ** 2).mean(dim=(1, 2, 3))
        return -10 * torch.log10(squares.clamp(min=1e-10))

    def fingerprint(self, samples: Tiles) -> dict[str, Any]:
        """Shape of the tiles, and the weights of the loss."""
        return {
            "tiles": [int(n) for n in samples.tiles.shape],
            "loss": [float(self.similarity), float(self.divergence)],
        }


def similarity(
    made: torch.Tensor, wanted: torch.Tensor, known: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean structural similarity of pairs of images (Wang et al., IEEE TIP 13 (2004) 600).

    Parameters
    ----------
    made, wanted : (B, 1, H, W) tensors
        Values 0 to 1.
    known : (B, 1, H, W) tensor, optional
        1 where pixels are known, else 0. Others are left out of the means and variances, and a
        window counts by its share of known pixels.

    Returns
    -------
    (B,) tensor
        1 where they are equal.
    """
    side = min(_SIMILAR_PX, made.shape[-1], made.shape[-2])

    gaps = None if known is None or bool(known.all()) else known
    share = None if gaps is None else avg_pool2d(gaps, side, stride=1)

    def mean(x: torch.Tensor) -> torch.Tensor:
        if gaps is None or share is None:
            return avg_pool2d(x, side, stride=1)
        return avg_pool2d(x * gaps, side, stride=1) / share.clamp(min=1e-6)

    one, two = mean(made), mean(wanted)
    spread = (mean(made * made) - one * one).clamp(min=0)
    spread = spread + (mean(wanted * wanted) - two * two).clamp(min=0)
    shared = mean(made * wanted) - one * two
    top = (2 * one * two + _C1) * (2 * shared + _C2)
    bottom = (one * one + two * two + _C1) * (spread + _C2)
    if share is None:
        return (top / bottom).mean(dim=(1, 2, 3))
    return (top / bottom * share).sum(dim=(1, 2, 3)) / share.sum(dim=(1, 2, 3)).clamp(min=1e-6)
