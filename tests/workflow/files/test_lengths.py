from __future__ import annotations

import pytest

from napari_visual_ccc.workflow.files.lengths import lengths_given, takes_unit


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("50 nm", 50, "nm"), ("50nm", 50, "nm"), (" .5um ", 0.5, "µm"), ("1e-3 mm", 1e-3, "mm"),
        ("12 px", 12, "px"), ("12 pixels", 12, "px"), ("3 Å", 3, "Å"), ("7", 7, ""), (7.0, 7, ""),
        ("0 nm", 0, ""),
    ],
)  # fmt: skip
def test_a_length_is_a_number_and_a_unit(text, number, unit):
    found = lengths_given("particles", {"min_diameter": text, "blur": 2.0})
    assert found == ({"min_diameter": pytest.approx(number), "blur": 2.0}, unit)


@pytest.mark.parametrize("text", ["nm", "50 apples", "5,5 nm", "50 s", "", "1 2 nm"])
def test_what_is_no_length_is_named(text):
    with pytest.raises(ValueError, match=r"min_diameter is .*(length|unit)"):
        lengths_given("particles", {"min_diameter": text})


def test_lengths_of_one_operation_are_given_in_one_unit():
    both = {"window": "0.2 µm", "stride": "50 nm", "length": "unit"}
    choices, unit = lengths_given("morphology_map", both)
    assert unit == "µm"
    assert (choices["window"], choices["stride"]) == (0.2, pytest.approx(0.05))
    with pytest.raises(ValueError, match="window has a unit: choose length 'unit'"):
        lengths_given("morphology_map", {"window": "50 nm"})
    with pytest.raises(ValueError, match="stride, too"):
        lengths_given("morphology_map", {**both, "stride": 50.0})
    with pytest.raises(ValueError, match="in one unit"):
        lengths_given("morphology_map", {**both, "stride": "5 px"})


def test_only_lengths_in_the_unit_of_the_image_take_one():
    assert takes_unit("particles") == ["min_diameter"]
    assert takes_unit("subtract_background") == ["radius"]
    assert takes_unit("kmeans") == []
