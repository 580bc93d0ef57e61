"""Convolutional autoencoders of micrographs: any size in, the same size out."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import interpolate

from .base import Architecture, frozen

# channels after the first halving; they double with each further one
_WIDTH = 16

# logarithm of the variance of a code: beyond these limits its exponential is useless
_LOG_VARIANCE = (-10.0, 10.0)


class Autoencoder(nn.Module):
    """Halvings to a code of few channels, and back.

    All layers are convolutions, so that images of any size go through it, and parts of an image
    give the result of the whole. There is no connection around the code (as a U-Net has): what
    the code cannot hold is not reconstructed.

    Parameters
    ----------
    latent : int
        Channels of the code.
    depth : int
        Number of halvings; a cell of the code stands for ``2**depth`` pixels along each axis.
    variational : bool
        Whether the code is a normal distribution (Kingma & Welling, ICLR 2014).
    """

    def __init__(self, latent: int, depth: int, variational: bool = False):
        super().__init__()
        self.variational = variational
        widths = [_WIDTH * 2**level for level in range(depth)]
        down: list[nn.Module] = []
        for before, after in zip([1, *widths], widths, strict=False):
            down += [*_block(before, after, stride=2), *_block(after, after)]
        self.encoder = nn.Sequential(*down)  # (B, 1, H, W) → (B, widths[-1], H/2^d, W/2^d)
        self.code = nn.Conv2d(widths[-1], latent * (2 if variational else 1), 1)
        if variational:
            self.means = _First(latent)
        up: list[nn.Module] = [*_block(latent, widths[-1], kernel=1)]
        for before, after in zip(widths[::-1], widths[-2::-1], strict=False):
            up += [nn.Upsample(scale_factor=2), *_block(before, after), *_block(after, after)]
        # the last doubling from channels to pixels: full resolution has few channels and is quick
        up += [*_block(_WIDTH, _WIDTH), nn.Conv2d(_WIDTH, 16, 3, padding=1), nn.PixelShuffle(2)]
        up += [nn.LeakyReLU(0.1), nn.Conv2d(4, 1, 3, padding=1)]
        self.decoder = nn.Sequential(*up)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, H, W) → code (B, latent, h, w); of a variational one the mean."""
        return self._distribution(x)[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Reconstruct from the mean of the code: (B, 1, H, W) → (B, 1, H, W)."""
        return self.decoder(self.encode(x))

    def sampled(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Reconstruct from a random code.

        Returns
        -------
        (B, 1, H, W) and (B, 1, H, W) tensors
            The reconstruction, and the Kullback-Leibler divergence of the code from the standard
            normal distribution, in nats per pixel; 0 where the code is no distribution.
        """
        mean, log_variance = self._distribution(x)
        if log_variance is None:
            return self.decoder(mean), torch.zeros_like(x)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        nats = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1, keepdim=True)
        cell = x.shape[-1] // nats.shape[-1]
        return self.decoder(code), interpolate(nats, size=x.shape[2:]) / cell**2

    def _distribution(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        code = self.code(self.encoder(x))
        if not self.variational:
            return code, None
        return self.means(code), code.chunk(2, dim=1)[1].clamp(*_LOG_VARIANCE)


class _First(nn.Module):
    """The first channels: the means of a variational code, as a layer that can be looked at."""

    def __init__(self, count: int):
        super().__init__()
        self.count = count

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) → (B, count, H, W)."""
        return x[:, : self.count]


def _block(before: int, after: int, stride: int = 1, kernel: int = 3) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(0.1),
    ]


# rows of the table of architectures ---------------------------------------------------------------

AUTOENCODER, VARIATIONAL = "autoencoder:", "variational-autoencoder:"

# cells of the code around a pixel that its reconstruction depends on: two convolutions a level on
# the way down and two on the way up reach 5 * 2**depth pixels, and a cell is wider than a pixel
HALO_CELLS = 8

# codes of more channels, or of cells of more pixels, are no use
_MOST_LATENT, _MOST_DEPTH = 64, 5


def autoencoder_name(latent: int, depth: int, variational: bool) -> str:
    """Name of an autoencoder in the table of architectures, such as ``"autoencoder:8x3"``."""
    return f"{VARIATIONAL if variational else AUTOENCODER}{latent}x{depth}"


def cell_of(name: str) -> int:
    """Side in pixels of a cell of the code of an architecture."""
    return 2 ** int(name.partition("x")[2])


def autoencoder_architecture(name: str) -> Architecture:
    """Row of the table of architectures for the name of an autoencoder.

    Raises
    ------
    ValueError
        If it names no possible one.
    """
    kind, _, sizes = name.partition(":")
    latent, _, depth = sizes.partition("x")
    is_possible = latent.isdecimal() and depth.isdecimal()
    if not (is_possible and 1 <= int(latent) <= _MOST_LATENT and 1 <= int(depth) <= _MOST_DEPTH):
        raise ValueError(
            f"no architecture {name!r}; an autoencoder has 1 to {_MOST_LATENT} channels and 1 to "
            f"{_MOST_DEPTH} halvings, as {kind}:8x3"
        )
    variational = f"{kind}:" == VARIATIONAL

    def build(classes: int = 0, side: int = 0) -> nn.Module:
        return frozen(Autoencoder(int(latent), int(depth), variational))

    code = "means" if variational else "code"
    return Architecture(build, input_px=96, rate=2e-3, code=code)
