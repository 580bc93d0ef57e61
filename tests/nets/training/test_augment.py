from __future__ import annotations

import pytest
import torch
from torch.nn.functional import affine_grid, grid_sample

from napari_visual_ccc.nets.training.augment import augmented, dihedral, varied
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


def test_scale_alone_gives_the_images_of_0_1_0():
    x = torch.rand(5, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    found = augmented(x, Augmentation(False, 0, 0, 0.3), torch.Generator().manual_seed(7))
    draw = torch.rand(5, generator=torch.Generator().manual_seed(7)) * 0.6 - 0.3
    affine = torch.zeros(5, 2, 3)
    affine[:, 0, 0] = affine[:, 1, 1] = torch.exp(draw)
    grid = affine_grid(affine, [5, 1, 20, 20], align_corners=False)
    expected = grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    torch.testing.assert_close(found, expected.clamp(0, 1), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("more", "low", "high"),
    [
        ({"crop": 0.25}, 0.5, 1), ({"scale": 0.3}, 0.74, 1.35), ({"rotation": 90}, 1, 1),
        ({"shear": 0.5}, 1, 1), ({"shift": 0.5}, 1, 1),
    ],
)  # fmt: skip
def test_the_pixel_size_changes_as_much_as_an_image_is_magnified(more, low, high):
    # grey levels that rise along the image: their step is what a pixel of the result measures
    x = (torch.arange(64.0) / 64).expand(40, 1, 64, 64)
    found, change = varied(x, Augmentation(False, 0, 0, **more), torch.Generator().manual_seed(1))
    factor = 10**change
    assert low - 1e-5 <= factor.min()
    assert factor.max() <= high + 1e-5
    if high > 1 or low < 1:
        assert factor.max() - factor.min() > 0.1
    if "scale" in more:
        steps = (found[:, 0, 32, 33] - found[:, 0, 32, 31]) * 32
        torch.testing.assert_close(steps, factor, rtol=1e-3, atol=1e-3)


MOVES = {
    "crop": Augmentation(False, 0, 0, crop=0.08),
    "rotation": Augmentation(False, 0, 0, rotation=180),
    "shift": Augmentation(False, 0, 0, shift=0.5),
    "shear": Augmentation(False, 0, 0, shear=0.5),
    "all": Augmentation(True, 0, 0, 0.3, 0.5, 90, 0.2, 0.2),
}


@pytest.mark.parametrize("kind", MOVES)
def test_no_move_leaves_black_corners_and_the_seed_decides(kind):
    x = 0.5 + 0.5 * torch.rand(8, 1, 24, 24, generator=torch.Generator().manual_seed(1))
    first, second, other = (
        augmented(x, MOVES[kind], torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert (first - other).abs().mean() > 0.01
    assert first.min() >= 0.5
    assert len({round(float(one.std()), 6) for one in first}) == 8


def ramps(count=64, side=65):
    """Images whose grey level is the place along x, and along y: -1 to 1 as 0 to 1."""
    place = (torch.arange(side) * 2 + 1) / side - 1
    y, x = torch.meshgrid(place, place, indexing="ij")
    return [(0.5 + one[None, None].repeat(count, 1, 1, 1) / 2) for one in (x, y)]


def places(augmentation):
    """Where the pixels of the output come from: (64, side, side) along x and along y."""
    return [
        2 * augmented(one, augmentation, torch.Generator().manual_seed(0))[:, 0] - 1
        for one in ramps()
    ]


def test_a_crop_keeps_its_part_of_the_area_and_lies_inside():
    x, y = places(MOVES["crop"])
    middle = x.shape[-1] // 2
    wide = (x[:, middle, -1] - x[:, middle, 0]) / 2
    high = (y[:, -1, middle] - y[:, 0, middle]) / 2
    area, ratio = wide * high, wide / high
    assert 0.07 <= area.min() < 0.2
    assert 0.85 < area.max() <= 1
    assert 0.74 <= ratio.min() < 0.85
    assert 1.2 < ratio.max() <= 1.35
    assert ((x[:, middle, 0] + x[:, middle, -1]) / 2).std() > 0.1


def test_a_rotation_turns_by_any_angle_and_keeps_lengths():
    x, y = places(Augmentation(False, 0, 0, rotation=30))
    middle = x.shape[-1] // 2
    right = [one[:, middle, middle + 8] - one[:, middle, middle] for one in (x, y)]
    length = (right[0] ** 2 + right[1] ** 2).sqrt()
    torch.testing.assert_close(length, torch.full_like(length, 16 / 65), rtol=1e-3, atol=1e-4)
    angle = torch.rad2deg(torch.atan2(right[1], right[0]))
    assert angle.abs().max() <= 30.1
    assert angle.std() > 10
    assert len(set(angle.round(decimals=2).tolist())) > 50


def test_a_shift_and_a_shear_are_as_large_as_asked():
    x, y = places(Augmentation(False, 0, 0, shift=0.2))
    middle = x.shape[-1] // 2
    for one in (x, y):
        moved = one[:, middle, middle]
        assert 0.3 < moved.abs().max() <= 0.401
    x, y = places(Augmentation(False, 0, 0, shear=0.5))
    slope = (x[:, middle + 8, middle] - x[:, middle - 8, middle]) / (32 / 65)
    assert 0.4 < slope.abs().max() <= 0.501
    assert (y[:, middle] - y[:, middle, :1]).abs().max() < 1e-5
