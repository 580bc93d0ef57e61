"""Performance of a classifier in the dock: figures, tables and misclassified images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QComboBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ...core.result import Evaluation
from ...engine.evaluation.metrics import confused_pairs, worst_mistakes
from ...report.pictures import Picture, evaluation_pictures
from .bars import pixmap
from .tables import Table

if TYPE_CHECKING:
    import pandas as pd

# of every evaluation; some have further ones
FIGURES = (
    "Confusion matrix", "Classification report", "Classes", "ROC", "Precision and recall",
    "Reliability",
)  # fmt: skip
TABLES = ("Summary", "Most confused")

TEST, VALIDATION = "Test", "Validation"

_THUMBNAIL = 72


class Canvas(QWidget):
    """A figure that is made at the first drawing.

    Parameters
    ----------
    inches : (width, height)
        Preferred size.
    height : int
        Smallest height in pixels.
    """

    def __init__(self, inches: tuple[float, float] = (4, 3.2), height: int = 280) -> None:
        super().__init__()
        self._inches, self._height = inches, height
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._canvas: Any = None

    @property
    def figure(self) -> Any:
        """The figure; None before the first drawing."""
        return None if self._canvas is None else self._canvas.figure

    def draw(self, function: Callable[[Any], None]) -> None:
        """Draw with a function that takes axes."""
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure

        if self._canvas is None:
            self._canvas = FigureCanvasQTAgg(Figure(figsize=self._inches, layout="constrained"))
            self._canvas.setMinimumHeight(self._height)
            self._layout.addWidget(self._canvas)
        self._canvas.figure.clear()
        function(self._canvas.figure.add_subplot())
        self._canvas.draw_idle()


class Report(QWidget):
    """The figures and tables of an evaluation, one at a time, with its headline."""

    def __init__(self) -> None:
        super().__init__()
        self.headline = QLabel()
        self.headline.setTextFormat(Qt.TextFormat.RichText)
        self.headline.setWordWrap(True)
        self.headline.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.part, self.view = QComboBox(), QComboBox()
        self.part.setToolTip("Images that the numbers are of")
        self.canvas, self.table = Canvas(), Table("evaluation")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        for widget in (self.headline, self.part, self.view, self.canvas, self.table):
            layout.addWidget(widget)
        self._parts: dict[str, Evaluation] = {}
        self._layers: pd.DataFrame | None = None
        self._figures: dict[str, Picture] = {}
        self._tables: dict[str, pd.DataFrame] = {}
        self.part.currentTextChanged.connect(self._show_part)
        self.view.currentTextChanged.connect(self._draw)

    def show_evaluation(
        self,
        evaluation: Evaluation,
        validation: Evaluation | None = None,
        layers: pd.DataFrame | None = None,
    ) -> None:
        """Show an evaluation.

        Parameters
        ----------
        evaluation, validation : Evaluation
            Of the test, and of the images that the model was chosen with.
        layers : DataFrame, optional
            Layers of the network.
        """
        self._parts, self._layers = {TEST: evaluation}, layers
        if validation is not None:
            self._parts[VALIDATION] = validation
        self._fill(self.part, list(self._parts))
        self.part.setVisible(len(self._parts) > 1)
        self._show_part()

    def _show_part(self, *_: Any) -> None:
        evaluation = self._parts.get(self.part.currentText())
        if evaluation is None:
            return
        row = evaluation.summary.iloc[0]
        few = (
            " The test is small: other specimens may differ." if evaluation.independent < 10 else ""
        )
        chosen = (
            " The model was chosen with these images: the numbers are optimistic."
            if self.part.currentText() == VALIDATION
            else ""
        )
        self.headline.setText(
            f"<b>{row['value']:.1%}</b> ({row['low']:.1%} to {row['high']:.1%}) of "
            f"{len(evaluation.images)} images from {evaluation.independent} independent groups "
            f"are classified correctly.{chosen or few}"
        )
        self._figures = {one.title: one for one in evaluation_pictures(evaluation).values()}
        tables = {
            TABLES[0]: evaluation.summary,
            TABLES[1]: confused_pairs(evaluation),
            "Operating point": evaluation.operating_point,
            "Robustness levels": evaluation.robustness,
            "Layers": self._layers,
        }
        self._tables = {name: one for name, one in tables.items() if one is not None}
        self._fill(self.view, [*self._figures, *self._tables])
        self._draw()

    def _fill(self, box: QComboBox, names: list[str]) -> None:
        """Offer names; the one that was chosen stays where it is among them."""
        chosen = box.currentText()
        box.blockSignals(True)
        box.clear()
        box.addItems(names)
        box.setCurrentText(chosen)
        box.blockSignals(False)

    def _draw(self, *_: Any) -> None:
        name = self.view.currentText()
        self.canvas.setVisible(name in self._figures)
        self.table.setVisible(name in self._tables)
        if name in self._figures:
            self.canvas.draw(self._figures[name].draw)
        elif name in self._tables:
            self.table.show_frame(self._tables[name])


class Mistakes(QListWidget):
    """Misclassified images, the most probable first; a click opens one in the viewer."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setIconSize(QSize(_THUMBNAIL, _THUMBNAIL))
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setMovement(QListWidget.Movement.Static)
        self.setWordWrap(True)
        self.setToolTip("Click to open the image in the viewer")
        self.itemClicked.connect(lambda item: self.chosen.emit(item.data(Qt.ItemDataRole.UserRole)))

    def show_mistakes(self, evaluation: Evaluation, thumbnails: Mapping[str, np.ndarray]) -> None:
        """List the worst mistakes."""
        self.clear()
        wrong: pd.DataFrame = worst_mistakes(evaluation)
        for row in wrong.head(60).itertuples():
            text = f"{row.label}, predicted {row.predicted} ({row.probability:.0%})"
            item = QListWidgetItem(text)
            name = str(row.name)
            if name in thumbnails:
                item.setIcon(QIcon(pixmap(thumbnails[name], _THUMBNAIL)))
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setToolTip(f"<span>{escape(name)}</span>")
            self.addItem(item)
