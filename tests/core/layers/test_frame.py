"""Pixel size and info bar that inputs bring along."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.layers import Frame, LabelsLayer, Placement
from napari_visual_ccc.core.layers.frame import check_spacing, in_frame, size_of, sizes_of
from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph

PLANE = np.zeros((40, 50), np.uint8)


def test_the_first_input_with_a_size_gives_it():
    image = Micrograph(PLANE, (2.0, 3.0), "nm")
    assert size_of([PLANE, image]) == ((2.0, 3.0), "nm")
    assert size_of([Micrograph(PLANE), image]) == ((2.0, 3.0), "nm")
    assert size_of([PLANE[:20], image]) == (None, "px")
    assert size_of([PLANE]) == (None, "px")
    layer = LabelsLayer(PLANE, frame=Frame((4.0, 2.0, 3.0), "nm"))
    # of a plane there is no step between slices
    assert size_of([layer]) == ((2.0, 3.0), "nm")
    stack = Micrograph(np.stack([PLANE] * 3), (2.0, 3.0), "nm", axes=(Axis("z", 4.0, "nm"),))
    assert size_of([stack]) == ((4.0, 2.0, 3.0), "nm")


def test_a_layer_takes_the_bar_where_it_has_the_size_of_the_image():
    frame = in_frame(2.0, "nm", InfoBar(bottom=5), PLANE)
    assert frame(LabelsLayer(PLANE)).frame == Frame((2.0, 2.0), "nm", InfoBar(bottom=5))
    coarse = LabelsLayer(PLANE[::4, ::4], placement=Placement(stride=4))
    assert frame(coarse).spacing == (8.0, 8.0)
    for layer in (coarse, LabelsLayer(PLANE[:20])):
        assert not frame(layer).frame.info_bar
    assert in_frame(None, "px", None, PLANE)(LabelsLayer(PLANE)).frame == Frame()


@pytest.mark.parametrize("spacing", [2, (2, 3), None])
def test_sizes_for_each_axis_are_accepted(spacing):
    check_spacing(spacing, "nm", PLANE)
    found = sizes_of(spacing, PLANE, PLANE)
    assert found == (None if spacing is None else list(np.broadcast_to(spacing, 2)))


@pytest.mark.parametrize(
    ("spacing", "unit", "words"), [((1, 1, 1), "nm", "3 numbers"), (2, "foo", "'foo'")]
)
def test_sizes_for_more_axes_and_unknown_units_are_refused(spacing, unit, words):
    with pytest.raises(ValueError, match=words):
        check_spacing(spacing, unit, PLANE)
