"""The Measure dock: a table linked to its regions, and their size distribution."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ...core.result import Result
from ...workflow.operations import Operation
from ..controls.headings import Heading, format_value, headings
from ..form.form import Form
from ..form.result_layers import Run
from ..layers.metadata import calibration
from ..layers.newest import Uncovered
from ..layers.recalibrate import at_size
from ..layers.source import Source
from ..layers.viewers import bring_into_view, pixel_on_screen
from ..parts.marks import at_click, clicked_label, mark, own_color, unmark
from ..parts.report import Canvas
from ..parts.tables import Table

if TYPE_CHECKING:
    import pandas as pd
    from napari.viewer import Viewer

_NOT_DRAWN = ("label", "bbox", "centroid", "touches", "index")

_SIZES = ("area_", "volume_")

_WITH_UNIT = (
    "area", "volume", "equivalent", "feret", "perimeter", "axis", "orientation", "nearest",
)  # fmt: skip


class Histogram(QWidget):
    """Distribution of a column, by number or weighted by area or volume: D10, D50 and D90."""

    def __init__(self) -> None:
        super().__init__()
        self.column = QComboBox()
        self.weighted = QCheckBox()
        top = QHBoxLayout()
        top.addWidget(QLabel("Distribution of"))
        top.addWidget(self.column, 1)
        top.addWidget(self.weighted)
        self._canvas = Canvas((3.6, 2.2), 190)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self._canvas)
        self._frame: pd.DataFrame | None = None
        self._headings: dict[str, Heading] = {}
        self._size = ""
        self.column.currentIndexChanged.connect(self.draw)
        self.weighted.toggled.connect(self.draw)

    def show_frame(self, frame: pd.DataFrame) -> None:
        """Offer the numeric columns of a table and draw one."""
        self._frame = frame
        # regions of a volume have no area
        self._size = next(str(c) for c in frame.columns if str(c).startswith(_SIZES))
        what = self._size.split("_")[0]
        self.weighted.setText(f"by {what}")
        self.weighted.setToolTip(f"Weight every region by its {what} instead of counting it once")
        numbers = frame.select_dtypes("number").columns
        names = [str(c) for c in numbers if not str(c).startswith(_NOT_DRAWN)]
        keep = self.column.currentData()
        first = next((n for n in names if n.startswith("equivalent_diameter")), None)
        self._headings = dict(zip(map(str, frame.columns), headings(frame), strict=True))
        self.column.blockSignals(True)
        self.column.clear()
        for name in names:
            self.column.addItem(self._headings[name].text, name)
            tooltip = self._headings[name].tooltip
            self.column.setItemData(self.column.count() - 1, tooltip, Qt.ItemDataRole.ToolTipRole)
        shown = keep if keep in names else first or (names[0] if names else "")
        self.column.setCurrentIndex(self.column.findData(shown))
        self.column.blockSignals(False)
        self.draw()

    @property
    def figure(self) -> Any:
        """The figure; None before the first drawing."""
        return self._canvas.figure

    def draw(self, *_: Any) -> None:
        """Draw the chosen column."""
        name = self.column.currentData()
        frame = self._frame
        if frame is None or not name or frame.empty:
            return
        weights = frame[self._size].to_numpy(float) if self.weighted.isChecked() else None
        heading = self._headings[name]
        values = frame[name].to_numpy(float) * heading.factor
        words = name.split("_")
        text = f"{' '.join(words[:-1])} ({heading.unit})" if heading.unit else " ".join(words)
        self._canvas.draw(lambda axes: _draw(axes, values, weights, text, heading.unit))


def _draw(axes: Any, values: np.ndarray, weights: np.ndarray | None, label: str, unit: str) -> None:
    use = np.isfinite(values)
    values = values[use]
    weights = np.ones(len(values)) if weights is None else weights[use]
    if len(values) == 0:
        return
    edges = np.histogram_bin_edges(values, bins=min(40, max(8, int(np.sqrt(len(values)) * 2))))
    axes.hist(values, bins=edges, weights=100 * weights / weights.sum(), color="#4c9be8")
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    marks = [values[order][np.searchsorted(cumulative, q)] for q in (0.1, 0.5, 0.9)]
    for value, style in zip(marks, (":", "-", ":"), strict=True):
        axes.axvline(value, color="#e8804c", linestyle=style, linewidth=1.2)
    sizes = (f"D{k} {format_value(one)}" for k, one in zip((10, 50, 90), marks, strict=True))
    title = "   ".join((f"n = {len(values)}", *sizes))
    axes.set_title(f"{title} {unit}".rstrip(), fontsize=8)
    axes.set_xlabel(label, fontsize=8)
    axes.set_ylabel("share (%)", fontsize=8)
    axes.tick_params(labelsize=7)


class Measure(Form):
    """Measure labelled regions; a click on a row selects the region, and the other way round."""

    family = "measure"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.table, self.histogram = Table("regions"), Histogram()
        self.layer: Labels | None = None
        self._uncovered = Uncovered(napari_viewer)
        self._label_clicked = at_click(self._on_click)
        self._following = self._writing = False
        self._measured: dict[Any, frozenset[str]] = {}
        for widget in (self.table, self.histogram):
            widget.hide()
            self.native.layout().addWidget(widget)
        self.table.picked.connect(self._go_to_region)
        self.table.cleared.connect(self._on_cleared)

    def _show(self, *result: Any) -> list[Layer]:
        """Show a result; a mark ends before, so that nothing comes back over it."""
        self._end_mark()
        return super()._show(*result)

    def undo(self) -> None:
        """Undo the last run; its labels have their own colours again."""
        self._end_mark()
        super().undo()

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the regions and draw their sizes."""
        frame = next(iter(result.tables.values()))
        self._end_mark()
        self._watch(source.layer)
        change = _Features(source.layer)
        key = source.layer.unique_id
        self._writing = True
        change.write(_merged(source.layer.features, frame, self._measured.get(key, frozenset())))
        self._writing = False
        self._measured[key] = frozenset(frame.columns)
        self.results.note(Run(f"{operation.title} of {source.layer.name}", [change]))
        self.table.name = f"{source.layer.name} regions"
        self._display(frame)
        self.say(self.message.value or f"{len(frame)} regions.")

    def _display(self, frame: pd.DataFrame) -> None:
        assert self.layer is not None
        self.table.show_frame(frame, functools.partial(own_color, self.layer))
        self.table.set_title(self.layer.name)
        self.table.show()
        drawn = not frame.empty and any(str(c).startswith(_SIZES) for c in frame.columns)
        self.histogram.setVisible(drawn)
        if drawn:
            self.histogram.show_frame(frame)

    def _follow_features(self, event: Any = None) -> None:
        """List the features after a change of the pixel size."""
        layer, frame = self.layer, self.table.frame
        if layer is None or frame is None or self._writing or "label" not in layer.features:
            return
        measured = {_stem(c) for c in self._measured.get(layer.unique_id, ())}
        # the columns have new names: the next measurement replaces them
        self._measured[layer.unique_id] = frozenset(
            c for c in layer.features.columns if _stem(c) in measured
        )
        self._display(layer.features.drop(columns="index", errors="ignore"))

    def _watch(self, layer: Labels | None) -> None:
        if self.layer is not None:
            self.layer.events.selected_label.disconnect(self._go_to_row)
            self.layer.events.features.disconnect(self._follow_features)
            if self._label_clicked in self.layer.mouse_drag_callbacks:
                self.layer.mouse_drag_callbacks.remove(self._label_clicked)
        self.layer = layer
        if layer is None:
            return
        layer.events.selected_label.connect(self._go_to_row)
        layer.events.features.connect(self._follow_features)
        layer.mouse_drag_callbacks.append(self._label_clicked)

    def on_closed(self, *args: Any) -> None:
        """Stop the job, and follow the viewer and the labels no longer."""
        self._watch(None)
        super().on_closed(*args)

    def _on_click(self, layer: Labels, event: Any) -> None:
        """Select the region under the mouse while no tool of the layer is active."""
        label = clicked_label(layer, event)
        if label:
            layer.selected_label = label
            self._mark(layer, label)

    def _go_to_row(self, event: Any = None) -> None:
        frame = self.table.frame
        if frame is None or self.layer is None or self._following:
            return
        rows = np.flatnonzero(frame["label"].to_numpy() == self.layer.selected_label)
        if len(rows):
            self._following = True
            self.table.select(int(rows[0]))
            self._following = False

    def _go_to_region(self, row: int) -> None:
        frame, layer = self.table.frame, self.layer
        if frame is None or layer is None or layer not in self.viewer.layers or self._following:
            return
        region = frame.iloc[row]
        self._mark(layer, int(region["label"]))
        bring_into_view(self.viewer, layer, _centre(region, layer.ndim))

    def _on_cleared(self, row: int) -> None:
        """End the mark; where another run has hidden the labels, show them again instead."""
        if self._uncovered.is_covered(self.layer):
            self.table.select(row)
        else:
            self._end_mark()

    def _mark(self, layer: Labels, label: int) -> None:
        # napari tells of the selected label whenever colours change
        self._following = True
        self._uncovered.show(layer)
        mark(layer, label, pixel=pixel_on_screen(self.viewer, layer))
        self._following = False

    def _end_mark(self) -> None:
        if self.layer is not None:
            self._following = True
            unmark(self.layer)
            self._following = False
        self._uncovered.end()


class _Features:
    """The features of a layer before it was measured."""

    preview = computing = False

    def __init__(self, layer: Labels) -> None:
        self.layer = layer
        self._before = layer.features.copy()
        self._size = calibration(layer, voxel=True)
        self._written: pd.DataFrame | None = None

    def write(self, frame: pd.DataFrame) -> None:
        """Replace them by the measured ones."""
        self.layer.features = frame
        self._written = self.layer.features.copy()

    def undo(self) -> bool:
        """Restore them; return False when they were edited since."""
        return self._replace(self._written, self._before)

    def redo(self) -> bool:
        """Write the measured ones again; return False when they were edited since."""
        return self._replace(self._before, self._written)

    def _replace(self, old: pd.DataFrame | None, new: pd.DataFrame | None) -> bool:
        if old is None or new is None:
            return False
        # another pixel size since is no edit
        now = calibration(self.layer, voxel=True)
        old, new = (at_size(one, self._size, now) for one in (old, new))
        if not _alike(self.layer.features, old):
            return False
        self.layer.features = new
        return True

    def forget(self) -> None:
        """Nothing: the next run has a copy of its own."""

    def forget_undone(self) -> None:
        """Nothing: a copy is small."""

    @property
    def held_bytes(self) -> int:
        """Memory of both tables."""
        return int(2 * self._before.memory_usage().sum())


def _alike(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether tables are equal, but for the rounding of sizes that were converted."""
    from pandas.testing import assert_frame_equal

    try:
        assert_frame_equal(one, other, rtol=1e-9, atol=0)
    except AssertionError:
        return False
    return True


def _stem(column: Any) -> str:
    """Name of a measured column without its unit."""
    words = str(column).split("_")
    return "_".join(words[:-1]) if words[0] in _WITH_UNIT else str(column)


def _merged(old: pd.DataFrame, new: pd.DataFrame, measured: frozenset[str]) -> pd.DataFrame:
    """Measured columns, and those that existed before and were not measured, such as names."""
    new = new.assign(index=new["label"])
    kept = [c for c in old.columns if c not in new.columns and c not in measured]
    if not kept or "index" not in old.columns:
        return new
    # a region of a stack has one row per slice, and one name
    return new.merge(old[["index", *kept]].drop_duplicates("index"), on="index", how="left")


def _centre(region: pd.Series, ndim: int) -> tuple[float, ...]:
    """Pixel in the middle of a region's bounding box, in its slice."""
    sides = (("bbox_front", "bbox_back"), ("bbox_top", "bbox_bottom"), ("bbox_left", "bbox_right"))
    middle = [(region[low] + region[high] - 1) / 2 for low, high in sides if low in region]
    leading = [float(region[c]) for c in region.index if str(c).startswith("index_")]
    return (*leading[: ndim - len(middle)], *middle)
