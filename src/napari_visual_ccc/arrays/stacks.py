"""Apply an operation of one image to each slice of a stack."""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np

from ..core.layers import Index, Layer, LayerStack, PointsLayer, ShapesLayer
from ..core.progress import Progress, Steps, map_progress, run
from ..core.result import Prediction, Result, prediction_of
from ..core.units import counted
from .lazy import in_memory, is_lazy
from .volumes import map_parts

Scope = Annotated[Literal["stack", "slice"], {"stack": True}]

# notes on single slices that are kept
_NOTES = 20


def check_scope(scope: str) -> None:
    """Validate a scope.

    Raises
    ------
    ValueError
        If it is neither ``"stack"`` nor ``"slice"``.
    """
    if scope not in ("stack", "slice"):
        raise ValueError(f"scope is {scope!r}; choose stack or slice")


def per_slice(
    function: Callable[..., Steps[Result]], *, channels: bool = False
) -> Callable[..., Steps[Result]]:
    """Make an operation of a (Y, X) image accept stacks, slice by slice.

    Parameters
    ----------
    function : callable
        Takes an image first (grey, or colour as a last axis of 3 or 4), then anything. Keywords
        that are stacks of as many slices, or coordinates in them, are passed slice by slice.
    channels : bool
        An image is (C, Y, X), and a stack (..., C, Y, X).

    Returns
    -------
    callable
        Returns the result of the function for an image, and a `Result` of stacks for a stack.
        Slices are computed one at a time, also from dask; their results are held in memory.
    """
    name = next(iter(inspect.signature(function).parameters))

    @functools.wraps(function)
    def lifted(*args: Any, **choices: Any) -> Steps[Result]:
        image, *args = args or (choices.pop(name),)  # type: ignore[assignment]
        image = image if is_lazy(image) else np.asarray(image)
        axes = 3 if channels or (image.ndim > 2 and image.shape[-1] in (3, 4)) else 2
        if image.ndim <= axes:
            return (yield from function(image, *args, **choices))
        shape = image.shape[:-axes]
        follow = {key: one for key, one in choices.items() if _follows(one, shape)}
        index = np.ndindex(shape)

        def of_slice(one: np.ndarray) -> Steps[Result]:
            here = next(index)
            others = {key: at_slice(stack, here) for key, stack in follow.items()}
            return function(one, *args, **{**choices, **others})

        return (yield from each_slice(of_slice, image, axes))

    return lifted


def _follows(value: Any, shape: Index) -> bool:
    """Whether a further input is a stack too, or has coordinates in one."""
    if isinstance(value, PointsLayer | ShapesLayer):
        return any(np.shape(one)[-1] > 2 for one in value.data)
    return np.ndim(value) > 2 and np.shape(value)[: len(shape)] == shape


def slices_of(drawn: Any, shape: Index) -> list[Index]:
    """Slices of a stack that points, shapes or labels are in; none if they are of a plane.

    Raises
    ------
    ValueError
        If one of them lies beyond the stack.
    """
    axes = len(shape)
    if isinstance(drawn, PointsLayer | ShapesLayer):
        if not _follows(drawn, shape):
            return []
        leading = [np.round(np.atleast_2d(one)[:, :-2]).astype(int) for one in drawn.data]
        found = np.unique(np.concatenate(leading), axis=0)
        outside = ((found < 0) | (found >= shape)).any(axis=1)
        if found.shape[1] != axes or outside.any():
            where = found[outside][0] if outside.any() else found[0]
            raise ValueError(
                f"something is drawn in slice {', '.join(map(str, where))}; the stack has "
                f"{' x '.join(map(str, shape))} slices"
            )
        return [tuple(int(place) for place in one) for one in found]
    if not _follows(drawn, shape):
        return []
    return [index for index in np.ndindex(shape) if np.asarray(drawn[index]).any()]


def at_slice(stack: Any, index: Index) -> Any:
    """Slice of an array; points and shapes in a slice, with (y, x) alone."""
    if not isinstance(stack, PointsLayer | ShapesLayer):
        return in_memory(stack[index])
    inside = [
        number
        for number, places in enumerate(stack.data)
        if (np.round(np.atleast_2d(places)[:, :-2]) == index).all()
    ]
    return items(stack, inside).mapped(lambda places: np.asarray(places)[..., -2:])


def items(layer: PointsLayer | ShapesLayer, numbers: list[int]) -> PointsLayer | ShapesLayer:
    """Select points or shapes, with their rows of the table."""
    table = layer.features
    if table is not None:
        table = table.iloc[numbers].reset_index(drop=True)
    if isinstance(layer, ShapesLayer):
        kinds = tuple(layer.kind_of_each[number] for number in numbers)
        data = [layer.data[number] for number in numbers]
        return replace(layer, data=data, kinds=kinds, features=table)
    return replace(layer, data=np.asarray(layer.data)[numbers], features=table)


def map_slices(
    function: Callable[[np.ndarray], Steps[Result]],
    image: Any,
    axes: int,
    likes: tuple[Layer, ...],
    *,
    dtype: Any,
    blank: float = 0,
    notes: tuple[str, ...] = (),
) -> Steps[Result]:
    """Apply an operation to each slice with its own limits or thresholds; lazily for dask.

    Parameters
    ----------
    function : callable
        One slice (or volume) → its result.
    image : array
        Grey, numpy or dask; its last `axes` axes are a slice (2) or a volume (3).
    likes : tuple of Layer
        Layers without pixels, one for each layer of the result: names and styles.
    dtype, blank : dtype and float
        Of lazy layers, and the value of slices that fail, such as constant ones.
    notes : tuple of str
        Further notes of the result.

    Returns
    -------
    Result
        Facts and tables list the values of each slice; a lazy result has none, since nothing is
        computed yet.
    """
    if is_lazy(image):
        layers: list[Layer] = []
        for number, like in enumerate(likes):
            pixels = yield from map_parts(
                _pixels_of(function, number, dtype, blank), image, axes, dtype=dtype, note="slice"
            )
            layers.append(like.with_array(pixels))
        note = "slices are computed on demand: their values are not listed"
        return Result(tuple(layers), notes=(*notes, note))
    found = yield from each_slice(function, image, axes)
    named = tuple(
        replace(layer, name=like.name) for like, layer in zip(likes, found.layers, strict=True)
    )
    return Result(named, facts=found.facts, notes=(*notes, *found.notes))


def _pixels_of(
    function: Callable[[np.ndarray], Steps[Result]], number: int, dtype: Any, blank: float
) -> Callable[[np.ndarray], np.ndarray]:
    def pixels(part: np.ndarray) -> np.ndarray:
        try:
            return np.asarray(run(function(part)).layers[number])
        except ValueError:
            return np.full(part.shape, blank, dtype)

    return pixels


def each_slice(
    function: Callable[[np.ndarray], Steps[Result]], image: Any, axes: int = 2
) -> Steps[Result]:
    """Apply an operation to the slices of a stack, one after the other, and stack the results.

    Parameters
    ----------
    function : callable
        One slice → its result.
    image : array
        Numpy or dask; its last `axes` axes are one slice.

    Returns
    -------
    Result
        Layers are stacks; tables have the columns ``index_0``, ... of the slice, and a prediction
        is one row of the table ``"slices"``. Where a slice fails (constant, or not finite), layers
        stay blank (0, or NaN), facts are None, and a note says why.

    Raises
    ------
    ValueError
        If all slices fail.
    """
    shape = image.shape[:-axes]
    total, stacked, first = int(np.prod(shape)), _Stacked(shape), None
    for number, index in enumerate(np.ndindex(shape)):
        relabel = functools.partial(_at_slice, number, total)
        try:
            result = yield from map_progress(function(in_memory(image[index])), relabel)
        except ValueError as error:
            first = first or error
            stacked.note(index, f"no result: {error}")
        else:
            stacked.add(index, result)
    if not stacked.layers and not stacked.rows:
        assert first is not None
        raise first
    return stacked.result()


def _at_slice(number: int, total: int, progress: Progress) -> Progress:
    return Progress(number, total, f"slice {number + 1}: {progress.note}", progress.values)


class _Stacked:
    """Collects the results of slices, so that none is kept."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.layers: list[LayerStack] = []
        self.rows: dict[str, list[Any]] = {}
        self._facts: dict[Index, Mapping[str, Any]] = {}
        self._notes: list[tuple[Index, str]] = []
        self._model: Mapping[str, Any] = {}

    def note(self, index: Index, text: str) -> None:
        self._notes.append((index, text))

    def add(self, index: Index, result: Result) -> None:
        if not self.layers:
            self.layers = [layer.new_stack(self.shape) for layer in result.layers]
        for stack, layer in zip(self.layers, result.layers, strict=True):
            stack.add(index, layer)
            stack.name = _common(stack.name, layer.name)
        prediction = prediction_of(result)
        if prediction is not None:
            self._model = prediction.model
            self._row("slices", index, _as_table(result, prediction))
        else:
            for name, table in result.tables.items():
                self._row(name, index, table)
        self._facts[index] = result.facts
        self._notes += [(index, note) for note in result.notes]

    def _row(self, name: str, index: Index, table: Any) -> None:
        table = table.copy()
        for axis, place in enumerate(index):
            table.insert(axis, f"index_{axis}", place)
        self.rows.setdefault(name, []).append(table)

    def result(self) -> Result:
        import pandas as pd

        tables = {name: pd.concat(tables, ignore_index=True) for name, tables in self.rows.items()}
        layers = tuple(stack.layer().with_tables(tables) for stack in self.layers)
        return Result(
            layers,
            tables,
            model=self._model,
            facts=self._joined_facts(),
            notes=self._joined_notes(),
        )

    def _joined_facts(self) -> dict[str, Any]:
        """List of one value a slice; text that all slices share is given once."""
        names = dict.fromkeys(name for facts in self._facts.values() for name in facts)
        found: dict[str, Any] = {}
        for name in names:
            every = [self._facts.get(i, {}).get(name) for i in np.ndindex(self.shape)]
            same = isinstance(every[0], str) and all(one == every[0] for one in every)
            found[name] = every[0] if same else every
        return found

    def _joined_notes(self) -> tuple[str, ...]:
        """Notes on all slices, then notes on single slices."""
        counts, total = Counter(text for _, text in self._notes), int(np.prod(self.shape))
        shared = tuple(text for text, count in counts.items() if count == total)
        single = []
        for text in (text for text, count in counts.items() if count < total):
            where = [", ".join(map(str, i)) for i, note in self._notes if note == text]
            slices = f"slice {where[0]}" + (f" and {len(where) - 1} more" if where[1:] else "")
            single.append(f"{slices}: {text}")
        more = (
            (f"and {counted(len(single) - _NOTES, 'more note')}",) if len(single) > _NOTES else ()
        )
        return (*shared, *single[:_NOTES], *more)


def _common(name: str, other: str) -> str:
    """Leading words that two names share: maps of two classes are maps of one method."""
    if name == other:
        return name
    pairs = zip(name.split(), other.split(), strict=False)
    shared = []
    for one, two in pairs:
        if one != two:
            break
        shared.append(one)
    return " ".join(shared) or name


def _as_table(result: Result, prediction: Prediction) -> Any:
    import pandas as pd

    row: dict[str, Any] = {}
    if result.target:
        row = {"target": result.target, "raw_maximum": result.facts["raw_maximum"]}
    row |= prediction.row
    start = "p" if prediction.means == "probability" else prediction.means
    row |= {
        f"{start}_{name}": p
        for name, p in zip(prediction.classes, prediction.probabilities, strict=True)
    }
    if prediction.shares is not None:
        shares = zip(prediction.classes, prediction.shares, strict=True)
        row |= {f"share_{name}": share for name, share in shares}
    return pd.DataFrame([row])
