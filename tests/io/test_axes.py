"""Which axes of an array are rows, columns, colours and leading axes."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import Axis, Micrograph, has_colours
from napari_visual_ccc.io.axes import ALPHA, in_order, name_of, order_of, without_singles

SIZES = {"y": 40, "x": 50, "z": 6, "t": 3, "c": 5, "s": 3}


def numbered(names):
    """An array whose pixels tell their place: 100 y + x, and more along other axes."""
    steps = {"y": 100, "x": 1, "z": 10_000, "t": 100_000, "c": 1_000_000, "s": 0}
    grid = np.indices([SIZES[name] for name in names])
    return sum(steps[name] * place for name, place in zip(names, grid, strict=True))


@pytest.mark.parametrize(
    ("names", "right"),
    [("yx", "yx"), ("xy", "yx"), ("zyx", "zyx"), ("xyz", "zyx"), ("yxz", "zyx"), ("zxy", "zyx"),
     ("tczyx", "tczyx"), ("tzyxc", "tczyx"), ("zyxc", "czyx"), ("yxc", "cyx"), ("cyx", "cyx"),
     ("zcyx", "zcyx"), ("xyzct", "ctzyx"), ("yxs", "yxs"), ("syx", "yxs"), ("zyxs", "zyxs"),
     ("xys", "yxs")],
)  # fmt: skip
@pytest.mark.parametrize("lazy", [False, True])
def test_rows_and_columns_are_where_their_names_are(names, right, lazy):
    data = da.from_array(numbered(names)) if lazy else numbered(names)
    order = order_of(data.shape, names)
    np.testing.assert_array_equal(order.apply(data), numbered(right))
    assert order.is_colour is right.endswith("s")
    assert "".join(order.leading) == right.removesuffix("s")[:-2]
    assert order.of(names) == list(right)
    assert order.note == ""


@pytest.mark.parametrize("words", [("Height", "width", "channel"), ("row", "column", "band")])
def test_axes_have_other_names_too(words):
    assert [name_of(word) for word in words] == ["y", "x", "c"]
    assert order_of((40, 50, 5), words).axes == (2, 0, 1)


@pytest.mark.parametrize("colours", [3, 4])
def test_three_or_four_channels_behind_the_columns_are_colours(colours):
    assert order_of((40, 50, colours), "yxc").is_colour
    assert not order_of((colours, 40, 50), "cyx").is_colour


@pytest.mark.case("S01")
@pytest.mark.parametrize(
    ("shape", "right"),
    [((40, 50, 1), (40, 50)), ((40, 50, 2), (2, 40, 50)), ((100, 120, 5), (5, 100, 120)),
     ((16, 128, 1), (16, 128)), ((70, 80, 16), (16, 70, 80)), ((6, 40, 50, 2), (6, 2, 40, 50)),
     ((6, 40, 50, 1), (6, 40, 50))],
)  # fmt: skip
def test_few_numbers_behind_the_columns_are_channels(shape, right):
    data = np.arange(np.prod(shape)).reshape(shape)
    found = in_order(Micrograph(data))
    assert found.data.shape == right
    at = (..., 7, 9, 0)
    assert (found.data[..., 7, 9].reshape(-1)[0] == data[at].reshape(-1)[0]).all()
    assert bool(found.notes) is (shape[-1] > 1)


@pytest.mark.parametrize(
    "shape", [(40, 50), (3, 40, 50), (40, 50, 3), (40, 50, 4), (50, 60, 17), (2, 2, 2), (40, 20, 6)]
)
def test_other_arrays_stay_as_they_are(shape):
    image = Micrograph(np.zeros(shape))
    assert in_order(image) is image


@pytest.mark.parametrize(
    ("shape", "doubtful"),
    [
        ((20, 30, 2048), True), ((5, 20, 30, 200), True), ((30, 30, 128), True),
        ((2048, 20, 30), False), ((3, 100, 1000), False), ((300, 200, 900), False),
        ((20, 30, 100), False), ((64, 2048), False),
    ],
)  # fmt: skip
def test_rows_that_may_be_spectra_are_named(shape, doubtful):
    image = Micrograph(np.broadcast_to(np.uint8(0), shape))
    found = in_order(image)
    assert found.data is image.data
    assert bool(found.notes) is doubtful
    if doubtful:
        assert f"{shape[-3]} slices of {shape[-2]} x {shape[-1]} px" in found.notes[0]
    # said once
    assert in_order(found).notes == found.notes


def test_an_image_with_known_axes_stays_as_it_is():
    image = Micrograph(np.zeros((40, 50, 2)), axes=(Axis("z"),))
    assert in_order(image) is image


def test_levels_come_into_order_with_the_image():
    levels = (np.zeros((20, 25, 2)),)
    found = in_order(Micrograph(np.zeros((40, 50, 2)), levels=levels))
    assert found.levels[0].shape == (2, 20, 25)
    assert found.axes == (Axis("c"),)
    assert not has_colours(found)


def test_leading_axes_of_one_are_dropped():
    assert without_singles(np.zeros((1, 1, 1, 4, 5))).shape == (4, 5)
    assert without_singles(np.zeros((1, 3, 1, 1, 5))).shape == (3, 1, 5)
    assert without_singles(np.zeros((1, 5))).shape == (1, 5)


@pytest.mark.parametrize(
    ("shape", "right", "axes"),
    [((40, 50, 1), (40, 50), ()), ((40, 50, 2), (2, 40, 50), (Axis("c"),)),
     ((6, 40, 50, 1), (6, 40, 50), ())],
)  # fmt: skip
def test_axes_whose_meaning_is_not_stated_are_decided_as_those_of_arrays(shape, right, axes):
    found = in_order(Micrograph(np.zeros(shape), axes=(Axis("axis"),) * (len(shape) - 2)))
    assert (found.data.shape, found.axes) == (right, axes)


@pytest.mark.parametrize("full", [np.uint8(255), np.uint16(65535), np.float32(1)])
def test_full_opacity_behind_the_columns_is_left_out(full):
    data = np.full((40, 50, 2), full)
    data[..., 0] = 1
    found = in_order(Micrograph(data))
    assert (found.data.shape, found.notes) == ((40, 50), (ALPHA,))
    assert (found.data == 1).all()
    # an empty channel, and one that is not full everywhere
    for other in (0, full - 0.5 if full == 1 else full - 1):
        data[3, 4, 1] = other
        assert in_order(Micrograph(data)).data.shape == (2, 40, 50)
