from __future__ import annotations

import dask.array as da
import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from napari_visual_ccc.nets.interpolate import interpolation, resized, to_pixels


def test_a_cell_lies_at_the_centre_of_its_receptive_field():
    coarse = np.zeros((4, 5))
    coarse[1, 2] = 1
    # 2 input pixels a pixel: the cell is centred on input pixel 17 + 32 n
    fine = to_pixels(coarse, (64, 80), (128, 160), 32, 17.0)
    assert np.unravel_index(fine.argmax(), fine.shape) == (24, 40)
    np.testing.assert_allclose(to_pixels(np.ones((4, 5)), (64, 80), (128, 160), 32, 17.0), 1)


def test_weights_of_a_part_are_those_of_the_whole():
    whole = interpolation(4, 64, 128, 32, 17.0, 0, 64)
    np.testing.assert_allclose(whole.sum(axis=1), 1)
    np.testing.assert_array_equal(interpolation(4, 64, 128, 32, 17.0, 10, 30), whole[10:30])


def test_one_cell_covers_everything():
    np.testing.assert_array_equal(to_pixels(np.full((1, 1), 3.0), (5, 7), (32, 32), 32, 15.5), 3)


@given(
    st.tuples(st.integers(5, 60), st.integers(5, 60)),
    st.tuples(st.integers(3, 120), st.integers(3, 120)),
    st.data(),
)
def test_parts_of_a_resized_image_are_those_of_the_whole(shape, size, data):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    whole = interpolate(
        torch.from_numpy(image)[None, None], size=size, mode="bilinear", antialias=True
    )[0, 0].numpy()
    places = []
    for length in size:
        first = data.draw(st.integers(0, length - 1))
        places.append((first, data.draw(st.integers(first + 1, length))))
    found = resized(da.from_array(image, chunks=11), size, *places)
    expected = whole[slice(*places[0]), slice(*places[1])]
    np.testing.assert_allclose(found, expected, atol=1e-5)
