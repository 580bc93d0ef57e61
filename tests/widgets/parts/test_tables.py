"""A table that can be sorted, copied and saved."""

from __future__ import annotations

import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_visual_ccc.widgets.parts.tables import FrameModel, Table, format_value

FRAME = pd.DataFrame({"label": [2, 10, 1], "area_nm2": [1.23456, float("nan"), 3.0]})


@pytest.fixture
def table(qtbot):
    table = Table("regions")
    qtbot.addWidget(table)
    table.show_frame(FRAME)
    return table


@pytest.mark.parametrize(
    ("value", "text"),
    [("rod", "rod"), (3.0, "3"), (1.23456, "1.235"), (float("nan"), "–"), (1e20, "1e+20")],
)
def test_numbers_have_four_digits(value, text):
    assert format_value(value) == text


def test_the_model_names_columns_and_colours_the_first(qtbot):
    model = FrameModel(FRAME, lambda label: (1, 0, 0) if label == 2 else None)
    assert (model.rowCount(), model.columnCount()) == (3, 2)
    role = Qt.ItemDataRole.DisplayRole
    assert model.headerData(1, Qt.Orientation.Horizontal, role) == "area nm2"
    assert model.data(model.index(0, 1), role) == "1.235"
    colour = Qt.ItemDataRole.DecorationRole
    assert model.data(model.index(0, 0), colour).name() == "#ff0000"
    assert model.data(model.index(1, 0), colour) is None


def test_rows_are_those_of_the_frame_however_it_is_sorted(table, qtbot):
    table.view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    with qtbot.waitSignal(table.picked) as picked:
        table.select(1)
    assert picked.args == [1]
    assert table.view.currentIndex().row() == 2


def test_the_frame_is_copied_and_saved(table, tmp_path):
    table.copy()
    assert QApplication.clipboard().text().splitlines()[0] == "label\tarea_nm2"
    table.save(tmp_path / "a.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "a.csv"), FRAME)
