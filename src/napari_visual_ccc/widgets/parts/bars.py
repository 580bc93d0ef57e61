"""Class probabilities as bars, similar training images, and the score card of a heatmap."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayoutItem,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from ...core.layers.palette import class_colours, hexadecimal
from ...core.result import Prediction, Result

# of classes whose model has not predicted yet
_NEUTRAL = "#4c9be8"


class Bars(QWidget):
    """One line per class, the most probable first: name, bar, per cent.

    Hidden until there is a prediction.
    """

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 6, 0, 0)
        self._grid.setColumnStretch(1, 1)
        # of the last prediction: an occlusion lists classes in another order
        self._colours: dict[str, str] = {}
        self.hide()

    def show_prediction(self, name: str, prediction: Prediction, target: str = "") -> None:
        """Draw a prediction, and mark the explained class."""
        self._start(_title(name, prediction))
        order = np.argsort(-prediction.probabilities, kind="stable")[:10]
        colours = map(hexadecimal, itertools.cycle(class_colours(len(prediction.classes))))
        self._colours = dict(zip(prediction.classes, colours, strict=False))
        for row, k in enumerate(order, start=1):
            label = prediction.classes[k]
            text = f"{prediction.probabilities[k]:.1%}"
            if prediction.spread is not None:
                text += f" ± {100 * prediction.spread[k]:.1f}"
            if prediction.thresholds:
                text += f" (threshold {prediction.thresholds[label]:.1%})"
            text_of_class = f"{label} ◂ explained" if label == target else label
            colour = self._colours[label]
            self._add_row(row, text_of_class, float(prediction.probabilities[k]), text, colour)
        if prediction.prediction_set and len(prediction.prediction_set) < len(prediction.classes):
            level = prediction.facts.get("coverage", 0.9)
            note = QLabel(f"Prediction set ({level:.0%}): {', '.join(prediction.prediction_set)}")
            note.setTextFormat(Qt.TextFormat.PlainText)
            note.setWordWrap(True)
            self._grid.addWidget(note, len(order) + 1, 0, 1, 3)
        self.show()

    def show_occlusion(self, name: str, result: Result) -> None:
        """Draw the scores of the occluded image."""
        share = f"{result.facts['covered_share']:.1%}"
        self._start(f"{escape(name)}, {share} occluded: score of one view, not the prediction")
        for number, row in enumerate(result.table.head(10).to_dict("records"), start=1):
            text = f"{row['after']:.1%} ({100 * row['change']:+.1f})"
            colour = self._colours.get(row["class"], _NEUTRAL)
            self._add_row(number, row["class"], float(row["after"]), text, colour)
        self.show()

    def _start(self, title: str) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            _discard(item)
        label = QLabel(title)
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setWordWrap(True)
        self._grid.addWidget(label, 0, 0, 1, 3)

    def _add_row(self, row: int, label: str, value: float, text: str, colour: str) -> None:
        bar = QProgressBar()
        bar.setStyleSheet(
            "QProgressBar { border: 1px solid palette(mid); } "
            f"QProgressBar::chunk {{ background: {colour}; }}"
        )
        bar.setRange(0, 1000)
        bar.setValue(round(value * 1000))
        bar.setTextVisible(False)
        bar.setFixedHeight(12)
        percent = QLabel(text)
        percent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        named = QLabel(label)
        named.setTextFormat(Qt.TextFormat.PlainText)
        self._grid.addWidget(named, row, 0)
        self._grid.addWidget(bar, row, 1)
        self._grid.addWidget(percent, row, 2)


def _discard(item: QLayoutItem) -> None:
    """Delete the widget of an item that was taken out of its layout."""
    widget = item.widget()
    if widget is not None:
        # no child of the panel while it waits to be deleted
        widget.setParent(None)
        widget.deleteLater()


def _title(name: str, prediction: Prediction) -> str:
    name, label = escape(name), escape(prediction.label)
    if prediction.means != "probability":
        return f"{name}: score of one view, highest for <b>{label}</b>; Classify predicts"
    if prediction.unknown:
        return f"{name}: <b>unknown</b>, out of distribution; the nearest class is {label}"
    if prediction.decided:
        mean = "" if prediction.windows == 1 else f", mean over {prediction.windows} windows"
        return f"{name}: <b>{escape(prediction.decided)}</b> at the operating point{mean}"
    if prediction.windows == 1:
        return f"{name}: <b>{label}</b>"
    return f"{name}: mostly <b>{label}</b>, mean over {prediction.windows} windows"


# width of a similar image with its name at most, where all are as wide: five fit a dock
_CARD = 64


class Similar(QWidget):
    """The most similar training images, with class and distance. Hidden while there are none."""

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        self._title = QLabel("Most similar training images, with their distance")
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setWordWrap(True)
        self._row = QHBoxLayout()
        self._row.setSpacing(6)
        layout.addWidget(self._title)
        layout.addLayout(self._row)
        self.hide()

    def show_images(self, similar: Sequence[Mapping[str, Any]]) -> None:
        """Display images; hide the row without any."""
        while (item := self._row.takeAt(0)) is not None:
            _discard(item)
        cards = [_card(one) for one in similar]
        # equally far apart, unless a name is so long that the dock would grow
        width = max((card.sizeHint().width() for card in cards), default=0)
        for card in cards:
            card.setMinimumWidth(min(width, _CARD))
            self._row.addWidget(card)
        self._row.addStretch(1)
        self.setVisible(bool(similar))


_COLOURS = {"good": "#3fa34d", "doubtful": "#d9a404", "bad": "#d9534f"}


class ScoreCard(QLabel):
    """Verdicts of the tests of a heatmap, a sentence each. Hidden while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.hide()

    def show_table(self, table: Any) -> None:
        """Show a table with the columns verdict, test and meaning; hide for any other."""
        fits = {"verdict", "test", "meaning"} <= set(table.columns)
        if fits:
            lines = [
                f'<span style="color:{_COLOURS[row.verdict]}">●</span> <b>{escape(row.test)}</b>, '
                f"{row.verdict}: {escape(row.meaning)}"
                for row in table.itertuples()
            ]
            self.setText("<br>".join(lines))
        self.setVisible(fits)


def _card(one: Mapping[str, Any]) -> QWidget:
    card = QWidget()
    layout = QVBoxLayout(card)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    picture = QLabel()
    picture.setPixmap(pixmap(one["thumbnail"], 56))
    text = QLabel(f"{one['class']}\n{one['distance']:.2f}")
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.setStyleSheet("font-size: 8pt")
    card.setToolTip(f"<span>{escape(str(one['name']))}</span>")
    layout.addWidget(picture)
    layout.addWidget(text)
    return card


def pixmap(grey: np.ndarray, side: int) -> QPixmap:
    """Draw a (h, w) uint8 array as a small picture."""
    height, width = grey.shape
    image = QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
    return QPixmap.fromImage(image).scaled(
        side,
        side,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
