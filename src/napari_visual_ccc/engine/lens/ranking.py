"""Ranks of the channels of a layer, and those that tell nothing new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

RankBy = Literal["variance", "sparsity", "class AUC", "mask correlation"]

# a channel that varies less, relative to its largest value, is dead
_CONSTANT = 1e-6

# correlation above which a channel repeats another
DUPLICATE = 0.99

# cells from which correlations and AUC are computed; an even sample of them above
_SAMPLED = 1 << 14


@dataclass(frozen=True, eq=False)
class Ranked:
    """Channels of a layer, the first rank first.

    Parameters
    ----------
    order : (n,) int array
        Numbers of the channels that are left.
    table : DataFrame
        ``rank``, ``channel`` and their scores.
    dead, duplicates : int
        Number of channels that were dropped.
    """

    order: np.ndarray
    table: pd.DataFrame
    dead: int
    duplicates: int

    @property
    def note(self) -> str:
        """What was dropped, in words."""
        return (
            f"{self.dead} dead (constant) and {self.duplicates} duplicate channels (|r| > "
            f"{DUPLICATE}) were dropped; {len(self.order)} are left"
        )


def rank_channels(maps: np.ndarray, by: RankBy, labels: np.ndarray | None = None) -> Ranked:
    """Rank the channels of a layer.

    Parameters
    ----------
    maps : (C, h, w) array
        One map a channel.
    by : {'variance', 'sparsity', 'class AUC', 'mask correlation'}
        What ranks them.
    labels : (k, h, w) array, optional
        Share of every cell that each of k labels covers.

    Raises
    ------
    ValueError
        If labels are needed and there are none, or all channels are dead.
    """
    import pandas as pd

    flat = maps.reshape(len(maps), -1).astype(np.float64)
    scores = _scores(flat)
    if labels is not None:
        scores |= _of_labels(flat, labels.reshape(len(labels), -1))
    elif by in ("class AUC", "mask correlation"):
        raise ValueError(f"rank_by is {by!r}, which needs labels: choose a Labels layer")
    live = np.sqrt(scores["variance"]) > _CONSTANT * np.maximum(np.abs(flat).max(axis=1), 1e-30)
    if not live.any():
        raise ValueError("every channel of this layer is constant on this image; choose another")
    column = {"class AUC": "auc", "mask correlation": "correlation"}.get(by, by)
    height = scores[column]
    # separation and correlation count in both directions
    strength = {"auc": np.abs(height - 0.5), "correlation": np.abs(height)}.get(column, height)
    order = np.argsort(-np.nan_to_num(strength, nan=-np.inf), kind="stable")
    order = order[live[order]]
    kept = _without_duplicates(flat, order)
    table = pd.DataFrame({name: values[kept] for name, values in scores.items()})
    table.insert(0, "channel", kept)
    table.insert(0, "rank", np.arange(1, len(kept) + 1))
    return Ranked(kept, table, int((~live).sum()), len(order) - len(kept))


def _scores(flat: np.ndarray) -> dict[str, np.ndarray]:
    power = (flat**2).mean(axis=1)
    return {
        "variance": flat.var(axis=1),
        # Rolls & Tovee, J. Neurophysiol. 73 (1995) 713: 0 where all cells are alike
        "sparsity": 1 - np.abs(flat).mean(axis=1) ** 2 / np.maximum(power, 1e-30),
        "mean": flat.mean(axis=1),
        "maximum": flat.max(axis=1),
    }


def _of_labels(flat: np.ndarray, shares: np.ndarray) -> dict[str, Any]:
    """Correlation with what is labelled, and the AUC of the label that a channel tells best."""
    covered = shares.sum(axis=0)
    found: dict[str, Any] = {"correlation": _correlation(flat, covered)}
    some = _sample(flat.shape[1])
    labelled = covered[some] > 0.5
    # of several classes each is compared with the others; of one with the rest of the image
    several = len(shares) > 1
    inside = some[labelled] if several else some
    if not len(inside):
        raise ValueError("the labels cover no cell of this layer: label larger regions")
    best, label = np.full(len(flat), 0.5), np.zeros(len(flat), int)
    ranks = _ranks(flat[:, inside])
    for k, share in enumerate(shares):
        mine = share[inside] > 0.5
        if not mine.any() or mine.all():
            continue
        count, others = int(mine.sum()), int((~mine).sum())
        auc = (ranks[:, mine].sum(axis=1) - count * (count + 1) / 2) / (count * others)
        better = np.abs(auc - 0.5) > np.abs(best - 0.5)
        best, label = np.where(better, auc, best), np.where(better, k + 1, label)
    return {**found, "auc": best, "auc_label": label}


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return rankdata(values, axis=1)


def _correlation(flat: np.ndarray, with_: np.ndarray) -> np.ndarray:
    centred, other = flat - flat.mean(axis=1, keepdims=True), with_ - with_.mean()
    size = np.sqrt((centred**2).sum(axis=1) * (other**2).sum())
    return np.divide(centred @ other, size, out=np.zeros(len(flat)), where=size > 0)


def _sample(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, _SAMPLED)).round().astype(int))


def _without_duplicates(flat: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Drop channels that correlate with one of a better rank."""
    values = flat[np.ix_(order, _sample(flat.shape[1]))]
    values = values - values.mean(axis=1, keepdims=True)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-30)
    alike = np.abs(values @ values.T) > DUPLICATE
    kept: list[int] = []
    free = np.ones(len(order), bool)
    for number in range(len(order)):
        if free[number]:
            kept.append(number)
            free[number + 1 :] &= ~alike[number, number + 1 :]
    return order[kept]
