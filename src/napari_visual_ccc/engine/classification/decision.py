"""The class that an image is assigned to: the most probable one, or by thresholds."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from ...core.result import Prediction
    from ...nets.card import ModelCard

Decision = Literal["highest probability", "operating point"]

NONE = "none above its threshold"

# "cube=0.4, sphere = .7": a name may hold commas and signs of equality itself
_ONE = re.compile(r"\s*(?P<name>.+?)\s*=\s*(?P<value>[0-9.eE+-]+)\s*(?:[,;]|$)")


def thresholds_of(card: ModelCard, decision: Decision, given: str = "") -> np.ndarray | None:
    """Thresholds of the classes, in their order; None where the most probable class decides.

    Parameters
    ----------
    card : ModelCard
        Its operating point gives the thresholds that are not given.
    decision : {'highest probability', 'operating point'}
        How the class is decided.
    given : str
        Thresholds by class, such as ``"cube=0.4, sphere=0.7"``. With two classes one is enough:
        that of the other class is one minus it.

    Raises
    ------
    ValueError
        If `given` is not of this form or is not used, or a class has no threshold.
    """
    if decision == "highest probability":
        if given.strip():
            raise ValueError("thresholds are not used: choose decision='operating point'")
        return None
    chosen = _parsed(given, card.classes)
    if len(card.classes) == 2 and len(chosen) == 1:
        ((name, value),) = chosen.items()
        (other,) = (one for one in card.classes if one != name)
        chosen[other] = 1 - value
    known = {} if card.operating_point is None else card.operating_point.thresholds
    thresholds = {**known, **chosen}
    missing = [name for name in card.classes if name not in thresholds]
    if missing:
        raise ValueError(
            f"the model has no threshold for {', '.join(missing)}; give it, such as "
            f"thresholds='{missing[0]}=0.5'"
        )
    return np.array([thresholds[name] for name in card.classes])


def _parsed(given: str, classes: Sequence[str]) -> dict[str, float]:
    thresholds: dict[str, float] = {}
    place = 0
    while given[place:].strip():
        found = _ONE.match(given, place)
        if found is None:
            raise ValueError(f"thresholds are {given!r}; write them as {classes[0]}=0.5")
        name, value = found["name"], _number(found["value"])
        if name not in classes:
            raise ValueError(f"the model has no class {name!r}; it has {', '.join(classes)}")
        if not 0 <= value <= 1:
            raise ValueError(f"the threshold of {name} is {found['value']}; choose 0 to 1")
        thresholds[name] = value
        place = found.end()
    return thresholds


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def decide(probabilities: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Assign classes by thresholds: each class is judged against the rest.

    Of the classes whose probability reaches their threshold, the one that exceeds it most wins
    (the largest difference, the first one of equals). With two thresholds that add up to one,
    this is a single threshold on the second class, and there always is a class.

    Parameters
    ----------
    probabilities : (..., classes) array
        They sum to one.
    thresholds : (classes,) or (..., classes) array
        From `thresholds_of`, or those of each image.

    Returns
    -------
    (...) int array
        Indices of classes; -1 where none reaches its threshold.
    """
    if thresholds.shape[-1] == 2 and (np.abs(thresholds.sum(axis=-1) - 1) < 1e-9).all():
        # the same for both sides of the threshold, whatever the rounding of the difference
        return (probabilities[..., 1] >= thresholds[..., 1]).astype(int)
    excess = probabilities - thresholds
    return np.where((excess >= 0).any(axis=-1), excess.argmax(axis=-1), -1)


def worded(prediction: Prediction) -> str:
    """State a prediction in words: ``prediction: cube 59.1 %, sphere 40.2 %``.

    Scores of one view are named as such: they are no prediction.
    """
    text = ", ".join(f"{name} {100 * value:.1f} %" for name, value in prediction.top())
    if prediction.means != "probability":
        return f"score of one view, no prediction: {text}"
    text = f"{prediction.decided} at the operating point; {text}" if prediction.decided else text
    text = f"unknown; nearest {text}" if prediction.unknown else text
    windows = "" if prediction.windows == 1 else f" (mean of {prediction.windows} windows)"
    return f"prediction: {text}{windows}"


def name_of(index: int, classes: Sequence[str]) -> str:
    """Name of a class that `decide` gives."""
    return NONE if index < 0 else classes[index]
