from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_visual_ccc.engine.promptable.filters import cleaned, suppressed, touches_cut
from napari_visual_ccc.engine.promptable.grid import Region
from napari_visual_ccc.nets.sam.mask import Mask

SIDES = st.tuples(*[st.integers(0, 30)] * 2, *[st.integers(1, 25)] * 2)


@given(st.lists(SIDES, min_size=1, max_size=25), st.floats(0.05, 0.95), st.integers(0, 99))
def test_suppression_is_that_of_torchvision(sides, threshold, seed):
    from torchvision.ops import nms

    masks = [Mask(top, left, np.ones((h, w), bool)) for top, left, h, w in sides]
    scores = np.random.default_rng(seed).permutation(len(masks)).astype(float)
    boxes = torch.tensor([mask.box for mask in masks], dtype=torch.float64)
    expected = nms(boxes, torch.from_numpy(scores), threshold).tolist()
    assert suppressed(masks, scores.tolist(), threshold) == expected


def test_nothing_is_suppressed_of_nothing():
    assert suppressed([], [], 0.7) == []


def test_masks_at_the_border_of_a_crop_are_cut_but_not_at_that_of_the_image():
    crop, shape = Region(0, 100, 200, 300), (400, 300)
    inside = Mask(50, 150, np.ones((20, 20), bool))
    assert not touches_cut(inside, crop, shape)
    assert touches_cut(inside.moved(0, -35), crop, shape)
    assert touches_cut(inside.moved(120, 0), crop, shape)
    # the top and the right of the crop are borders of the image
    assert not touches_cut(inside.moved(-50, 0), crop, shape)
    assert not touches_cut(inside.moved(0, 129), crop, shape)


def drawn(text: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in line] for line in text.split()])


BODY = drawn(
    """
    #####....
    #.###..#.
    #####..#.
    #...#....
    #...#....
    #####....
    """
)


def test_small_holes_are_filled_and_small_parts_removed():
    mask = cleaned(Mask(3, 4, BODY, 0.5), 4, False)
    assert (mask.top, mask.left, mask.score) == (3, 4, 0.5)
    expected = BODY[:, :5].copy()
    expected[1, 1] = True
    np.testing.assert_array_equal(mask.pixels, expected)
    # the larger hole has six pixels
    assert cleaned(Mask(0, 0, BODY), 7, False).pixels.all()
    assert cleaned(Mask(0, 0, BODY), 31, False) is None


def test_only_the_largest_part_stays():
    mask = cleaned(Mask(0, 0, BODY), 0, True)
    np.testing.assert_array_equal(mask.pixels, BODY[:, :5])
    whole = Mask(0, 0, BODY)
    assert cleaned(whole, 0, False) is whole
