"""Layers of a form's results: added, updated while they are unedited, undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari.layers import Layer

from ...arrays.lazy import is_lazy
from ...core.layers import Layer as Part
from ...core.micrograph import plane_shape
from ...workflow import signature
from ...workflow.operations import Operation
from ...workflow.record import Record
from ..layers.build import build
from ..layers.lazy import PreparedLayer
from ..layers.metadata import current_slice, keep_bar
from ..layers.newest import hide_again, show_again, show_alone
from ..layers.result_layer import ResultLayer
from ..layers.source import Source, recorded
from ..layers.viewers import pointer_away, side_by_side

if TYPE_CHECKING:
    from napari.viewer import Viewer


# runs that can be undone, and the memory of all arrays that are kept for it; the last run always
# can
MOST_RUNS, MOST_BYTES = 10, 512 << 20


@dataclass
class Run:
    """What a run has changed in the viewer.

    Parameters
    ----------
    title : str
        The operation and its image.
    entries : list
        Each has a layer, and can be undone and done again.
    earlier : list of Layer
        What the run has hidden.
    hidden : Layer, optional
        Source of layers that are shown in a grid, which takes its place.
    tables : mapping of DataFrame
        What the form lists of it.
    """

    title: str
    entries: list[Any]
    earlier: list[Layer] = field(default_factory=list)
    hidden: Layer | None = None
    tables: Mapping[str, Any] = field(default_factory=dict)


class ResultLayers:
    """Layers of the last run, and those of earlier runs that may be updated or undone.

    Parameters
    ----------
    viewer : Viewer
        Where the layers are.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.last: list[Any] = []
        # what it was made of
        self.inputs: list[Layer] = []
        self.waiting: list[PreparedLayer] = []
        self.is_adding = False
        # what the last run has hidden
        self.earlier: list[Layer] = []
        # runs that can be undone, and those that were, the newest last
        self.past: list[Run] = []
        self.undone: list[Run] = []
        self._by_source: dict[tuple[Any, ...], ResultLayer] = {}

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Add layers that the form does not take for a choice of the user."""
        self.is_adding = True
        try:
            with pointer_away(self.viewer):
                yield
        finally:
            self.is_adding = False

    def show(
        self,
        operation: Operation,
        source: Source,
        record: Record,
        prepared: list[PreparedLayer],
        inputs: Mapping[str, Layer] | None = None,
    ) -> list[Layer]:
        """Add the layers of a result, or update those of an earlier run; hide earlier results."""
        # a preview and the whole result after it are one run
        earlier = self.earlier if self.has_preview else []
        is_same_run = self.has_preview or self.is_computing
        before, self.last, self.inputs = self.last, [], list((inputs or {}).values())
        with self.adding():
            if source.found:
                keep_bar(source.layer, source.found[0])
            for index, one in enumerate(prepared):
                metadata = recorded(operation, source, record, one.layer.name)
                metadata |= {"print": one.print, "preview": source.preview}
                metadata |= {"unfinished": True} if one.lazy is not None else {}
                key = (operation.name, source.layer.unique_id, index)
                entry = self._show_part(key, source, one.layer, metadata)
                entry.computing = False
                if one.lazy is not None:
                    entry.start_computing(one.layer)
                self.last.append(entry)
            self.waiting = [one for one in prepared if one.lazy is not None]
            if len(self.last) > 1:
                self.viewer.layers.selection.active = self.last[0].layer
            kinds = signature.input_kinds(operation.name)
            masks = [one for name, one in (inputs or {}).items() if kinds[name] == "labels"]
            made = [one.layer for one in self.last]
            self.earlier = [*earlier, *show_alone(self.viewer, source.layer, masks, made)]
            hidden = self._put_side_by_side(source.layer) if operation.side_by_side else None
            self.note(
                Run(f"{operation.title} of {source.layer.name}", self.last, self.earlier, hidden),
                instead=is_same_run and all(one in self.last for one in before),
            )
        return [entry.layer for entry in self.last]

    def _show_part(
        self, key: tuple[Any, ...], source: Source, part: Part, metadata: dict[str, Any]
    ) -> ResultLayer:
        entry = self._by_source.get(key)
        new = build(source, part, metadata)
        if entry is not None and _is_alike(entry.layer, new) and entry.untouched:
            entry.update(source, part, new)
            return entry
        # only the first of several maps is visible: they would cover each other, but no sheet
        # beside the image
        new.visible = not self.last or part.lies_beside(plane_shape(source.data))
        layer = self.viewer.add_layer(new)
        style = getattr(part, "style", "")
        self._by_source[key] = ResultLayer(self.viewer, layer, style, preview=source.preview)
        return self._by_source[key]

    def _put_side_by_side(self, source: Layer) -> Layer | None:
        """Show the layers in a grid; return their source if it was visible and is hidden now."""
        for entry in self.last:
            # there is nothing under them
            entry.layer.visible, entry.layer.opacity = True, 1.0
        was_visible, source.visible = source.visible, False
        side_by_side(self.viewer)
        return source if was_visible else None

    def note(self, run: Run, *, instead: bool = False) -> None:
        """Take a run for the last one, instead of the one before or after it."""
        self.last, self.earlier = run.entries, run.earlier
        if not run.entries:
            return
        if instead and self.past:
            run.hidden = self.past.pop().hidden or run.hidden
        self.past.append(run)
        for one in _entries(self.undone):
            one.forget_undone()
        self.undone.clear()
        while len(self.past) > 1 and (len(self.past) > MOST_RUNS or self.held_bytes > MOST_BYTES):
            for one in self.past.pop(0).entries:
                one.forget()

    @property
    def held_bytes(self) -> int:
        """Memory of the arrays that are kept to undo and repeat runs."""
        return sum(one.held_bytes for one in _entries([*self.past, *self.undone]))

    def undo(self) -> list[str]:
        """Undo the last run; return the names of layers that were edited since and stay."""
        if not self.past:
            return []
        was_preview, run = self.has_preview, self.past.pop()
        present = [one for one in reversed(run.entries) if one.layer in self.viewer.layers]
        with pointer_away(self.viewer):
            kept = [one.layer.name for one in present if not one.undo()]
        if not kept:
            show_again(one for one in run.earlier if one in self.viewer.layers)
        if run.hidden is not None:
            side_by_side(self.viewer, on=False)
            run.hidden.visible = True
        self.last, self.earlier = [], []
        # a part of a run is not done again
        whole = len(present) == len(run.entries) and not (kept or was_preview)
        self.undone = [*self.undone, run] if whole else []
        return kept

    def redo(self) -> list[str]:
        """Repeat the run that was undone last, without computing anything.

        Returns
        -------
        list of str
            Names of layers that were edited since, which stay as they are.
        """
        run = self.undone.pop()
        with self.adding():
            kept = [one.layer.name for one in run.entries if not one.redo()]
        self.last, self.earlier = run.entries, run.earlier
        hide_again(one for one in run.earlier if one in self.viewer.layers)
        if run.hidden is not None:
            self._put_side_by_side(run.hidden)
        self.past.append(run)
        return kept

    @property
    def shown(self) -> list[Any]:
        """Changes of the run whose result is shown: the one before those that were undone."""
        return self.past[-1].entries if self.past else self.last

    @property
    def has_preview(self) -> bool:
        """Whether the last run was one on the visible part."""
        return any(one.preview for one in self.last)

    @property
    def compared(self) -> tuple[list[Layer], list[Layer]]:
        """Visible layers of the last run, and those that it has hidden, as far as they are open."""
        layers = [one.layer for one in self.last if isinstance(one, ResultLayer)]
        newest = [one for one in layers if one in self.viewer.layers and one.visible]
        return newest, [one for one in self.earlier if one in self.viewer.layers]

    @property
    def is_computing(self) -> bool:
        """Whether layers of the last run are still computed."""
        return any(one.computing for one in self.last)

    @property
    def is_open(self) -> bool:
        """Whether a layer of the last run is in the viewer."""
        return any(one.layer in self.viewer.layers for one in self.last)

    @property
    def too_large(self) -> ResultLayer | None:
        """The first lazy result that is larger than memory should hold."""
        return next((one for one in self.last if _is_stored_later(one)), None)

    def refresh(self) -> None:
        """Show what has been computed so far."""
        for one in self.last:
            if one.computing and one.layer in self.viewer.layers:
                one.take_contrast(current_slice(one.layer, self.viewer))
                one.layer.refresh()

    def finish(self) -> None:
        """Note that all pixels have been computed."""
        self.refresh()
        for one in self.last:
            if one.computing:
                one.finish_computing()

    def clear(self) -> None:
        """Forget all runs."""
        self.past, self.undone = [], []
        self.last, self.waiting, self.earlier = [], [], []


def _entries(runs: Sequence[Run]) -> list[Any]:
    """What runs have changed, each layer once."""
    return list({id(one): one for run in runs for one in run.entries}.values())


def _is_alike(layer: Layer, new: Layer) -> bool:
    """Whether a layer can show the data of another one: its kind, axes and colours are fixed."""
    # docks get layers behind a proxy
    same = isinstance(layer, type(new)) and layer.ndim == new.ndim
    return same and getattr(layer, "rgb", False) == getattr(new, "rgb", False)


def _is_stored_later(entry: Any) -> bool:
    data = getattr(entry.layer, "data", None)
    return not getattr(entry, "stored", True) and is_lazy(data)
