from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.segmentation.plane.parts import (
    are_rounder,
    gaps,
    roundness,
    without_cut,
    without_faint,
)


def test_a_narrow_gap_is_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    grey = np.full((60, 80), 100.0, np.float32)
    grey[:, 40:43] = 70
    mask = np.ones(grey.shape, bool)
    mask[:5] = False
    grey[:5] = 0
    grey += rng.normal(0, 2, grey.shape).astype(np.float32)
    found = gaps(grey, mask, 10.0)
    assert found[8:, 40:43].mean() > 0.95
    assert found[8:, :36].mean() < 0.01
    assert not gaps(grey, np.ones_like(mask), 10.0).any()


def test_roundness_of_an_ellipse_is_one_and_of_a_cross_less():
    y, x = np.mgrid[:100, :100]
    ellipse = ((y - 50) ** 2 / 900 + (x - 50) ** 2 / 225 < 1).astype(int)
    cross = np.zeros((100, 100), int)
    cross[45:55, 10:90] = cross[10:90, 45:55] = 1
    assert roundness(ellipse) == pytest.approx(1, abs=0.01)
    assert roundness(cross) < 0.7
    assert roundness(np.zeros((9, 9), int)) == 0
    ellipse[:3, :3] = 2
    assert without_cut(ellipse).max() == 1


def test_a_block_of_cubes_is_better_in_cubes_than_in_one_piece_or_in_crumbs():
    cubes = np.zeros((100, 100), int)
    for number in range(16):
        row, column = divmod(number, 4)
        cubes[10 + 20 * row : 28 + 20 * row, 10 + 20 * column : 28 + 20 * column] = number + 1
    block = (cubes > 0).astype(int)
    assert are_rounder(cubes, block)
    assert not are_rounder(block, cubes)
    crumbs = np.random.default_rng(0).integers(1, 60, cubes.shape) * block
    assert not are_rounder(crumbs, cubes)


def test_small_parts_stay_only_where_they_stand_out():
    parts = np.zeros((80, 80), np.int32)
    parts[10:40, 10:40] = 1
    parts[60:65, 10:15] = 2
    parts[60:65, 60:65] = 3
    grey = 10.0 + 100 * (parts == 1) + 20 * (parts == 2) + 80 * (parts == 3)
    grey += np.random.default_rng(0).normal(0, 2, grey.shape)
    found = without_faint(parts, grey, 100.0)
    assert (found[parts == 1] == 1).all()
    assert not found[parts == 2].any()
    assert (found[parts == 3] == 2).all()
    np.testing.assert_array_equal(without_faint(parts, grey, 10.0), parts)
