import numpy as np
import pytest

from napari_visual_ccc.arrays.pairs import offset_pairs


@pytest.mark.parametrize("offset", [(0, 1), (1, 0), (-1, 1), (2, -3), (0, 0)])
def test_each_pixel_meets_its_neighbour_at_the_offset(offset):
    y, x = np.mgrid[:5, :7]
    places = 10 * y + x
    first, second = offset_pairs(places, offset)
    assert first.size == (5 - abs(offset[0])) * (7 - abs(offset[1]))
    np.testing.assert_array_equal(second - first, 10 * offset[0] + offset[1])
