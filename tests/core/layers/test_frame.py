"""Pixel size and info bar that inputs bring along."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.layers import Frame, LabelsLayer, Placement
from napari_visual_ccc.core.layers.frame import (
    check_spacing,
    common_size,
    in_frame,
    in_unit,
    size_of,
    sizes_of,
    typed_scale,
)
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


def of_size(*sizes, unit="nm"):
    return Micrograph(PLANE, sizes, unit)


@pytest.mark.parametrize(
    ("other", "unit"),
    [((2.0, 3.0), "nm"), ((0.002, 0.003), "um"), ((20, 30), "Å"), ((2.01, 2.98), "nm")],
)
def test_sizes_that_differ_by_unit_and_rounding_agree(other, unit):
    inputs = {"labels": of_size(2.0, 3.0), "intensity": of_size(*other, unit=unit)}
    assert common_size(inputs) == ((2.0, 3.0), "nm")


@pytest.mark.parametrize(
    ("other", "unit", "words"),
    [((1.0, 1.5), "nm", "1 x 1.5 nm"), ((2.0, 2.0), "nm", "2 nm"), ((2.0, 3.0), "µm", "2 x 3 µm"),
     ((2.0, 3.1), "nm", "2 x 3.1 nm"), ((2.0, 3.0), "1/nm", "1/nm"), ((2.0, 3.0), "s", "3 s")],
)  # fmt: skip
def test_unlike_sizes_of_one_field_are_refused_with_both(other, unit, words):
    inputs = {"labels": of_size(2.0, 3.0), "intensity": of_size(*other, unit=unit)}
    with pytest.raises(ValueError, match=f"labels has pixels of 2 x 3 nm, but intensity .*{words}"):
        common_size(inputs)


def test_steps_of_slices_are_compared_where_both_have_one():
    stack = np.stack([PLANE] * 3)
    thick, thin = (
        Micrograph(stack, (2.0, 3.0), "nm", axes=(Axis("z", step, "nm"),)) for step in (4.0, 8.0)
    )
    assert common_size({"a": thick, "b": of_size(2.0, 3.0)}) == ((4.0, 2.0, 3.0), "nm")
    with pytest.raises(ValueError, match="8 x 2 x 3"):
        common_size({"a": thick, "b": thin})
    # a map of another size is another field or a coarser one
    coarse = Micrograph(PLANE[::2, ::2], (4.0, 6.0), "nm")
    assert common_size({"a": of_size(2.0, 3.0), "b": coarse})[0] == (2.0, 3.0)


def test_a_size_is_converted_to_a_wanted_unit():
    assert common_size({"a": PLANE, "b": of_size(2.0, 3.0)}, "um") == ((0.002, 0.003), "µm")
    assert in_unit((4.0, 2.0), "1/nm", "1/Å") == ((0.4, 0.2), "1/Å")
    assert in_unit((4.0, 2.0), "nm", "px") == ((4.0, 2.0), "nm")
    for size, unit, words in (((2.0, 2.0), "s", "converted"), (None, "px", "no input")):
        with pytest.raises(ValueError, match=words):
            in_unit(size, unit, "nm")


def test_a_scale_of_a_script_is_refused_or_used():
    sized = {"labels": of_size(2.0, 2.0)}
    assert typed_scale({}, sized) == typed_scale({"spacing": None, "unit": "px"}, sized) == {}
    assert typed_scale({"spacing": (2, 3), "unit": "um"}, {}) == {"spacing": (2, 3), "unit": "µm"}
    assert typed_scale({"spacing": [1, 2], "unit": "m"}, {})["spacing"] == [1e9, 2e9]
    assert typed_scale({"unit": "Å"}, sized) == {"unit": "Å"}
    for unit in ("px", "", "pixel", "s", "foo", "cm", None, 3):
        with pytest.raises(ValueError, match="unit is"):
            typed_scale({"unit": unit}, sized)
        if unit != "cm":
            with pytest.raises(ValueError, match="of which unit"):
                typed_scale({"spacing": 2.0, "unit": unit}, sized)
