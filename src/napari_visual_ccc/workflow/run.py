"""Run an operation: on stacks, without the info bar, from a micrograph."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..core.micrograph import InfoBar, Micrograph
from ..core.progress import Steps, run
from ..core.result import Result
from .operations import JOBS, OPERATIONS, function
from .signature import CALIBRATION, KNOWN_BAR, _signature, calibrated, inputs
from .specimen import on_field


def start(
    name: str,
    arrays: Mapping[str, Any],
    choices: Mapping[str, Any],
    *,
    spacing: Any = None,
    unit: str = "px",
    info_bar: InfoBar | None = None,
) -> Steps[Result]:
    """Start an operation with its inputs by name.

    Parameters
    ----------
    name : str
        In the catalogue.
    arrays, choices : mappings
        Its inputs, and what a person chose, by name.
    spacing, unit : (y, x) and str
        Size of a pixel, given on where the operation asks for it.
    info_bar : InfoBar, optional
        Of the first input: it is left out of everything and stays blank in the result.
    """
    scale = {"spacing": spacing, "unit": unit} if calibrated(name) else {}
    work = _over_stacks(name)
    if any(p.name == KNOWN_BAR for p in _signature(name)):
        return work(**arrays, **scale, **{KNOWN_BAR: info_bar}, **choices)
    if not info_bar or OPERATIONS[name].whole:
        return work(**arrays, **scale, **choices)
    return on_field(lambda cut: work(**cut, **scale, **choices), arrays, info_bar)


def call(name: str) -> Callable[..., Any]:
    """Give an operation as a plain function that returns its result (for scripts).

    The first argument may be a `Micrograph`: its pixel size is used, and its label bar left out.
    The bar of an array is told with ``info_bar=InfoBar(bottom=64)``.
    """
    engine_function = _over_stacks(name)
    signature = inspect.signature(engine_function)

    @functools.wraps(engine_function)
    def finished(*args: Any, info_bar: InfoBar | None = None, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs).arguments
        first = next(iter(bound), "")
        if isinstance(bound.get(first), Micrograph):
            given = bound[first]
            bound[first] = given.data
            info_bar = info_bar if info_bar is not None else given.info_bar
            known = OPERATIONS.get(name)
            if info_bar is None and known and first == "image" and not known.whole:
                from ..engine.acquisition.bar_detector import info_bar_of

                info_bar = info_bar_of(given)
            if calibrated(name) and bound.get("spacing") is None:
                bound |= {"spacing": given.voxel, "unit": given.unit}
        if name in JOBS:
            return run(engine_function(**bound))
        if info_bar is None and KNOWN_BAR in bound:
            info_bar = bound[KNOWN_BAR]
        bound.pop(KNOWN_BAR, None)
        scale = {key: bound.pop(key) for key in CALIBRATION if key in bound}
        arrays = {key: bound.pop(key) for key in inputs(name) if key in bound}
        return run(start(name, arrays, bound, info_bar=info_bar, **scale))

    return finished


def _over_stacks(name: str) -> Callable[..., Steps[Result]]:
    if name not in OPERATIONS or not OPERATIONS[name].planar:
        return function(name)
    from ..arrays.stacks import per_slice

    return per_slice(function(name))
