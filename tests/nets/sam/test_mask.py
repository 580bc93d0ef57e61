from __future__ import annotations

import numpy as np

from napari_visual_ccc.nets.sam.mask import Mask, fitted, union

RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)


def test_a_mask_knows_its_box_and_area():
    mask = Mask(4, 7, RING)
    assert (mask.area, mask.box) == (8, (7, 4, 9, 6))
    whole = np.zeros((10, 12), bool)
    whole[mask.window] = RING
    np.testing.assert_array_equal(mask.drawn((10, 12)), whole)
    np.testing.assert_array_equal(mask.moved(-5, 4).drawn((10, 12))[0, 11:12], [True])
    assert not mask.moved(50, 0).drawn((10, 12)).any()


def test_pixels_take_a_bit_each(rng):
    pixels = rng.random((80, 203)) < 0.5
    mask = Mask(5, 9, pixels)
    np.testing.assert_array_equal(mask.pixels, pixels)
    assert mask.nbytes == 80 * 26
    np.testing.assert_array_equal(mask.within(slice(11, 40), slice(22, 99)), pixels[6:35, 13:90])
    assert mask.changed(score=0.5).nbytes == mask.nbytes
    assert (mask.changed(cut=True).cut, mask.cut) == (True, False)


def test_a_box_is_fitted_to_the_pixels():
    padded = np.pad(RING, ((2, 1), (3, 4)))
    mask = fitted(padded, Mask(10, 20, padded, 0.5, 0.25, 3))
    assert (mask.top, mask.left, mask.score, mask.stability, mask.prompt) == (12, 23, 0.5, 0.25, 3)
    np.testing.assert_array_equal(mask.pixels, RING)
    assert mask.with_pixels(np.zeros((3, 3), bool)) is None


def test_overlap_and_union_are_those_of_whole_arrays(rng):
    shape = (30, 40)
    for _ in range(20):
        masks = []
        for _ in range(2):
            top, left = rng.integers(0, 15, 2)
            pixels = rng.random((12, 17)) < 0.6
            masks.append(Mask(int(top), int(left), pixels, float(rng.random())))
        one, other = masks
        a, b = one.drawn(shape), other.drawn(shape)
        assert one.overlap(other) == np.count_nonzero(a & b)
        both = union(one, other)
        np.testing.assert_array_equal(both.drawn(shape), a | b)
        assert both.score == max(masks, key=lambda mask: mask.area).score
    assert one.overlap(one.moved(100, 0)) == 0
