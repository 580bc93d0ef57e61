"""Views of an image that are as true as the one at hand: a micrograph has no up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class Augment:
    """How views are varied.

    Parameters
    ----------
    flips : bool
        Mirror, and turn by right angles.
    light : float
        Brightness, contrast and gamma, each by up to this share.
    noise : float
        Of the whole range of grey: Poisson noise where it is bright, as much Gaussian everywhere.
    zoom : float
        Scale by up to this share either way; it hides what the pixel size says.
    """

    flips: bool = True
    light: float = 0.15
    noise: float = 0.03
    zoom: float = 0.0


def augmented(x: torch.Tensor, how: Augment, generator: torch.Generator) -> torch.Tensor:
    """Vary a batch.

    Parameters
    ----------
    x : (B, 1, H, W) tensor
        0 to 1, on any device; square where `how` turns it.
    how : Augment
        Which variations.
    generator : torch.Generator
        On the CPU: the same on every device.

    Returns
    -------
    (B, 1, H, W) tensor
        0 to 1.
    """

    def draw(low: float, high: float) -> torch.Tensor:
        drawn = torch.rand(len(x), generator=generator) * (high - low) + low
        return drawn.to(x)[:, None, None, None]

    if how.zoom > 0:
        scale = torch.exp(draw(-how.zoom, how.zoom)).flatten()
        turn = torch.zeros(len(x), 2, 3, device=x.device, dtype=x.dtype)
        turn[:, 0, 0] = turn[:, 1, 1] = scale
        grid = affine_grid(turn, list(x.shape), align_corners=False)
        x = grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    if how.flips:
        kind = torch.randint(0, 8, (len(x),), generator=generator).tolist()
        x = torch.stack([dihedral(one, k) for one, k in zip(x, kind, strict=True)])
    if how.light > 0:
        brightness, contrast = draw(-how.light, how.light), 1 + draw(-how.light, how.light)
        gamma = torch.exp(draw(-how.light, how.light))
        x = (((x - 0.5) * contrast + 0.5 + brightness).clamp(0, 1) + 1e-6) ** gamma
    if how.noise > 0:
        strength = draw(0, how.noise)
        grain = torch.randn(x.shape, generator=generator).to(x)
        x = x + grain * strength * (0.5 + 0.5 * x.clamp(min=0)).sqrt()
    return x.clamp(0, 1)


def dihedral(image: torch.Tensor, kind: int) -> torch.Tensor:
    """Give one of the eight views of (..., H, W) that turning and mirroring leave possible."""
    turned = torch.rot90(image, kind % 4, (-2, -1))
    return turned.flip(-1) if kind >= 4 else turned
