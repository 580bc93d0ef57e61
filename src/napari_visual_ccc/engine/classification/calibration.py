"""Calibration of probabilities: temperature scaling, calibration error, prediction sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax of (..., classes) logits divided by a temperature."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return scaled / scaled.sum(axis=-1, keepdims=True)


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Fit the temperature of calibrated probabilities by maximum likelihood.

    Guo et al., ICML 2017. A single number, which does not change the predicted class.

    Parameters
    ----------
    logits : (n, classes) array
        Logits of images the network was not trained on.
    targets : (n,) array
        True classes.

    Returns
    -------
    float
        0.05 to 20. A pseudo-count of one image with equal shares of all classes keeps the
        temperature finite if all predictions are right.
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
    """Compute a reliability diagram: confidence and accuracy in bins of confidence.

    Parameters
    ----------
    probabilities : (n, classes) array
        They sum to one.
    targets : (n,) array
        True classes.
    bins : int
        Number of bins of equal width.

    Returns
    -------
    confidence, accuracy, count : (bins,) arrays
        Mean of each bin, NaN if it is empty, and number of images in it.
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
    """Expected calibration error (Naeini et al., AAAI 2015); 0 is perfect."""
    confidence, accuracy, count = reliability(probabilities, targets, bins)
    there = count > 0
    gaps = np.abs(confidence[there] - accuracy[there])
    return float((gaps * count[there]).sum() / max(1, count.sum()))


def nonconformity_scores(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """One minus the probability of the true class, sorted."""
    return np.sort(1 - probabilities[np.arange(len(targets)), targets])


# a class of this probability is never ruled out, whatever the coverage
_NEVER_RULED_OUT = 0.4


def prediction_set(
    probabilities: np.ndarray, scores: Sequence[float], coverage: float
) -> tuple[np.ndarray, bool]:
    """Compute prediction sets of images (split conformal prediction with a floor).

    Vovk et al. 2005; Sadinle et al., J. Am. Stat. Assoc. 114 (2019) 223. For images exchangeable
    with the validation images, the set contains the true class with at least the requested
    probability, on average over all classes. For an accurate model that would be the most probable
    class alone, also where the second one is nearly as probable. So a class stays in the set as
    well if its calibrated probability exceeds one minus the coverage, or 0.4: to rule it out
    would contradict that probability. Sets only grow by this. The guarantee is approximate here:
    images of one group are not independent, and the scores are computed with fewer augmented views
    than `classify` uses.

    Parameters
    ----------
    probabilities : (classes,) or (n, classes) array
        Calibrated probabilities of an image, or of several.
    scores : sequence of float
        `nonconformity_scores` of the validation images.
    coverage : float
        Requested probability, such as 0.9.

    Returns
    -------
    inside : bool array
        Members of the sets; the most probable class is always one.
    enough : bool
        Whether there are enough validation images; if not, the sets have all classes.
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    rank = int(np.ceil((len(ordered) + 1) * coverage))
    if rank > len(ordered):
        return np.ones(probabilities.shape, bool), False
    inside = 1 - probabilities <= ordered[rank - 1]
    # 1 - 0.9 is a little less than 0.1
    inside |= probabilities > min(1 - coverage, _NEVER_RULED_OUT) + 1e-9
    best = probabilities.argmax(axis=-1)[..., None]
    np.put_along_axis(inside, best, True, axis=-1)
    return inside, True


def thin_scores(scores: np.ndarray, most: int = 2000) -> list[float]:
    """Reduce nonconformity scores to some of their quantiles, rounded up: never too confident."""
    if len(scores) > most:
        scores = np.quantile(scores, np.linspace(0, 1, most), method="higher")
    return [float(np.ceil(score * 1e5) / 1e5) for score in scores]
