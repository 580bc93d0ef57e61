"""Places of layers in the world."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_visual_ccc.widgets.layers.metadata import drawn_on, regions_on
from napari_visual_ccc.widgets.layers.world import (
    level_steps,
    lying_on,
    pixels_of,
    point_of,
    unit_factors,
)

BOX = np.array([[10.0, 20], [10, 60], [40, 60], [40, 20]])


@pytest.mark.case("E18c")
@pytest.mark.parametrize(
    ("unit", "size"), [("nm", 2.0), ("um", 2e-3), ("angstrom", 20.0), ("mm", 2e-6)]
)
@pytest.mark.parametrize("of_image", ["nm", "um"])
def test_shapes_in_other_units_cover_the_pixels_that_they_are_drawn_on(unit, size, of_image):
    image = Image(np.zeros((100, 120)), scale=(2 if of_image == "nm" else 2e-3,) * 2,
                  units=of_image)  # fmt: skip
    shapes = Shapes([BOX * size], shape_type="rectangle", units=unit)
    found = drawn_on(shapes, image) > 0
    assert found.sum() == 31 * 41
    assert found[10:41, 20:61].all()
    np.testing.assert_array_equal(regions_on(shapes, image) > 0, found)


def test_pixels_are_no_length():
    nanometres, pixels = (Image(np.zeros((4, 5)), units=unit).units for unit in ("nm", "pixel"))
    assert unit_factors(nanometres, pixels).tolist() == [1, 1]
    assert unit_factors(None, pixels).tolist() == []
    micrometres = Image(np.zeros((3, 4, 5)), units="um").units
    assert unit_factors(micrometres, nanometres) == pytest.approx([1000, 1000])


def test_a_place_of_the_sliders_is_in_the_unit_of_the_layer(viewer):
    viewer.add_image(np.zeros((3, 8, 9)), scale=(10, 2, 2), units="nm")
    coarse = viewer.add_image(np.zeros((3, 8, 9)), scale=(0.01, 0.002, 0.002), units="um")
    viewer.dims.set_current_step(0, 2)
    assert coarse.world_to_data(point_of(viewer, coarse))[0] == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("unit", ["nm", "um"])
@pytest.mark.parametrize("shift", [(0, 0), (5, 7), (0, 20)])
def test_pixels_are_those_that_lie_on_the_other_layer(unit, shift):
    size = 2.0 if unit == "nm" else 2e-3
    whole = np.arange(40 * 60).reshape(40, 60)
    image = Image(whole, scale=(size, size), units=unit)
    labels = Labels(
        np.ones((20, 30), np.uint8), scale=(2, 2), units="nm", translate=np.multiply(shift, 2.0)
    )
    found = lying_on(image.data, image, labels, (20, 30))
    wanted = whole[shift[0] : shift[0] + 20, shift[1] : shift[1] + 30]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("more", "words"),
    [({"translate": (0, -40)}, "-20 columns"), ({"translate": (100, 0)}, "50 rows"),
     ({"scale": (4, 4)}, "do not lie"), ({"scale": (2, 4)}, "do not lie"),
     ({"translate": (1, 1)}, "do not lie"), ({"rotate": 10}, "do not lie")],
)  # fmt: skip
def test_layers_in_other_places_are_refused(more, words):
    image = Image(np.zeros((40, 60)), scale=(2, 2), units="nm", name="image")
    labels = Labels(
        np.ones((40, 60), np.uint8), **{"scale": (2, 2), "units": "nm", "name": "moved"} | more
    )
    with pytest.raises(ValueError, match=words):
        lying_on(image.data, image, labels, (40, 60))
    # labels as regions need not cover all pixels: each has the label that napari shows there
    inside = np.zeros((40, 60), bool)
    for pixel in np.ndindex(inside.shape):
        place = np.round(labels.world_to_data(image.data_to_world(pixel)))
        inside[pixel] = ((place >= 0) & (place < (40, 60))).all()
    np.testing.assert_array_equal(regions_on(labels, image), inside)


@pytest.mark.case("E18d")
@pytest.mark.parametrize("unit", ["nm", "um", "pixel"])
def test_slices_are_those_that_lie_on_the_other_layer(unit):
    size = np.array((10, 2, 2)) * {"nm": 1, "um": 1e-3, "pixel": 1}[unit]
    image = Image(np.arange(5 * 40 * 60).reshape(5, 40, 60), scale=size, units=unit, name="image")
    for first, count in ((0, 5), (0, 2), (2, 3)):
        labels = Labels(
            np.ones((count, 40, 60), np.uint8), translate=size * (first, 0, 0), scale=size,
            units=unit, name="part",
        )  # fmt: skip
        found = lying_on(image.data, image, labels, labels.data.shape)
        np.testing.assert_array_equal(found, image.data[first : first + count])
    for first in (-1, 3):
        labels.translate = size * (first, 0, 0)
        with pytest.raises(ValueError, match=f"{first} slices.*reaches beyond"):
            lying_on(image.data, image, labels, labels.data.shape)
    # a plane lies in the slice that is displayed
    assert lying_on(image.data[0], image, labels, (40, 60)) is not None
    # without a step, slices belong together by their number
    labels = Labels(np.ones((5, 40, 60), np.uint8), scale=size[1:], units=unit, name="no step")
    np.testing.assert_array_equal(
        lying_on(image.data, image, labels, labels.data.shape), image.data
    )


def test_a_layer_without_a_size_lies_where_its_pixels_say():
    image = Image(np.zeros((40, 60)), scale=(2, 2), units="nm")
    labels = Labels(np.ones((40, 60), np.uint8))
    assert lying_on(image.data, image, labels, (40, 60)) is image.data
    assert pixels_of(labels, [[3, 4]], labels).tolist() == [[3, 4]]


HALF = np.zeros((60, 60), np.uint8)
HALF[:30] = 1
MIRRORED = [[-1, 0, 59], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    "place",
    [
        {"affine": MIRRORED},
        {"affine": [[0, 1, 0], [1, 0, 0], [0, 0, 1]]},
        {"rotate": 10}, {"rotate": 90}, {"rotate": 180}, {"rotate": 0.5}, {"shear": [0.5]},
        {"scale": (-1, 1)}, {"scale": (-1, 1), "translate": (59, 0)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("sized", [False, True])
def test_turned_layers_without_a_size_lie_where_they_are_seen(place, sized):
    size = {"scale": (2, 2), "units": "nm"} if sized and "scale" not in place else {}
    turned = Image(HALF * 100.0, **size | place, name="turned")
    plain = Labels(HALF, name="plain")
    for one, other in ((turned, plain), (plain, turned)):
        with pytest.raises(ValueError, match="do not lie"):
            lying_on(one.data, one, other, (60, 60))
    # what was made of it has its place
    made = Labels(HALF, **size | place)
    assert lying_on(turned.data, turned, made, (60, 60)) is turned.data
    np.testing.assert_array_equal(regions_on(made, turned), HALF)


def test_labels_on_a_mirrored_image_are_mirrored():
    image = Image(np.zeros((60, 60)), affine=MIRRORED)
    np.testing.assert_array_equal(regions_on(Labels(HALF), image), HALF[::-1])


def test_a_moved_layer_without_a_size_lies_where_the_numbers_of_its_pixels_say():
    for moved in (Image(HALF, translate=(15, 0)),
                  Image(HALF, scale=(2, 2), units="nm", translate=(30, 0))):  # fmt: skip
        assert lying_on(moved.data, moved, Labels(HALF), (60, 60)) is moved.data


@pytest.mark.parametrize("ahead", [0.3, 0.5, -0.4])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("count", [3, 40])
def test_layers_between_pixels_or_slices_are_refused(ahead, axis, count):
    size = np.array((10, 2, 2))
    image = Image(np.zeros((count + 2, 120, 120)), scale=size, units="nm", name="image")
    move = np.array((1.0, 1, 1))
    move[axis] += ahead
    labels = Labels(np.ones((count, 110, 110), np.uint8), scale=size, units="nm", name="between",
                    translate=size * move)  # fmt: skip
    with pytest.raises(ValueError, match=r"do not lie on those of between"):
        lying_on(image.data, image, labels, labels.data.shape)
    labels.translate = size * (1, 1, 1) + 0.05
    assert lying_on(image.data, image, labels, labels.data.shape).shape == labels.data.shape


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("size", [{}, {"units": "nm", "scale": (10, 2, 2)}])
@pytest.mark.parametrize("entries", [{(0, 0): -1}, {(0, 2): 0.5}, {(1, 0): 0.5}])
def test_stacks_that_run_the_other_way_or_are_sheared_are_refused(size, entries):
    affine = np.eye(4)
    for place, value in entries.items():
        affine[place] = value
    image = Image(np.zeros((5, 40, 60)), affine=affine, **size)
    labels = Labels(np.ones((5, 40, 60), np.uint8), **size)
    with pytest.raises(ValueError, match="do not lie"):
        lying_on(image.data, image, labels, labels.data.shape)


def test_levels_shrink_along_each_axis_by_their_own_factor():
    levels = [np.zeros((8, 40, 64)), np.zeros((4, 20, 16))]
    assert level_steps(Image(levels, multiscale=True), 1).tolist() == [2, 2, 4]


DRAWN = np.zeros((96, 120), np.uint8)
DRAWN[10:30, 10:40] = 3


@pytest.mark.parametrize(
    ("labels", "place", "rows", "columns"),
    [
        (DRAWN, {"scale": (2, 2), "units": "nm"}, (10, 30), (10, 40)),
        (DRAWN, {}, (10, 30), (10, 40)),
        (DRAWN, {"scale": (2, 2), "units": "nm", "translate": (40, 60)}, (30, 50), (40, 70)),
        (DRAWN, {"scale": (2e-3, 2e-3), "units": "um", "translate": (-0.03, 0)}, (0, 15), (10, 40)),
        (DRAWN, {"scale": (4, 4), "units": "nm", "translate": (1, 1)}, (20, 60), (20, 80)),
        # x of the labels runs up, y runs to the right
        (
            DRAWN,
            {"scale": (2, 2), "units": "nm", "rotate": 90, "translate": (180, 10)},
            (51, 81),
            (15, 35),
        ),
        (DRAWN[:40, :50], {"scale": (2, 2), "units": "nm"}, (10, 30), (10, 40)),
    ],
)
def test_labels_are_those_of_the_pixels_that_they_lie_on(labels, place, rows, columns):
    image = Image(np.zeros((96, 120)), scale=(2, 2), units="nm")
    expected = np.zeros((96, 120), np.uint8)
    expected[slice(*rows), slice(*columns)] = 3
    np.testing.assert_array_equal(regions_on(Labels(labels, **place), image), expected)
