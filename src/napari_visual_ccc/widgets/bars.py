"""Class probabilities as bars."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QWidget

from ..results import PredictionResult


class Bars(QWidget):
    """One line a class, the most probable first: name, bar, per cent.

    Hidden until there is a prediction.
    """

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 6, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self.hide()

    def show_prediction(self, name: str, prediction: PredictionResult, target: str = "") -> None:
        """Draw a prediction; the explained class, if any, is marked."""
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().deleteLater()
        title = QLabel(self._title(name, prediction))
        title.setWordWrap(True)
        self._grid.addWidget(title, 0, 0, 1, 3)
        for row, (label, value) in enumerate(prediction.top(10), start=1):
            self._add_row(row, label, value, marked=label == target)
        self.show()

    def _title(self, name: str, prediction: PredictionResult) -> str:
        if prediction.windows == 1:
            return f"{name}: <b>{prediction.label}</b>"
        return f"{name}: mostly <b>{prediction.label}</b>, mean over {prediction.windows} windows"

    def _add_row(self, row: int, label: str, value: float, *, marked: bool) -> None:
        bar = QProgressBar()
        bar.setRange(0, 1000)
        bar.setValue(round(value * 1000))
        bar.setTextVisible(False)
        bar.setFixedHeight(12)
        percent = QLabel(f"{value:.1%}")
        percent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(QLabel(f"{label} ◂ explained" if marked else label), row, 0)
        self._grid.addWidget(bar, row, 1)
        self._grid.addWidget(percent, row, 2)
