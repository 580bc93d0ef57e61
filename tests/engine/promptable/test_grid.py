from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.promptable.grid import (
    Region,
    crops,
    point_grid,
    points_of,
    region_at,
    tiles,
)


def test_a_grid_is_centred_in_its_cells():
    np.testing.assert_allclose(
        point_grid(2), [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    )
    region = Region(10, 20, 110, 220, layer=1)
    np.testing.assert_allclose(points_of(region, 4, 2), point_grid(2) * [200, 100])
    assert len(points_of(region, 1, 4)) == 1


def test_crops_are_those_of_the_pipeline():
    from transformers.models.sam2.image_processing_sam2 import _generate_per_layer_crops

    boxes, layers = _generate_per_layer_crops(2, 512 / 1500, (151, 233))
    found = crops(Region(0, 0, 151, 233), 2)
    assert [[one.left, one.top, one.right, one.bottom] for one in found] == boxes
    assert [one.layer for one in found] == layers


@pytest.mark.parametrize("shape", [(100, 130), (64, 64), (65, 300), (500, 70)])
def test_tiles_cover_the_image_and_overlap(shape):
    found = tiles(shape, 64)
    covered = np.zeros(shape, int)
    for number, one in enumerate(found):
        assert one.size == (64, 64)
        assert one.tile == number
        covered[one.window] += 1
    assert covered.min() == 1
    for one in found:
        beside = [two for two in found if two.top == one.top and two.left > one.left]
        if beside:
            assert one.right - min(two.left for two in beside) >= 15


def test_no_tiles_are_one_region():
    assert tiles((30, 50), 0) == tiles((30, 50), 64) == [Region(0, 0, 30, 50)]
    assert [one.size for one in tiles((30, 100), 64)] == [(30, 64), (30, 64)]


def test_a_prompt_belongs_to_the_tile_that_shows_most_around_it():
    found = tiles((64, 112), 64)
    assert [one.left for one in found] == [0, 48]
    assert [region_at(found, x, 30) for x in (0, 50, 60, 111)] == [0, 0, 1, 1]
