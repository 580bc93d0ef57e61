"""Evaluations of classifiers with known answers."""

from __future__ import annotations

import numpy as np

from napari_visual_ccc.core.result import Evaluation
from napari_visual_ccc.engine.evaluation.metrics import evaluation
from napari_visual_ccc.engine.evaluation.operating_point import at
from napari_visual_ccc.engine.evaluation.robustness import (
    NOT_DEGRADED,
    degradations,
    robustness_table,
)


def evaluated(said, truth, classes, sure=0.9, **more) -> Evaluation:
    """Evaluate answers that all are given with the same certainty."""
    said, count = np.asarray(said), len(classes)
    probabilities = np.full((len(said), count), (1 - sure) / (count - 1))
    probabilities[np.arange(len(said)), said] = sure
    return evaluation(classes, probabilities, np.asarray(truth), **more)


def two(groups: int = 4, **more) -> Evaluation:
    """Twenty images, of which two of the first class are taken for the second."""
    truth = np.repeat([0, 1], 10)
    said = truth.copy()
    said[:2] = 1
    names = [f"image_{k}.tif" for k in range(20)]
    of = [f"specimen {k % groups}" for k in range(20)]
    return evaluated(said, truth, ["cube", "sphere"], names=names, groups=of, **more)


def ten() -> Evaluation:
    rng = np.random.default_rng(0)
    truth = np.arange(200) % 10
    logits = rng.normal(size=(200, 10))
    logits[np.arange(200), truth] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = ["Films_Coated_Surface", *(f"Class_{k}" for k in range(9))]
    return evaluation(names, probabilities, truth)


CASES = {
    "two": two,
    "ten": ten,
    "perfect": lambda: evaluated([0, 1, 2] * 5, [0, 1, 2] * 5, "abc"),
    "missing": lambda: evaluated([0, 1, 0, 1], [0, 1, 1, 1], ["here", "there", "never"]),
    "one image": lambda: evaluated([0], [0], ["only", "other"]),
    "all wrong": lambda: evaluated([1, 0, 1, 0], [0, 1, 0, 1], "ab"),
}


def pointed(evaluation: Evaluation, here: bool = False) -> Evaluation:
    """Add the operating point of equal thresholds for two classes."""
    thresholds = dict.fromkeys(evaluation.classes, 0.5)
    return at(evaluation, thresholds, "validation part", here=here)


def robust() -> Evaluation:
    """Ten images with two levels of noise and one of blur."""
    truth = np.arange(10) % 2
    levels = (NOT_DEGRADED, *degradations("0.1, 0.2", "", "2", "nm"))
    right = np.where(np.eye(2)[truth] > 0, 0.9, 0.1)
    chances = np.stack([right] * 4, axis=1)
    for level, wrong in enumerate((0, 1, 5, 1)):
        chances[:wrong, level] = chances[:wrong, level, ::-1]
    groups = [f"specimen {k}" for k in range(10)]
    table = robustness_table(levels, chances, None, truth, groups)
    return evaluation(["a", "b"], right, truth, groups=groups, robustness=table)
