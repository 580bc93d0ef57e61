from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.nets.training.augment import augmented, dihedral
from napari_visual_ccc.nets.training.recipe import Augmentation


@pytest.mark.parametrize("kind", range(8))
def test_the_eight_rotations_and_reflections_differ(kind):
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    views = {tuple(dihedral(image, k).flatten().tolist()) for k in range(8)}
    assert len(views) == 8
    assert sorted(dihedral(image, kind).flatten().tolist()) == list(range(9))


def test_augmented_crops_stay_in_range_and_follow_the_seed():
    x = torch.rand(6, 1, 16, 16)
    strong = Augmentation(scale=0.3, brightness=0.5, noise=0.2)
    first, second = (augmented(x, strong, torch.Generator().manual_seed(3)) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.min() >= 0
    assert first.max() <= 1
    assert (first - x).abs().mean() > 0.01
    nothing = augmented(x, Augmentation(False, 0, 0, 0), torch.Generator())
    torch.testing.assert_close(nothing, x)
