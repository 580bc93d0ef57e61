"""Results of operations: layers, tables, facts and notes, independent of any viewer.

`Result` holds everything an operation returns. `Prediction`, `Evaluation` and `TrainedModel` are
results with further fields. The viewer, the command line and scripts read all of them alike:
`layers` (what to display), `tables` (what to list), `facts` (plain numbers, such as a threshold)
and `notes` (messages to the user).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .layers import ImageLayer, LabelsLayer, Layer
from .notebook import Shown
from .units import counted

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound="Result")


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """What an operation returns.

    Parameters
    ----------
    layers : tuple of Layer
        What to display, in this order.
    tables : mapping of DataFrame
        By name, the main one first. Tables of labels layers are added under the names of the
        layers (``"labels"`` for one without a name).
    facts : mapping
        Plain values that JSON can hold, such as ``{"thresholds": [112.0]}``.
    notes : tuple of str
        Messages to the user: "colour image: luminance was used".
    prediction : Prediction, optional
        Classes of the image that the layers explain.
    target : str
        Class that a heatmap explains.
    model : mapping
        Card of the model that took part, with ``hash`` and ``device``.
    record : Record, optional
        How it was made; of the results of operations.
    """

    layers: tuple[Layer, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    prediction: Prediction | None = field(default=None, kw_only=True)
    target: str = field(default="", kw_only=True)
    model: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    record: Any = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Complete the tables."""
        object.__setattr__(self, "tables", self._all_tables())

    def _all_tables(self) -> dict[str, pd.DataFrame]:
        return {**self._tables_of_labels(), **self.tables}

    def _tables_of_labels(self) -> dict[str, pd.DataFrame]:
        labels = (layer for layer in self.layers if isinstance(layer, LabelsLayer))
        return {one.name or "labels": one.table for one in labels if one.table is not None}

    def layer(self, name: str = "") -> Layer:
        """Return a layer by name; the first one when empty.

        Raises
        ------
        ValueError
            If the result has no such layer.
        """
        for layer in self.layers:
            if layer.name == name or not name:
                return layer
        there = ", ".join(repr(layer.name) for layer in self.layers) or "no layers at all"
        raise ValueError(f"the result has no layer {name!r}; it has {there}")

    @property
    def maps(self) -> dict[str, Layer]:
        """Layers by name."""
        return {layer.name: layer for layer in self.layers}

    @property
    def data(self) -> Any:
        """Array of the first image layer."""
        return self._first(ImageLayer, "image layer")

    @property
    def labels(self) -> Any:
        """Array of the first labels layer."""
        return self._first(LabelsLayer, "labels layer")

    @property
    def table(self) -> pd.DataFrame:
        """The main table."""
        for table in self.tables.values():
            return table
        raise AttributeError(f"the result has no table; it is {self!r}")

    def _first(self, kind: type[Layer], text: str) -> Any:
        for layer in self.layers:
            if isinstance(layer, kind):
                return layer.data
        raise AttributeError(f"the result has no {text}; it is {self!r}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the first layer's array."""
        return np.asarray(self.layer(), dtype=dtype)

    def with_layers(self: R, change: Callable[[Layer], Layer]) -> R:
        """Return the result with every layer changed."""
        own = [id(table) for table in self._tables_of_labels().values()]
        others = {name: one for name, one in self.tables.items() if id(one) not in own}
        return replace(self, layers=tuple(change(one) for one in self.layers), tables=others)

    def __repr__(self) -> str:
        parts = [str(layer) for layer in self.layers]
        parts += [f"table {key!r}: {counted(len(one), 'row')}" for key, one in self.tables.items()]
        parts += [repr(note) for note in self.notes]
        return f"{type(self).__name__}({'; '.join(parts)})"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Prediction(Result):
    """Class probabilities of an image.

    Layers are the class of every window and its probability; there are none for an image that is
    classified as a whole. Tables are ``"classes"``, the most probable first, and ``"similar"``,
    the most similar training images.

    Parameters
    ----------
    classes : tuple of str
        All classes, in the order of the model.
    probabilities : (classes,) array
        They sum to one. Window by window: the mean over the windows that show something.
    windows : int
        Number of windows; 1 for an image that is classified as a whole.
    shares : (classes,) array, optional
        Fraction of windows won by each class; None for a whole image.
    prediction_set : tuple of str
        Classes of the conformal prediction set at the requested coverage; empty without
        calibration.
    unknown : bool
        Whether the image is out of the distribution of the training images.
    spread : (classes,) array, optional
        Standard deviation of the probabilities over rotated and mirrored views.
    similar : tuple of dict
        Nearest training images: ``name``, ``class``, ``distance`` and ``thumbnail``.
    thresholds : mapping
        Class → threshold on its probability; empty where the most probable class decides.
    decided : str
        The class by these thresholds, or ``"none above its threshold"``.
    means : str
        Name of the probabilities in tables; ``"score_of_view"`` if not those of `classify`.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray
    windows: int = 1
    shares: np.ndarray | None = None
    prediction_set: tuple[str, ...] = ()
    unknown: bool = False
    spread: np.ndarray | None = None
    similar: tuple[Mapping[str, Any], ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    decided: str = ""
    means: str = "probability"

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.classes[int(np.argmax(self.probabilities))]

    @property
    def verdict(self) -> str:
        """The most probable class, that by the thresholds, or ``"unknown"``."""
        return "unknown" if self.unknown else self.decided or self.label

    @property
    def row(self) -> dict[str, Any]:
        """The prediction as one row of a table of many images."""
        # the sort is stable: a class that the thresholds decide for comes first
        ranked = sorted(self.top(len(self.classes)), key=lambda one: one[0] != self.decided)
        (_, probability), (second, after) = ranked[:2]
        return {
            "verdict": self.verdict, self.means: probability,
            "prediction_set": ", ".join(self.prediction_set), "second": f"{second} {after:.1%}",
            "distance": self.facts.get("distance", np.nan), "windows": self.windows,
        }  # fmt: skip

    def top(self, count: int = 3) -> list[tuple[str, float]]:
        """Return the `count` most probable classes with their probabilities."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.classes[i], float(self.probabilities[i])) for i in order]

    def _all_tables(self) -> dict[str, pd.DataFrame]:
        import pandas as pd

        limits, likely = self.thresholds, self.prediction_set
        columns = {
            "class": self.classes, self.means: self.probabilities, "spread": self.spread,
            "threshold": [limits[name] for name in self.classes] if limits else None,
            "prediction_set": [name in likely for name in self.classes] if likely else None,
            "share_of_windows": self.shares,
        }  # fmt: skip
        order = np.argsort(-self.probabilities, kind="stable")
        kept = {k: [v[i] for i in order] for k, v in columns.items() if v is not None}
        tables = {"classes": pd.DataFrame(kept)}
        if self.similar:
            shown = ("name", "class", "distance")
            tables["similar"] = pd.DataFrame({k: [one[k] for one in self.similar] for k in shown})
        return tables


def prediction_of(result: Result) -> Prediction | None:
    """Return the prediction that a result is or carries."""
    return result if isinstance(result, Prediction) else result.prediction


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Audit(Result):
    """What was found in labelled images before a training.

    Tables are ``"classes"``, ``"formats"``, ``"duplicates"`` and ``"skipped"``.

    Parameters
    ----------
    pictures : mapping
        Name and (96, 96) uint8 picture of some images, by class.
    """

    pictures: Mapping[str, tuple[tuple[str, np.ndarray], ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Evaluation(Result):
    """Performance of a classifier on images it was not trained on.

    Tables are ``"summary"``, ``"classes"``, ``"confusion"``, ``"images"``, and those given.

    Parameters
    ----------
    classes : tuple of str
        In the order of the model.
    images : DataFrame
        One row per image: ``name``, ``group``, ``label``, ``predicted``, ``probability`` and
        ``p_CLASS`` of every class.
    summary : DataFrame
        ``metric``, ``value`` and the limits ``low`` and ``high`` of its 95 % confidence interval.
    per_class : DataFrame
        ``class``, ``images``, and precision, recall and f1 with their intervals.
    confusion : (classes, classes) int array
        Rows are true, columns predicted.
    independent : int
        Number of groups of images that are independent of each other.
    thumbnails : mapping
        Small version of every image, by name; empty where the training keeps them.
    operating_point : DataFrame, optional
        ``class``, ``threshold``, and the true and false positive rates of these images (``tpr``,
        ``fpr``) with their intervals.
    robustness : DataFrame, optional
        Accuracy with added noise and blur, one row a level.
    """

    classes: tuple[str, ...]
    images: pd.DataFrame
    summary: pd.DataFrame
    per_class: pd.DataFrame
    confusion: np.ndarray
    independent: int = 0
    thumbnails: Mapping[str, np.ndarray] = field(default_factory=dict)
    operating_point: pd.DataFrame | None = None
    robustness: pd.DataFrame | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """(n, classes), in the order of `classes`."""
        return self.images[[f"p_{name}" for name in self.classes]].to_numpy()

    @property
    def targets(self) -> np.ndarray:
        """(n,) indices of the true classes."""
        return np.array([self.classes.index(label) for label in self.images["label"]])

    def value(self, metric: str) -> float:
        """Return one number of the summary, such as ``"accuracy"``."""
        return float(self.summary["value"].to_numpy()[list(self.summary["metric"]).index(metric)])

    def _all_tables(self) -> dict[str, pd.DataFrame]:
        import pandas as pd

        confusion = pd.DataFrame(self.confusion, columns=list(self.classes))
        confusion.insert(0, "true", list(self.classes))
        tables = {
            "summary": self.summary, "classes": self.per_class, "confusion": confusion, "images":
            self.images, "operating_point": self.operating_point, "robustness": self.robustness,
        }  # fmt: skip
        return {name: table for name, table in tables.items() if table is not None}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TrainedModel(Result):
    """A trained classifier.

    Tables are those of the evaluation, ``"split"`` and ``"skipped"``.

    Parameters
    ----------
    model : checkpoint.Model
        Network, card and reference features of the training images; `checkpoint.save` writes it.
    evaluation : Evaluation
        On the test part, or by cross-validation.
    split : DataFrame
        ``name``, ``label``, ``group`` and ``part`` of every image.
    history : DataFrame
        Loss and accuracy by epoch.
    skipped : DataFrame
        ``name`` and ``reason`` of the images that could not be used.
    thumbnails : mapping
        Small version of every image, by name.
    validation : Evaluation, optional
        On the images that the model was chosen and calibrated with; None where those are the
        images of the test.
    checkpoints : tuple of checkpoint.Model
        The best epochs and the last one; their cards state epoch and rank.
    architecture : DataFrame, optional
        Layers of the network with shapes and numbers of parameters, from `nets.layers`.
    """

    model: Any
    evaluation: Evaluation
    split: pd.DataFrame
    history: pd.DataFrame
    skipped: pd.DataFrame
    thumbnails: Mapping[str, np.ndarray] = field(default_factory=dict)
    validation: Evaluation | None = None
    checkpoints: tuple[Any, ...] = ()
    architecture: pd.DataFrame | None = None

    def _all_tables(self) -> dict[str, pd.DataFrame]:
        return {**self.evaluation.tables, "split": self.split, "skipped": self.skipped}
