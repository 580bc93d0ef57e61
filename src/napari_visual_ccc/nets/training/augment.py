"""Random variations of training images."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn.functional import affine_grid, grid_sample

from .recipe import Augmentation

# a random crop is at most this much wider than high, or higher than wide
_RATIO = 4 / 3

# (low, high) → one number for each image
Draw = Callable[[float, float], torch.Tensor]


def augmented(
    x: torch.Tensor, augmentation: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Vary the images of a batch, each on its own; see `varied`."""
    return varied(x, augmentation, generator)[0]


def varied(
    x: torch.Tensor, augmentation: Augmentation, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Vary the images of a batch, each on its own, and tell how their pixel size changes.

    What a scaled, rotated, shifted or sheared image leaves blank is filled by reflection at its
    borders: black corners would tell how much it was moved, and a network could learn from them.

    Parameters
    ----------
    x : (B, C, H, W) tensor
        Values 0 to 1, on any device; square if the images are flipped or rotated.
    augmentation : Augmentation
        Kinds and strengths of the variations.
    generator : torch.Generator
        On the CPU, so that every device draws the same numbers.

    Returns
    -------
    (B, C, H, W) tensor
        Values 0 to 1. The channels of an image move together; noise is drawn for each.
    (B,) tensor
        What is added to the common logarithm of the pixel size: an image that is magnified has
        smaller pixels. A shear keeps the area, and with it the size.
    """
    change = torch.zeros(len(x), device=x.device, dtype=x.dtype)

    def draw(low: float, high: float) -> torch.Tensor:
        values = torch.rand(len(x), generator=generator) * (high - low) + low
        return values.to(x)[:, None, None, None]

    if augmentation.moves:
        affine = _affine(lambda low, high: draw(low, high).flatten(), augmentation, x)
        change = torch.linalg.det(affine[:, :, :2].float().cpu()).abs().log10().to(x) / 2
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
    return x.clamp(0, 1), change


def _affine(draw: Draw, augmentation: Augmentation, x: torch.Tensor) -> torch.Tensor:
    """Random maps from places in the output to places in the image, (B, 2, 3).

    Places are -1 to 1 along each axis. Only what is asked for is drawn: a recipe without the later
    kinds has the numbers that it had before there were any.
    """
    affine = torch.zeros(len(x), 2, 3, device=x.device, dtype=x.dtype)
    affine[:, 0, 0] = affine[:, 1, 1] = 1
    if augmentation.scale > 0:
        affine[:, :, :2] *= torch.exp(draw(-augmentation.scale, augmentation.scale))[:, None, None]
    if augmentation.rotation > 0:
        angle = draw(-augmentation.rotation, augmentation.rotation) * (math.pi / 180)
        cosine, sine = torch.cos(angle), torch.sin(angle)
        turned = torch.stack([cosine, -sine, sine, cosine], dim=1).reshape(-1, 2, 2)
        affine[:, :, :2] = affine[:, :, :2] @ turned
    if augmentation.shear > 0:
        sheared = torch.eye(2).to(x).repeat(len(x), 1, 1)
        sheared[:, 0, 1] = draw(-augmentation.shear, augmentation.shear)
        affine[:, :, :2] = affine[:, :, :2] @ sheared
    if augmentation.shift > 0:
        for axis in range(2):
            affine[:, axis, 2] += 2 * draw(-augmentation.shift, augmentation.shift)
    return _cropped(affine, draw, augmentation.crop) if augmentation.crop < 1 else affine


def _cropped(affine: torch.Tensor, draw: Draw, least: float) -> torch.Tensor:
    """Restrict maps to a random part of the output that would have been."""
    area = draw(least, 1)
    ratio = torch.exp(draw(-math.log(_RATIO), math.log(_RATIO)))
    sides = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], dim=1).clamp(max=1)
    centre = torch.stack([draw(-1, 1), draw(-1, 1)], dim=1) * (1 - sides)
    moved = affine[:, :, 2] + (affine[:, :, :2] @ centre[:, :, None])[:, :, 0]
    return torch.cat([affine[:, :, :2] * sides[:, None, :], moved[:, :, None]], dim=2)


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
