"""Random variations of training images."""

from __future__ import annotations

import torch
from torch.nn.functional import affine_grid, grid_sample

from .recipe import Augmentation


def augmented(
    x: torch.Tensor, augmentation: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Vary the images of a batch, each on its own.

    Parameters
    ----------
    x : (B, 1, H, W) tensor
        Values 0 to 1, on any device; square if the images are flipped.
    augmentation : Augmentation
        Kinds and strengths of the variations.
    generator : torch.Generator
        On the CPU, so that every device draws the same numbers.

    Returns
    -------
    (B, 1, H, W) tensor
        Values 0 to 1.
    """

    def draw(low: float, high: float) -> torch.Tensor:
        values = torch.rand(len(x), generator=generator) * (high - low) + low
        return values.to(x)[:, None, None, None]

    if augmentation.scale > 0:
        scale = torch.exp(draw(-augmentation.scale, augmentation.scale)).flatten()
        affine = torch.zeros(len(x), 2, 3, device=x.device, dtype=x.dtype)
        affine[:, 0, 0] = affine[:, 1, 1] = scale
        grid = affine_grid(affine, list(x.shape), align_corners=False)
        x = grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    if augmentation.flips:
        kinds = torch.randint(0, 8, (len(x),), generator=generator).tolist()
        x = torch.stack([dihedral(one, kind) for one, kind in zip(x, kinds, strict=True)])
    if augmentation.brightness > 0:
        most = augmentation.brightness
        brightness, contrast = draw(-most, most), 1 + draw(-most, most)
        gamma = torch.exp(draw(-most, most))
        x = (((x - 0.5) * contrast + 0.5 + brightness).clamp(0, 1) + 1e-6) ** gamma
    if augmentation.noise > 0:
        strength = draw(0, augmentation.noise)
        noise = torch.randn(x.shape, generator=generator).to(x)
        x = x + noise * strength * (0.5 + 0.5 * x.clamp(min=0)).sqrt()
    return x.clamp(0, 1)


def dihedral(image: torch.Tensor, kind: int) -> torch.Tensor:
    """Apply one of the eight rotations and reflections of a square to a (..., H, W) image.

    Parameters
    ----------
    image : (..., H, W) tensor
        Square unless `kind` is even.
    kind : int
        0 to 7; 0 is the identity, 4 and above are mirrored.
    """
    rotated = torch.rot90(image, kind % 4, (-2, -1))
    return rotated.flip(-1) if kind >= 4 else rotated
