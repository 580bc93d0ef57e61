"""A table that can be sorted, copied and saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, QTimer, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ...core.tables import without_formulas
from ..controls.headings import format_value, headings
from .jobs import report

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

# milliseconds for which the button says that the table was copied
_SIGN = 2000

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class FrameModel(QAbstractTableModel):
    """A pandas table as a read-only Qt model."""

    def __init__(self, frame: pd.DataFrame, colors: Callable[[int], Any] | None = None) -> None:
        super().__init__()
        self.frame = frame
        self.colors = colors
        self._headings = headings(frame)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Count the rows."""
        return len(self.frame)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Count the columns."""
        return len(self.frame.columns)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        """Name the columns, with the unit that their values are shown in."""
        if orientation == Qt.Orientation.Horizontal:
            heading = self._headings[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return heading.tooltip
            return heading.text if role == Qt.ItemDataRole.DisplayRole else None
        return section + 1 if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """Return text, sorting value, alignment or colour of a cell."""
        value: Any = self.frame.iat[index.row(), index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            factor = self._headings[index.column()].factor
            return format_value(value if factor == 1 else float(value) * factor)
        if role == Qt.ItemDataRole.UserRole:
            return value if isinstance(value, str) else float(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, str):
            return int(_RIGHT)
        if role == Qt.ItemDataRole.DecorationRole and self.colors and index.column() == 0:
            color = self.colors(int(value))
            return None if color is None else QColor.fromRgbF(*(float(c) for c in color))
        return None


class Table(QWidget):
    """A table with Copy and Save buttons.

    Signals
    -------
    picked : int
        Row of `frame` that was selected.
    cleared : int
        Row of `frame` that was selected, and was clicked again: no row is selected.
    """

    picked, cleared = Signal(int), Signal(int)

    def __init__(self, name: str = "table") -> None:
        super().__init__()
        self.name = name
        self.frame: pd.DataFrame | None = None
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        self.title.setStyleSheet("font-weight: bold")
        self.title.hide()
        self.view = QTableView()
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setSortingEnabled(True)
        self._name_view("")
        self._is_new = False
        self.view.clicked.connect(self._on_click)
        rows, columns = self.view.verticalHeader(), self.view.horizontalHeader()
        assert rows is not None and columns is not None
        rows.hide()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        # rows that widths are measured in
        columns.setResizeContentsPrecision(200)
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy the table, for a spreadsheet")
        self.copy_button.clicked.connect(self.copy)
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.timeout.connect(self._offer_copy)
        self.save_button = QPushButton("Save CSV…")
        self.save_button.clicked.connect(self._ask_and_save)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addWidget(self.view)
        layout.addLayout(buttons)
        self.setMinimumSize(340, 150)

    def show_frame(
        self,
        frame: pd.DataFrame,
        colors: Callable[[int], Any] | None = None,
        title: str | None = None,
    ) -> None:
        """Show a table; `colors` maps the first column to a swatch, None keeps the title."""
        self.frame = frame
        if title is not None:
            self.set_title(title)
        self._model = FrameModel(frame, colors)
        self._sorted = QSortFilterProxyModel()
        self._sorted.setSourceModel(self._model)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.view.setModel(self._sorted)
        self.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        selection = self.view.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._on_row)
        self.view.resizeColumnsToContents()

    def set_title(self, text: str) -> None:
        """Write above the table what it lists, such as the name of a layer."""
        self.title.setText(text)
        self.title.setVisible(bool(text))
        self._name_view(text)

    def _name_view(self, title: str) -> None:
        """Tell readers of the screen what the table lists."""
        self.view.setAccessibleName(f"Table: {title or self.name}")

    @property
    def selected(self) -> int | None:
        """Row of `frame` that is selected; None if none is."""
        selection = self.view.selectionModel()
        if self.frame is None or selection is None or not selection.hasSelection():
            return None
        return self._sorted.mapToSource(selection.currentIndex()).row()

    def select(self, row: int) -> None:
        """Select a row of `frame` and scroll to it."""
        index = self._sorted.mapFromSource(self._model.index(row, 0))
        self.view.selectRow(index.row())
        self.view.scrollTo(index)

    def copy(self) -> None:
        """Put the table on the clipboard, tab separated."""
        clipboard = QApplication.clipboard()
        if self.frame is not None and clipboard is not None:
            clipboard.setText(without_formulas(self.frame).to_csv(sep="\t", index=False))
            self.copy_button.setText("Copied")
            self._copied.start(_SIGN)

    def _offer_copy(self) -> None:
        self.copy_button.setText("Copy")

    def save(self, path: Path) -> None:
        """Write the table as CSV."""
        from ...core.files import write_table

        if self.frame is not None:
            write_table(self.frame, path, force=True)

    def _ask_and_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save table", f"{self.name}.csv", "Comma-separated values (*.csv)"
        )
        if path:
            try:
                self.save(Path(path))
            except OSError as error:
                report(error)

    def _on_row(self, now: QModelIndex, before: QModelIndex) -> None:
        self._is_new = now.isValid()
        if now.isValid():
            self.picked.emit(self._sorted.mapToSource(now).row())

    def _on_click(self, index: QModelIndex) -> None:
        if not self._is_new:
            self.view.clearSelection()
            self.view.setCurrentIndex(QModelIndex())
            self.cleared.emit(self._sorted.mapToSource(index).row())
        self._is_new = False
