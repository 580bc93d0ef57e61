"""The distribution of measured regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.widgets.docks.measure import Histogram

FRAME = pd.DataFrame(
    {
        "label": range(1, 12), "area_nm2": [10.0] * 10 + [100.0],
        "equivalent_diameter_nm": np.arange(1.0, 12), "bbox_top": range(11),
        "name": list("abcdefghijk"),
    }
)  # fmt: skip


@pytest.fixture
def histogram(qtbot):
    histogram = Histogram()
    qtbot.addWidget(histogram)
    histogram.show_frame(FRAME)
    return histogram


def titles(histogram):
    (axes,) = histogram.figure.axes
    return axes.get_title(), axes.get_xlabel()


def test_numeric_columns_are_offered_the_diameter_first(histogram):
    names = [histogram.column.itemText(k) for k in range(histogram.column.count())]
    assert names == ["area (nm²)", "diameter (nm)"]
    assert titles(histogram) == (
        "n = 11   D10 2   D50 6   D90 10 nm", "equivalent diameter (nm)",
    )  # fmt: skip


def test_a_distribution_can_be_weighted_by_area(histogram):
    histogram.weighted.setChecked(True)
    assert histogram.weighted.text() == "by area"
    # half of the area belongs to the largest region
    assert titles(histogram)[0] == "n = 11   D10 2   D50 10   D90 11 nm"


def test_the_chosen_column_stays_and_volumes_have_their_own_weight(histogram):
    histogram.column.setCurrentText("area (nm²)")
    assert titles(histogram)[1] == "area (nm²)"
    histogram.show_frame(FRAME)
    assert histogram.column.currentText() == "area (nm²)"
    histogram.show_frame(FRAME.rename(columns={"area_nm2": "volume_nm3"}))
    assert histogram.weighted.text() == "by volume"


def test_large_sizes_are_drawn_in_a_larger_unit(histogram):
    large = FRAME.assign(equivalent_diameter_nm=FRAME["equivalent_diameter_nm"] * 1000)
    histogram.show_frame(large)
    assert titles(histogram) == (
        "n = 11   D10 2   D50 6   D90 10 µm", "equivalent diameter (µm)",
    )  # fmt: skip
