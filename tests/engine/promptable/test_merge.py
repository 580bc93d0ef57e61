from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.promptable.grid import tiles
from napari_visual_ccc.engine.promptable.merge import join_tiles, merge_alike, without_duplicates
from napari_visual_ccc.nets.sam.mask import Mask, fitted

SHAPE = (80, 120)
YY, XX = np.mgrid[: SHAPE[0], : SHAPE[1]]


def disc(cy: float, cx: float, radius: float) -> np.ndarray:
    return (YY - cy) ** 2 + (XX - cx) ** 2 <= radius**2


def mask(pixels: np.ndarray, score: float = 1.0, prompt: int = 0) -> Mask:
    made = fitted(pixels, Mask(0, 0, pixels, score, 1.0, prompt))
    assert made is not None
    return made


def whole(masks):
    return [one.drawn(SHAPE) for one in masks]


def test_an_object_that_a_seam_cuts_is_joined():
    objects = [disc(30, 60, 25), disc(65, 20, 10), disc(72, 62, 5), disc(20, 105, 12)]
    pieces = tiles(SHAPE, 80)
    assert len(pieces) == 2
    found, where = [], []
    for piece in pieces:
        inside = np.zeros(SHAPE, bool)
        inside[piece.window] = True
        for one in objects:
            if (one & inside).any():
                found.append(mask(one & inside))
                where.append(piece.tile)
    assert len(found) == 6
    joined = run(join_tiles(found, where, pieces, SHAPE))
    # what lies whole in both tiles is left to the suppression of duplicates
    assert len(joined) == 5
    for one in objects:
        assert any(np.array_equal(one, other) for other in whole(joined))


def test_different_objects_at_a_seam_stay_apart():
    pieces = tiles(SHAPE, 80)
    left, right = disc(20, 60, 25), disc(60, 75, 20)
    left[:, pieces[0].right :] = False
    right[:, : pieces[1].left] = False
    assert (left & right).any()
    apart = run(join_tiles([mask(left), mask(right)], [0, 1], pieces, SHAPE))
    assert len(apart) == 2


def test_of_duplicates_the_better_one_stays():
    a, b, c = mask(disc(30, 30, 12), 0.8), mask(disc(31, 31, 12), 0.9), mask(disc(30, 90, 9), 0.7)
    assert run(without_duplicates([a, b, c])) == [b, c]
    # a small one on a large one is no duplicate
    small = mask(disc(30, 30, 4), 0.5)
    assert run(without_duplicates([a, small])) == [a, small]


def test_a_group_of_objects_is_removed():
    left, right = disc(30, 30, 12), disc(30, 56, 12)
    group = mask(left | right | (disc(30, 43, 4)), 0.99)
    found = run(without_duplicates([group, mask(left, 0.7), mask(right, 0.7)]))
    assert [one.area for one in found] == [left.sum(), right.sum()]
    # one part does not make a group
    assert len(run(without_duplicates([group, mask(left, 0.7)]))) == 2


def scene(gap: float, second: float, noise: float) -> np.ndarray:
    """Two halves of a block, with what lies between them."""
    image = np.full(SHAPE, 40.0)
    image[20:60, 20:60] = 150
    image[20:60, 61:100] = second
    image[20:60, 60] = gap
    return (
        image
        + np.random.default_rng(0).normal(0, 4, SHAPE)
        + (np.random.default_rng(1).normal(0, noise, SHAPE) * (XX > 60))
    )


def halves():
    left, right = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    left[20:60, 20:60] = True
    right[20:60, 61:100] = True
    return [mask(left, 0.9), mask(right, 0.8)]


@pytest.mark.parametrize(
    ("gap", "second", "noise", "expected"),
    [
        (150, 150, 0, 1),  # one object that was cut in two
        (20, 150, 0, 2),  # two particles that touch: a dark line between them
        (150, 190, 0, 2),  # another grey level
        (150, 150, 15, 2),  # another texture
    ],
)
def test_masks_are_merged_that_look_alike_without_an_edge(gap, second, noise, expected):
    found = run(merge_alike(halves(), scene(gap, second, noise)))
    assert len(found) == expected
    if expected == 1:
        assert found[0].area == 40 * 79


def test_a_flat_image_and_masks_apart_are_no_trouble():
    flat = np.zeros(SHAPE)
    assert len(run(merge_alike(halves(), flat))) == 1
    apart = [mask(disc(20, 20, 5)), mask(disc(60, 100, 5))]
    assert run(merge_alike(apart, flat)) == apart
    assert run(merge_alike([], flat)) == []
