"""The catalogue: which operations there are, and what their signatures say.

Forms, menus, the command line, recipes and the documentation read this and nothing else. A new
method is a function in `engine/`, its test, and one line here.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from .engine.field import on_field
from .micrograph import InfoBar, Micrograph
from .progress import Steps, run
from .results import Result


@dataclass(frozen=True)
class Operation:
    """One line of the catalogue.

    Parameters
    ----------
    family : str
        The widget and the command it belongs to.
    module : str
        Module of `engine/` that holds the function of the operation's name.
    title : str
        What a person reads on the button and in the menu.
    live : bool
        Quick enough to follow a slider.
    planar : bool
        Works on one (Y, X) image: the viewer hands it the slice being looked at, scripts and the
        command line go through a stack slice by slice.
    whole : bool
        Is given the label bar as well: its subject is the bar, or what a network makes of it.
    """

    name: str
    family: str
    module: str
    title: str
    live: bool = False
    planar: bool = False
    whole: bool = False


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("quality", "quality", "quality", "Fit for analysis?"),
        Operation("background", "correct", "background", "Background"),
        Operation("destripe", "correct", "stripes", "Stripes and curtaining"),
        Operation("align", "correct", "align", "Align a stack"),
        Operation("info_bar", "micrograph", "bars", "Find the label bar", whole=True),
        Operation("crop_bar", "micrograph", "bars", "Cut the label bar off", whole=True),
        Operation("denoise", "denoise", "denoise", "Denoise"),
        Operation("otsu", "segment", "segment", "Otsu threshold", live=True),
        Operation("watershed_split", "segment", "touching", "Split touching objects"),
        Operation("number_objects", "segment", "objects", "Number objects"),
        Operation("glcm", "texture", "texture", "GLCM texture", live=True),
        Operation("edge_density", "texture", "texture", "Visual-CCC texture", live=True),
        Operation("kmeans", "cluster", "cluster", "K-means clusters", live=True),
        Operation("target_cluster", "cluster", "cluster", "Target cluster", live=True),
        Operation("classify", "classify", "classify", "Classify", planar=True),
        Operation("explain", "classify", "explain", "Explain (class activation map)", planar=True),
        Operation("compare", "classify", "explain", "Compare classes or methods", planar=True),
        Operation("evidence_regions", "classify", "explain", "Evidence to regions", live=True),
        Operation("trust", "classify", "trust", "Trust the map", planar=True),
        Operation("shortcuts", "classify", "shortcuts", "Shortcut guard", planar=True, whole=True),
        Operation("morphology_map", "classify", "morphology", "Morphology map", planar=True),
        Operation("region_table", "measure", "measure", "Region table"),
    )
}

# what does not fit a form over a layer: sets of labelled images, and a hand that covers; the same
# readers serve their signatures
JOBS: dict[str, Operation] = {
    job.name: job
    for job in (
        Operation("examine", "train", "examine", "Look the images over"),
        Operation("train", "train", "train", "Train"),
        Operation("evaluate", "train", "evaluate", "Test a model"),
        Operation("cover", "classify", "cover", "Cover and see"),
        Operation("classify_folder", "classify", "folder", "Classify a folder"),
        Operation("quality_folder", "quality", "folder", "Check a folder"),
    )
}

# positional parameters that are not arrays: they come with the layer or the file
CALIBRATION = ("spacing", "unit")
KNOWN_BAR = "known"


@dataclass(frozen=True)
class Parameter:
    """One choice that a person can make: what a form field and a command-line flag need.

    Parameters
    ----------
    type : type or typing form
        ``bool``, ``int``, ``float``, ``str``, ``Path``, ``Literal[...]`` or ``Path | None``.
    options : dict
        Limits and hints given with ``Annotated``: ``min``, ``max``, ``step``, ...
    help : str
        The numpydoc text of the parameter.
    """

    name: str
    type: Any
    default: Any
    options: dict[str, Any]
    help: str


def families() -> dict[str, list[Operation]]:
    """Operations by family, in the order of the catalogue."""
    grouped: dict[str, list[Operation]] = {}
    for operation in OPERATIONS.values():
        grouped.setdefault(operation.family, []).append(operation)
    return grouped


def function(name: str) -> Callable[..., Steps[Result]]:
    """Import the engine function of an operation.

    Raises
    ------
    ValueError
        If there is no such operation.
    """
    known = OPERATIONS.get(name) or JOBS.get(name)
    if known is None:
        raise ValueError(f"no operation {name!r}; there are {', '.join([*OPERATIONS, *JOBS])}")
    module = importlib.import_module(f".engine.{known.module}", __package__)
    return getattr(module, name)


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
                from .engine.bars import bar_of

                info_bar = bar_of(given)
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
    from .engine.slices import over_slices

    return over_slices(function(name))


def inputs(name: str) -> list[str]:
    """Names of the arrays an operation takes; the first is the one it must have."""
    return [
        p.name
        for p in _signature(name)
        if p.kind is not p.KEYWORD_ONLY and p.name not in (*CALIBRATION, KNOWN_BAR)
    ]


def calibrated(name: str) -> bool:
    """Whether an operation takes ``spacing`` and ``unit``."""
    return any(p.name in CALIBRATION for p in _signature(name))


def optional_inputs(name: str) -> list[str]:
    """Those of `inputs` that may be left out."""
    defaults = {p.name: p.default for p in _signature(name)}
    return [i for i in inputs(name) if defaults[i] is not inspect.Parameter.empty]


def parameters(name: str) -> dict[str, Parameter]:
    """The choices a person has, read from the signature and the docstring."""
    hints = get_type_hints(function(name), include_extras=True)
    texts = _parameter_texts(name)
    found = {}
    for parameter in _signature(name):
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        kind, options = hints[parameter.name], {}
        if get_origin(kind) is Annotated:
            kind, *extras = get_args(kind)
            options = dict(extras[0])
        found[parameter.name] = Parameter(
            parameter.name, kind, parameter.default, options, texts.get(parameter.name, "")
        )
    return found


def summary(name: str) -> str:
    """First line of the docstring."""
    return _docstring(name).short_description or ""


def input_help(name: str) -> dict[str, str]:
    """What the docstring says of the arrays."""
    texts = _parameter_texts(name)
    return {i: texts.get(i, "") for i in inputs(name)}


def _signature(name: str) -> list[inspect.Parameter]:
    return list(inspect.signature(function(name)).parameters.values())


def _docstring(name: str) -> Any:
    from docstring_parser import parse
    from docstring_parser.common import DocstringStyle

    return parse(inspect.getdoc(function(name)) or "", style=DocstringStyle.NUMPYDOC)


def _parameter_texts(name: str) -> dict[str, str]:
    texts = {}
    for parameter in _docstring(name).params:
        for one in parameter.arg_name.split(","):
            texts[one.strip()] = re.sub(r"\s+", " ", parameter.description or "").strip()
    return texts
