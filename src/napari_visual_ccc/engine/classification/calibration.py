"""How far a probability can be believed: temperature, calibration error, conformal sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Turn (..., classes) logits into probabilities, softened by a temperature."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return scaled / scaled.sum(axis=-1, keepdims=True)


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Find the temperature that makes probabilities of unseen images most likely.

    Guo et al., ICML 2017. One number, so it cannot change which class wins.

    Parameters
    ----------
    logits : (n, classes) array
        Of images the network was not trained on.
    targets : (n,) array
        Their classes.

    Returns
    -------
    float
        0.05 to 20. Images that were all named rightly would ask for boundless trust: a pseudo-count
        of one image with equal shares of all classes prevents it.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        chances = np.log(np.maximum(softmax(logits, np.exp(log_temperature)), 1e-300))
        wrong = -chances[np.arange(len(targets)), targets].sum()
        return float(wrong - chances.mean(axis=1).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def reliability(
    probabilities: np.ndarray, targets: np.ndarray, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare how sure a model was with how often it was right.

    Parameters
    ----------
    probabilities : (n, classes) array
        They add up to one.
    targets : (n,) array
        True classes.
    bins : int
        Equal steps of the winning probability.

    Returns
    -------
    confidence, accuracy, count : (bins,) arrays
        Means of each bin; NaN where it is empty.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [np.bincount(place, values, bins) / count for values in (confidence, right)]
    return means[0], means[1], count


def expected_calibration_error(
    probabilities: np.ndarray, targets: np.ndarray, bins: int = 10
) -> float:
    """Expected calibration error (Naeini et al., AAAI 2015): 0 is perfect."""
    confidence, accuracy, count = reliability(probabilities, targets, bins)
    there = count > 0
    gaps = np.abs(confidence[there] - accuracy[there])
    return float((gaps * count[there]).sum() / max(1, count.sum()))


def nonconformity_scores(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """One minus the probability of the true class, sorted: what conformal sets are made from."""
    return np.sort(1 - probabilities[np.arange(len(targets)), targets])


def prediction_set(
    probabilities: np.ndarray, scores: Sequence[float], level: float
) -> tuple[np.ndarray, bool]:
    """Give the classes that cannot be ruled out at a level.

    Split conformal prediction (Vovk et al. 2005; Sadinle et al., J. Am. Stat. Assoc. 114 (2019)
    223): over images like those of the validation part, the true class is in the set with at least
    this probability. Here approximately: images of one group are no independent draws, and the
    scores are those of fewer turned views than `classify` looks at.

    Parameters
    ----------
    probabilities : (classes,) array
        Of one image.
    scores : sequence of float
        `nonconformity_scores` of the validation images.
    level : float
        Such as 0.9.

    Returns
    -------
    inside : (classes,) bool array
        The most probable class is always in.
    enough : bool
        Whether there were validation images enough for this level; all classes are in if not.
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    rank = int(np.ceil((len(ordered) + 1) * level))
    inside = np.ones(len(probabilities), bool)
    if rank > len(ordered):
        return inside, False
    inside = 1 - probabilities <= ordered[rank - 1]
    inside[int(np.argmax(probabilities))] = True
    return inside, True


def thin_scores(scores: np.ndarray, most: int = 2000) -> list[float]:
    """Reduce nonconformity scores to some of their quantiles, rounded up: never too confident."""
    if len(scores) > most:
        scores = np.quantile(scores, np.linspace(0, 1, most), method="higher")
    return [float(np.ceil(score * 1e5) / 1e5) for score in scores]
