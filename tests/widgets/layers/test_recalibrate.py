"""Another pixel size for a layer and what was made of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Labels

from napari_visual_ccc.widgets.layers.recalibrate import (
    left_in_pixels,
    lying_with,
    pixel_sides,
    record_pixel_size,
    rescale_tables,
    results_of,
)


def result_of(layer, **more):
    record = {"layer": str(layer.unique_id), "source": {"spacing": [1.0, 1.0], "unit": "nm"}}
    return Labels(np.ones((4, 4), int), metadata={"visual_ccc": record}, **more)


def test_results_of_results_are_found(headless):
    image = headless.add_image(np.zeros((4, 4)))
    other = headless.add_image(np.zeros((4, 4)))
    first = result_of(image)
    for layer in (result_of(first), first, result_of(other)):
        headless.add_layer(layer)
    found = results_of(image, headless)
    assert set(found) == {first, headless.layers[2]}


def test_the_sides_of_a_pixel_are_those_in_the_world():
    assert pixel_sides(Image(np.zeros((4, 4)), scale=(2, 3))) == (2, 3)
    layer = Image(np.zeros((4, 4)), scale=(2, 3), affine=np.diag([2, 1, 1]), units="nm")
    assert pixel_sides(layer) == pytest.approx((4, 3))


def test_records_take_the_new_size_with_as_many_sides_as_before():
    image = Image(np.zeros((4, 4)))
    layer = result_of(image)
    record_pixel_size([image, layer], (9, 2, 3), "µm")
    assert layer.metadata["visual_ccc"]["source"] == {"spacing": [2.0, 3.0], "unit": "µm"}


def test_tables_are_converted_and_lost_columns_named():
    image = Image(np.zeros((4, 4)))
    layer = result_of(image, name="grains")
    layer.features = pd.DataFrame(
        {"index": [1], "label": [1], "area_px2": [4.0], "equivalent_diameter_px": [2.0]}
    )
    assert rescale_tables([image, layer], (None, "px"), ((2.0, 2.0), "nm")) == ""
    assert layer.features["area_nm2"].tolist() == [16]
    assert rescale_tables([layer], ((2.0, 2.0), "nm"), ((2.0, 2.0), "nm")) == ""


# layers painted on an image -----------------------------------------------------------------------


def test_what_was_painted_on_an_image_lies_with_it(headless):
    image = headless.add_image(np.zeros((40, 50)))
    painted = headless.add_labels(np.zeros((40, 50), int))
    points = headless.add_points([[3, 4]])
    headless.add_labels(np.zeros((20, 25), int), name="of another image")
    headless.add_labels(np.zeros((40, 50), int), name="moved", translate=(9, 0))
    headless.add_shapes(name="empty", ndim=2)
    headless.add_layer(result_of(image))
    assert lying_with(image, headless) == ([painted, points], [])
    other = headless.add_image(np.zeros((40, 50)))
    # a drawing may be of either
    assert lying_with(image, headless) == ([painted], [points])
    headless.layers.remove(other)
    headless.add_image(np.zeros((40, 50)), scale=(7, 7), units="nm")
    assert lying_with(image, headless) == ([painted, points], [])


def test_what_has_a_pixel_size_keeps_it_and_is_named(headless):
    frame = {"scale": (3, 3), "units": "nm"}
    image = headless.add_image(np.zeros((40, 50)), **frame)
    known = headless.add_labels(np.zeros((40, 50), int), **frame)
    assert lying_with(image, headless) == ([], [known])


def test_what_keeps_pixels_beside_a_calibrated_image_is_named(headless):
    image = headless.add_image(np.zeros((40, 50)), scale=(7, 7), units="nm")
    headless.add_shapes(name="empty", ndim=2)
    headless.add_layer(result_of(image))
    left = [
        headless.add_labels(np.zeros((40, 50), int), translate=(9, 0)),
        headless.add_vectors([[[1, 2], [3, 4]]]),
        headless.add_tracks([[0, 0, 1, 2], [0, 1, 3, 4]]),
    ]
    assert left_in_pixels(headless) == left


def test_the_sides_of_a_pixel_are_in_the_unit_of_columns_or_in_those_of_the_world():
    layer = Image(np.zeros((4, 4)), scale=(0.002, 3), units=("um", "nm"))
    assert pixel_sides(layer) == pytest.approx((2, 3))
    assert pixel_sides(layer, as_shown=True) == pytest.approx((0.002, 3))
