"""Heads, units and numbers of tables that are shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.widgets.controls.headings import format_value, headings, in_words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("rod", "rod"), (3.0, "3"), (1.23456, "1.235"), (float("nan"), "–"), (1e20, "1e+20"),
        (155300.4, "155300"), (0.00012345, "0.0001234"), (-12.0049, "-12"), (0.0, "0"),
        (1.5e-7, "1.5e-07"), (float("inf"), "inf"), (True, "1"),
    ],
)  # fmt: skip
def test_numbers_have_four_digits(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("column", "values", "text", "first"),
    [
        ("area_nm2", [155300.0], "area (µm²)", "0.1553"),
        ("area_nm2", [90000.4], "area (nm²)", "90000"),
        ("area_nm2", [3e12, 5e12], "area (mm²)", "3"),
        ("area_µm2", [2e-2], "area (nm²)", "20000"),
        ("volume_nm3", [2e9], "volume (µm³)", "2"),
        ("equivalent_diameter_nm", [999.0], "diameter (nm)", "999"),
        ("equivalent_diameter_nm", [1000.0], "diameter (µm)", "1"),
        ("detail_nm", [10350.0], "detail (µm)", "10.35"),
        ("detail_px", [3.25], "detail (px)", "3.25"),
        ("nearest_neighbour_mm", [2.5e-5, np.nan], "neighbour (nm)", "25"),
        ("perimeter_Å", [4.5], "perimeter (Å)", "4.5"),
        ("feret_max_Å", [np.nan], "feret max (Å)", "–"),
        ("area_percent", [4.25], "area (%)", "4.25"),
        ("orientation_deg", [45.0], "orientation (°)", "45"),
    ],
)
def test_the_unit_follows_the_values(column, values, text, first):
    (heading,) = headings(pd.DataFrame({column: values}))
    assert heading.text == text
    assert format_value(values[0] * heading.factor) == first
    assert heading.tooltip.endswith(f"In files: {column}")


def test_lengths_of_a_table_have_one_unit():
    frame = pd.DataFrame({"feret_max_nm": [1100.0, 1300.0], "feret_min_nm": [900.0, 1250.0]})
    assert [one.unit for one in headings(frame)] == ["µm", "µm"]


def test_names_of_classes_and_texts_stay():
    frame = pd.DataFrame({"p_wire_nm": [2e5], "wire_nm": [2e5], "area_nm2": ["n/a"]})
    assert [(one.text, one.factor) for one in headings(frame)] == [
        ("p wire nm", 1.0), ("wire nm", 1.0), ("area nm2", 1.0),
    ]  # fmt: skip


def test_an_empty_table_keeps_its_units():
    frame = pd.DataFrame({"area_nm2": np.zeros(0), "label": np.zeros(0, int)})
    assert [one.text for one in headings(frame)] == ["area (nm²)", "label"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("area_nm2", 155_300, "area: 0.1553 µm²"), ("volume_nm3", 20, "volume: 20 nm³"),
     ("feret_max_µm", 0.25, "feret max: 250 nm"), ("area_percent", 12.3456, "area: 12.35 %"),
     ("orientation_deg", 90, "orientation: 90 °"), ("aspect_ratio", 0.5, "aspect ratio: 0.5")],
)  # fmt: skip
def test_one_measure_in_words(name, value, expected):
    assert in_words(name, value) == expected
