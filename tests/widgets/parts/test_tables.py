"""A table that can be sorted, copied and saved."""

from __future__ import annotations

import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_visual_ccc.widgets.parts.tables import FrameModel, Table

FRAME = pd.DataFrame({"label": [2, 10, 1], "area_nm2": [1.23456, float("nan"), 3.0]})


@pytest.fixture
def table(qtbot):
    table = Table("regions")
    qtbot.addWidget(table)
    table.show_frame(FRAME)
    return table


def test_the_model_names_columns_and_colours_the_first(qtbot):
    model = FrameModel(FRAME, lambda label: (1, 0, 0) if label == 2 else None)
    assert (model.rowCount(), model.columnCount()) == (3, 2)
    role = Qt.ItemDataRole.DisplayRole
    assert model.headerData(1, Qt.Orientation.Horizontal, role) == "area (nm²)"
    assert model.data(model.index(0, 1), role) == "1.235"
    tooltip = model.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert "area of a pixel" in tooltip
    assert tooltip.endswith("In files: area_nm2")
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
    assert table.copy_button.text() == "Copied"


def test_numbers_are_shown_in_a_unit_that_suits_and_copied_in_their_own(table):
    frame = pd.DataFrame({"label": [1, 2], "area_nm2": [155300.4, 2.5e6]})
    table.show_frame(frame)
    table.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    shown = table.view.model()
    assert shown.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole) == (
        "area (µm²)"
    )
    assert [shown.index(row, 1).data() for row in range(2)] == ["2.5", "0.1553"]
    table.copy()
    assert QApplication.clipboard().text().split() == [
        "label", "area_nm2", "1", "155300.4", "2", "2500000.0",
    ]  # fmt: skip


def test_a_title_names_what_is_listed(table):
    assert table.title.isHidden()
    table.set_title("copper Otsu")
    assert not table.title.isHidden()
    assert table.title.text() == "copper Otsu"


def test_readers_of_the_screen_hear_what_a_table_lists(table):
    name = table.view.accessibleName
    assert name() == f"Table: {table.name}"
    table.show_frame(table.frame, title="copper Otsu")
    assert name() == "Table: copper Otsu"
