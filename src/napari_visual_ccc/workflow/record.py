"""Records: how a result was made, stored with it in files and in the metadata of layers."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from ..arrays.lazy import is_lazy
from ..core.layers import PointsLayer, ShapesLayer
from ..core.micrograph import InfoBar
from ..core.plain import plain, shown
from ..core.result import Result, prediction_of
from .upgrade import lengths_of, upgraded

# what a field must be, for the message about one that is not
_MUST = {
    "source": "a name, a path and a pixel size",
    "parameters": "names with values",
    "inputs": "names with names of layers",
    "model": "names with values",
    "facts": "names with values",
    "versions": "names with values",
    "info_bar": "pixels at the borders",
    "plane": "a list of slice numbers",
    "drawn": "points or shapes",
    "level": "how many times coarser it is",
}

# fields of the model card that a record holds
_MODEL = ("hash", "architecture", "name")
_MOST_STEPS = 1000

_Pixels = Annotated[StrictInt, Field(ge=0)]
_Border = Literal["top", "bottom", "left", "right"]


def _present(value: Any) -> Any:
    return {} if value is None else value


def _text(value: Any) -> Any:
    return "" if value is None else value


def _sizes(value: Any) -> Any:
    """One number is the size of a square pixel."""
    return [value, value] if type(value) in (int, float) else value


_Text = Annotated[str, BeforeValidator(_text)]

_Plain = Annotated[dict[str, Any], BeforeValidator(_present)]


class RecordSource(BaseModel):
    """Input image of the first step."""

    model_config = ConfigDict(extra="allow")

    name: _Text = ""
    path: Annotated[str, Field(pattern=r"^[^\x00]*$")] | None = None
    sha256: str | None = None
    spacing: Annotated[list[float] | None, BeforeValidator(_sizes)] = None
    unit: str | None = None


class Drawn(BaseModel):
    """Points or shapes that an operation was given, with their features.

    Parameters
    ----------
    points : list of [y, x]
        In pixels of the image; of a stack with the slice first.
    shapes : list of lists of [y, x]
        Vertices.
    kinds : list of str
        Kind of every shape.
    features : dict
        One value an item.
    """

    points: list[list[float]] | None = None
    shapes: list[list[list[float]]] = []
    kinds: list[str] = []
    features: _Plain = {}

    @classmethod
    def of(cls, layer: PointsLayer | ShapesLayer) -> Drawn:
        """Keep a layer whose coordinates are pixels."""
        table = layer.features
        values: dict[str, Any] = {} if table is None else {"features": table.to_dict("list")}
        if isinstance(layer, ShapesLayer):
            values |= {"shapes": list(layer.data), "kinds": layer.kind_of_each}
        else:
            values["points"] = layer.data
        return cls.model_validate(plain(values))

    def layer(self) -> PointsLayer | ShapesLayer:
        """Return the layer that was kept."""
        import pandas as pd

        table = pd.DataFrame(self.features) if self.features else None
        if self.points is not None:
            return PointsLayer(np.array(self.points, float), features=table)
        shapes = [np.array(one, float) for one in self.shapes]
        return ShapesLayer(shapes, kinds=tuple(self.kinds), features=table)


class Step(BaseModel):
    """One operation of a record.

    Parameters
    ----------
    operation : str
        Name in the catalogue.
    parameters : dict
        All choices, those that had their default included.
    inputs : dict
        Name of the layer or file of each input.
    output : str
        Name of the layer among those of the result.
    plane : list of int
        Slice of a stack that was taken, for operations that work on one plane.
    info_bar : dict
        Pixels at each border that were left out.
    model : dict
        Hash, architecture and name of the model.
    drawn : dict
        Points and shapes by input.
    level : float
        Of a pyramid: how many times coarser the image was than full resolution.
    lengths : str
        Unit of the lengths among the parameters that follow the pixel size.
    """

    model_config = ConfigDict(extra="allow")

    operation: str
    parameters: _Plain = {}
    inputs: Annotated[dict[str, str | None], BeforeValidator(_present)] = {}
    output: _Text = ""
    plane: list[_Pixels] = []
    info_bar: Annotated[dict[_Border, _Pixels], BeforeValidator(_present)] = {}
    model: _Plain = {}
    drawn: Annotated[dict[str, Drawn], BeforeValidator(_present)] = {}
    level: Annotated[float, Field(ge=1, strict=True)] = 1
    lengths: _Text = ""

    @property
    def bar(self) -> InfoBar:
        """The info bar that was left out."""
        return InfoBar.of({str(border): size for border, size in self.info_bar.items()})


class Record(BaseModel):
    """How a result was made: an image, and the operations run on it.

    Files and layers hold it as plain values, see `plain`.
    """

    model_config = ConfigDict(extra="allow")

    source: Annotated[RecordSource, BeforeValidator(_present)] = RecordSource()
    steps: Annotated[list[Step], Field(min_length=1)]
    output: _Text = ""
    facts: _Plain = {}
    versions: _Plain = {}
    model: _Plain = {}

    @property
    def last(self) -> Step:
        """The step that made the result."""
        return self.steps[-1]

    def of(self, output: str = "", **facts: Any) -> Record:
        """Return the record of one layer of the result, with more facts about its step."""
        last = self.last.model_copy(update={"output": output, **facts})
        return self.model_copy(update={"output": output, "steps": [*self.steps[:-1], last]})

    def plain(self) -> dict[str, Any]:
        """Return the record as values that JSON and YAML can hold."""
        values: dict[str, Any] = plain(self.model_dump(exclude_unset=True))
        return values


def read_record(values: Any, name: str = "record") -> Record:
    """Validate plain values, and return them as a record with the names of this version.

    Parameters
    ----------
    values : mapping
        As from `Record.plain`, of this version or an earlier one.
    name : str
        Name of the record in error messages, such as that of its file.

    Raises
    ------
    ValueError
        If it has no steps, or a part of it is not what it must be.
    """
    if not isinstance(values, Mapping) or not isinstance(values.get("steps"), list):
        raise ValueError(f"{name} holds no steps of napari-visual-ccc")
    if not values["steps"] or not isinstance(values.get("source") or {}, Mapping):
        raise ValueError(f"{name} holds no steps of napari-visual-ccc, or no source for them")
    if (count := len(values["steps"])) > _MOST_STEPS:
        raise ValueError(f"{name} holds {count:,} steps; at most {_MOST_STEPS} are run")
    values = upgraded(values)
    try:
        return Record.model_validate(values)
    except ValidationError as error:
        raise ValueError(_message(values, error, name)) from None


def _message(values: Mapping[str, Any], error: ValidationError, name: str) -> str:
    where = error.errors()[0]["loc"]
    if where[0] != "steps":
        return f"{name}: {where[0]} must be {_MUST.get(str(where[0]), 'text')}"
    step = values["steps"][where[1]]
    operation = step.get("operation") if isinstance(step, Mapping) else step
    if len(where) < 3 or where[2] == "operation":
        return f"{name} names an operation that does not exist: {shown(operation)}"
    return f"{name}: {where[2]} of {operation} must be {_MUST.get(str(where[2]), 'text')}"


def make_record(
    operation: str,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    *,
    source: Mapping[str, Any],
    previous: Mapping[str, Any] | None = None,
    result: Result | None = None,
    drawn: Mapping[str, PointsLayer | ShapesLayer] | None = None,
) -> Record:
    """Record how a result was made.

    Parameters
    ----------
    operation : str
        Name in the catalogue.
    parameters : mapping
        All its parameters.
    inputs : mapping
        Name of the layer or file of each input.
    source : mapping
        ``name`` and ``path`` of the image, and if known ``sha256``, ``spacing`` and ``unit``.
    previous : mapping, optional
        Record of the first input, when that was a result itself: its source is kept and this
        operation becomes one more step.
    result : Result, optional
        Result of the operation: its facts, its model and the info bar that was left out.
    drawn : mapping, optional
        Points and shapes among the inputs.
    """
    facts = {} if result is None else dict(result.facts)
    step: dict[str, Any] = {"operation": operation, "parameters": dict(parameters)}
    step |= {"inputs": dict(inputs), "output": ""}
    if lengths_of(operation, parameters):
        step["lengths"] = source.get("unit") or "px"
    bar = facts.get("info_bar")
    # slices of a stack have a list of bars
    if isinstance(bar, Mapping) and any(bar.values()):
        step["info_bar"] = bar
    if drawn:
        kept = {key: Drawn.of(layer).model_dump(exclude_unset=True) for key, layer in drawn.items()}
        step["drawn"] = kept
    model = model_of(result)
    if model:
        step["model"] = model
    earlier = list(previous["steps"]) if previous and previous.get("steps") else []
    record = {
        "source": previous.get("source") if previous and earlier else dict(source),
        "steps": [*earlier, step],
        "output": "", "facts": facts, "versions": versions(),
    }  # fmt: skip
    if model:
        record["model"] = model
    return read_record(plain(record))


def model_of(result: Result | None) -> dict[str, Any]:
    """Hash, architecture and name of the model that a result comes from."""
    if result is None:
        return {}
    card = (prediction_of(result) or result).model
    # a trained model is not a file yet
    return {key: card[key] for key in _MODEL if key in card} if isinstance(card, Mapping) else {}


def explained(record: Mapping[str, Any] | None) -> dict[str, Any]:
    """Class and model file of the heatmap that a record describes; empty for anything else."""
    step = record["steps"][-1] if record else {}
    if record is None or step.get("operation") not in ("explain", "compare"):
        return {}
    # "Grad-CAM sphere", or "Grad-CAM sphere not cube"
    facts = record.get("facts", {})
    classes = facts.get("probabilities") or facts.get("scores_of_view") or {}
    title = str(step.get("output", "")).split(" not ")[0]
    names = [name for name in classes if title.endswith(f" {name}")]
    model = step["parameters"].get("model")
    return {"target": max(names, key=len, default=""), "model": Path(model) if model else None}


def fingerprint(data: Any) -> str:
    """Checksum that detects changes of an array, quick to compute.

    Parameters
    ----------
    data : array
        Up to 4 MiB every value counts, above an even sample of them; lazy arrays by their name.
    """
    if is_lazy(data):
        return str(data.name)
    if isinstance(data, list):
        # vertices of shapes
        data = np.concatenate([np.ravel(one) for one in data]) if data else np.empty(0)
    if not isinstance(data, np.ndarray):
        return ""
    # odd, so that the sample is not one column of an image
    step = 1 if data.nbytes <= 1 << 22 else data.size // 500_000 | 1
    sample = np.ascontiguousarray(data if step == 1 else data.reshape(-1)[::step])
    return f"{zlib.crc32(sample.tobytes()):08x}"


def versions() -> dict[str, str]:
    """Versions of the packages that take part in a result."""
    return dict(_versions("torch" in sys.modules))


@functools.cache
def _versions(with_torch: bool) -> tuple[tuple[str, str], ...]:
    names = ["napari-visual-ccc", "numpy", "scipy", "scikit-image", "scikit-learn"]
    names += ["torch"] if with_torch else []
    installed = [("python", platform.python_version())]
    for name in names:
        try:
            installed.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(installed)
