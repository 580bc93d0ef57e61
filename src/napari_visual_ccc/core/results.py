"""What operations give: small frozen values that know nothing of a viewer.

Every result answers the same four questions, so one reader serves the viewer, the command
line and scripts: `layers` (what to show), `tables` (what to list), `facts` (numbers worth
keeping, such as a threshold) and `notes` (sentences a person should see).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .layers import Look

if TYPE_CHECKING:
    import pandas as pd

    Layered = tuple["ImageResult | LabelsResult", ...]
    Change = Callable[["ImageResult | LabelsResult"], "ImageResult | LabelsResult"]


def output(result: Result, name: str = "") -> Any:
    """Give the array of one layer of a result.

    Parameters
    ----------
    result : Result
        Of any operation.
    name : str
        Name of the layer; the first one when empty.

    Raises
    ------
    ValueError
        If the result has no such layer.
    """
    return layer_of(result, name).array


def layer_of(result: Result, name: str = "") -> ImageResult | LabelsResult:
    """Give one layer of a result, as `output` does its array."""
    layers = result.layers
    for layer in layers:
        if layer.name == name or not name:
            return layer
    there = ", ".join(repr(layer.name) for layer in layers) or "no layers at all"
    raise ValueError(f"the result has no layer {name!r}; it has {there}")


@dataclass(frozen=True, eq=False)
class Result:
    """The common part of all results.

    Parameters
    ----------
    facts : mapping
        Plain values (JSON can hold them) worth keeping, such as ``{"thresholds": [112.0]}``.
    notes : tuple of str
        What a person should be told: "colour image: luminance was used".
    """

    facts: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def layers(self) -> Layered:
        """Images and labels to show, in the order they are to be added."""
        return ()

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        return {}

    def with_layers(self, change: Change) -> Result:
        """Give the same with every layer changed."""
        return self


@dataclass(frozen=True, eq=False)
class _Raster(Result):
    """An array in the frame of its source.

    A coarse map has one value every `stride` source pixels; the centre of its first cell lies
    at source pixel `origin` (by default ``(stride - 1) / 2``, the middle of the first block). A
    map of a part of the source begins at its pixel `corner` (y, x).
    """

    name: str = field(default="", kw_only=True)
    stride: int = field(default=1, kw_only=True)
    origin: float | None = field(default=None, kw_only=True)
    corner: tuple[int, int] = field(default=(0, 0), kw_only=True)

    @property
    def first_centre(self) -> tuple[float, float]:
        """Source pixel (y, x) on which the first cell is centred."""
        first = (self.stride - 1) / 2 if self.origin is None else self.origin
        return self.corner[0] + first, self.corner[1] + first

    def with_layers(self, change: Change) -> Result:
        """Give it changed: it is its only layer."""
        return change(self)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class ImageResult(_Raster):
    """A grey image, a map or a heatmap.

    Parameters
    ----------
    data : (..., Y, X) array
        Numpy, or lazy dask.
    look : {'grey', 'heat', 'signed'}
        How it wants to be seen: like the source, as a map above it, or around zero.
    limits : (low, high), optional
        Values to show as darkest and brightest; taken from the data when absent.
    name : str
        Suffix of the layer's name, such as ``"contrast"``.
    """

    data: Any
    look: Look = field(default="grey", kw_only=True)
    limits: tuple[float, float] | None = field(default=None, kw_only=True)

    @property
    def array(self) -> Any:
        """The pixels, under the name that all layers share."""
        return self.data

    def with_array(self, array: Any) -> ImageResult:
        """Give the same with other pixels."""
        return replace(self, data=array)

    @property
    def layers(self) -> Layered:
        """This image."""
        return (self,)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.data, dtype=dtype)


@dataclass(frozen=True, eq=False)
class LabelsResult(_Raster):
    """Labelled pixels, with a table of one row a label.

    Parameters
    ----------
    labels : (..., Y, X) integer array
        0 is background (or "not analysed").
    table : DataFrame, optional
        Has a column ``label``; its rows become the features of the layer.
    """

    labels: Any
    table: pd.DataFrame | None = field(default=None, kw_only=True)

    @property
    def array(self) -> Any:
        """The pixels, under the name that all layers share."""
        return self.labels

    def with_array(self, array: Any) -> LabelsResult:
        """Give the same with other pixels."""
        return replace(self, labels=array)

    @property
    def layers(self) -> Layered:
        """These labels."""
        return (self,)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The table, if there is one."""
        return {} if self.table is None else {self.name or "labels": self.table}

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.labels, dtype=dtype)


@dataclass(frozen=True, eq=False)
class MapsResult(Result):
    """Several maps of one image, by name: ``result.maps["contrast"].data``."""

    maps: Mapping[str, ImageResult | LabelsResult]

    @property
    def layers(self) -> Layered:
        """All maps."""
        return tuple(self.maps.values())

    def with_layers(self, change: Change) -> MapsResult:
        """Change all maps."""
        return replace(self, maps={name: change(one) for name, one in self.maps.items()})

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Those of maps that are labels."""
        labels = [one for one in self.maps.values() if isinstance(one, LabelsResult)]
        return {name: table for one in labels for name, table in one.tables.items()}


@dataclass(frozen=True, eq=False)
class TableResult(Result):
    """A table, one row an object."""

    table: pd.DataFrame
    name: str = field(default="table", kw_only=True)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The table."""
        return {self.name: self.table}


@dataclass(frozen=True, eq=False)
class PredictionResult(Result):
    """Class probabilities of an image.

    Parameters
    ----------
    classes : tuple of str
        All classes of the model, in the model's order.
    probabilities : (classes,) array
        They add up to one. Window by window: the mean over the windows that show something.
    windows : int
        How many windows were looked at; 1 means the image was classified whole.
    maps : tuple of ImageResult and LabelsResult
        Class of every window and its probability; empty for a whole image.
    shares : (classes,) array, optional
        Fraction of windows won by each class; None for a whole image.
    model : mapping
        The model's card, with ``hash`` and ``device``.
    likely : tuple of str
        Classes that cannot be ruled out at the level asked for; empty where that is not known.
    unknown : bool
        Whether the image is unlike all training images, so that no class may fit.
    spread : (classes,) array, optional
        Standard deviation of the probabilities over turned and mirrored views.
    similar : tuple of dict
        Nearest training images: ``name``, ``class``, ``distance`` and ``thumbnail``.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray
    windows: int = field(default=1, kw_only=True)
    shares: np.ndarray | None = field(default=None, kw_only=True)
    maps: Layered = field(default=(), kw_only=True)
    model: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    likely: tuple[str, ...] = field(default=(), kw_only=True)
    unknown: bool = field(default=False, kw_only=True)
    spread: np.ndarray | None = field(default=None, kw_only=True)
    similar: tuple[Mapping[str, Any], ...] = field(default=(), kw_only=True)

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.classes[int(np.argmax(self.probabilities))]

    @property
    def verdict(self) -> str:
        """The most probable class, or ``"unknown"``."""
        return "unknown" if self.unknown else self.label

    @property
    def row(self) -> dict[str, Any]:
        """The prediction as one row of a table of many images."""
        (_, probability), (second, after) = self.top(2)
        return {
            "verdict": self.verdict,
            "probability": probability,
            "likely": ", ".join(self.likely),
            "second": f"{second} {after:.1%}",
            "distance": self.facts.get("distance", np.nan),
            "windows": self.windows,
        }

    def top(self, count: int = 3) -> list[tuple[str, float]]:
        """Give the `count` most probable classes with their probabilities."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.classes[i], float(self.probabilities[i])) for i in order]

    @property
    def layers(self) -> Layered:
        """The maps."""
        return self.maps

    def with_layers(self, change: Change) -> PredictionResult:
        """Change the maps."""
        return replace(self, maps=tuple(change(one) for one in self.maps))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All classes, the most probable first, and the most similar training images."""
        import pandas as pd

        table = pd.DataFrame({"class": self.classes, "probability": self.probabilities})
        if self.spread is not None:
            table["spread"] = self.spread
        if self.likely:
            table["likely"] = [name in self.likely for name in self.classes]
        if self.shares is not None:
            table["share_of_windows"] = self.shares
        found = {"classes": table.sort_values("probability", ascending=False, ignore_index=True)}
        if self.similar:
            found["similar"] = pd.DataFrame(
                [{key: one[key] for key in ("name", "class", "distance")} for one in self.similar]
            )
        return found


@dataclass(frozen=True, eq=False)
class HeatmapResult(ImageResult):
    """Where the evidence for one class lies.

    Parameters
    ----------
    data : (Y, X) float32 array
        0 to 1 (or -1 to 1 when signed), in the frame of the source.
    target : str
        The class explained.
    prediction : PredictionResult
        What the model says of the image.
    raw_maximum : float
        Height of the map before it was scaled: maps of two images or classes compare by it.
    """

    target: str = field(default="", kw_only=True)
    prediction: PredictionResult | None = field(default=None, kw_only=True)
    raw_maximum: float = field(default=0.0, kw_only=True)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The prediction's classes."""
        return {} if self.prediction is None else self.prediction.tables


@dataclass(frozen=True, eq=False)
class AlignedResult(ImageResult):
    """A stack whose slices lie on each other.

    Parameters
    ----------
    data : (..., Y, X) float32 array
        Numpy, or lazy dask.
    drift : DataFrame
        How far each slice was moved back.
    """

    drift: pd.DataFrame = field(kw_only=True)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The drift."""
        return {"drift": self.drift}


@dataclass(frozen=True, eq=False)
class StackResult(Result):
    """What an operation on one image gave for every slice of a stack.

    Parameters
    ----------
    stacks : tuple of ImageResult and LabelsResult
        Stacks, aligned with the source.
    lists : mapping of DataFrame
        By name; the columns ``index_0``, ... say which slice. A prediction is one row of
        ``"slices"``.
    model : mapping
        The model's card, where there was one.
    """

    stacks: Layered
    lists: Mapping[str, pd.DataFrame]
    model: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def layers(self) -> Layered:
        """All stacks."""
        return self.stacks

    def with_layers(self, change: Change) -> StackResult:
        """Change all stacks."""
        return replace(self, stacks=tuple(change(one) for one in self.stacks))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables."""
        return dict(self.lists)


@dataclass(frozen=True, eq=False)
class CoverResult(Result):
    """What a model says of an image before and after a part of it was covered.

    Parameters
    ----------
    classes : tuple of str
        In the model's order.
    before, after : (classes,) arrays
        Probabilities.
    covered : (Y, X) float32 array
        The image as the model saw it the second time, 0 to 1.
    model : mapping
        The model's card.
    """

    classes: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    covered: np.ndarray
    model: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def layers(self) -> Layered:
        """The covered image."""
        return (ImageResult(self.covered, name="covered", limits=(0.0, 1.0)),)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All classes, before and after."""
        import pandas as pd

        found = {"class": self.classes, "before": self.before, "after": self.after}
        table = pd.DataFrame(found)
        table["change"] = table["after"] - table["before"]
        return {"classes": table.sort_values("before", ascending=False, ignore_index=True)}


@dataclass(frozen=True, eq=False)
class ExamineResult(Result):
    """What labelled images hold.

    Parameters
    ----------
    counts : DataFrame
        By class: ``images``, ``groups``, ``smallest_px``, ``largest_px``, ``share_percent``.
    duplicates : DataFrame
        Pairs that are nearly the same, and whether the pair ``leaks``: is in two groups.
    skipped : DataFrame
        ``name`` and ``reason`` of what cannot be used.
    """

    counts: pd.DataFrame
    duplicates: pd.DataFrame
    skipped: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All three."""
        return {"classes": self.counts, "duplicates": self.duplicates, "skipped": self.skipped}


@dataclass(frozen=True, eq=False)
class EvaluationResult(Result):
    """How good a classifier is on images it has not seen.

    Parameters
    ----------
    classes : tuple of str
        In the model's order.
    images : DataFrame
        One row an image: ``name``, ``group``, ``label``, ``predicted``, ``probability`` and
        ``p_CLASS`` of every class.
    summary : DataFrame
        ``metric``, ``value`` and the ends ``low`` and ``high`` of its 95 % interval.
    per_class : DataFrame
        ``class``, ``images``, and precision, recall and f1 with their intervals.
    confusion : (classes, classes) int array
        Rows are true, columns predicted.
    independent : int
        Number of groups: as many independent witnesses there are.
    thumbnails : mapping
        Small picture of every image, by name; empty where the model's maker keeps them.
    """

    classes: tuple[str, ...]
    images: pd.DataFrame
    summary: pd.DataFrame
    per_class: pd.DataFrame
    confusion: np.ndarray
    independent: int = field(default=0, kw_only=True)
    thumbnails: Mapping[str, np.ndarray] = field(default_factory=dict, kw_only=True)

    @property
    def probabilities(self) -> np.ndarray:
        """(n, classes), in the order of `classes`."""
        return self.images[[f"p_{name}" for name in self.classes]].to_numpy()

    @property
    def targets(self) -> np.ndarray:
        """(n,) true classes by number."""
        return np.array([self.classes.index(label) for label in self.images["label"]])

    def value(self, metric: str) -> float:
        """Give one number of the summary, such as ``"accuracy"``."""
        return float(self.summary["value"].to_numpy()[list(self.summary["metric"]).index(metric)])

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Summary, classes, confusion and images."""
        import pandas as pd

        confusion = pd.DataFrame(self.confusion, columns=list(self.classes))
        confusion.insert(0, "true", list(self.classes))
        return {
            "summary": self.summary,
            "classes": self.per_class,
            "confusion": confusion,
            "images": self.images,
        }


@dataclass(frozen=True, eq=False)
class ModelResult(Result):
    """A trained classifier.

    Parameters
    ----------
    model : checkpoint.Model
        Network, card, and what it knows of its training images; `checkpoint.save` writes it.
    evaluation : EvaluationResult
        On the test part, or by cross-validation.
    split : DataFrame
        ``name``, ``label``, ``group`` and ``part`` of every image.
    history : DataFrame
        Loss and accuracy by epoch.
    skipped : DataFrame
        ``name`` and ``reason`` of what could not be used.
    thumbnails : mapping
        Small picture of every image, by name.
    """

    model: Any
    evaluation: EvaluationResult
    split: pd.DataFrame
    history: pd.DataFrame
    skipped: pd.DataFrame
    thumbnails: Mapping[str, np.ndarray] = field(default_factory=dict, kw_only=True)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The evaluation's, the split and what was skipped."""
        return {**self.evaluation.tables, "split": self.split, "skipped": self.skipped}
