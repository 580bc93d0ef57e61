"""Ranks of the channels of a layer, and those that tell nothing new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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

# share of a cell that a label covers somewhere: of less, its cells show something else
_COVERED = 0.25


class Cells(NamedTuple):
    """Cells of a layer, of one image or of several.

    Parameters
    ----------
    flat : (C, n) array
        Activations.
    shares : (k, n) array, optional
        Share of every cell that each of k labels covers.
    weight : (n,) array
        Number of cells that each stands for.
    """

    flat: np.ndarray
    shares: np.ndarray | None
    weight: np.ndarray


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
    remarks : tuple of str
        Labels that do not count, or count for little.
    """

    order: np.ndarray
    table: pd.DataFrame
    dead: int
    duplicates: int
    remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped, in words, and the remarks."""
        return (
            f"{self.dead} dead (constant) and {self.duplicates} duplicate channels (|r| > "
            f"{DUPLICATE}) were dropped; {len(self.order)} are left",
            *self.remarks,
        )


def has_value(maps: np.ndarray) -> np.ndarray:
    """Cells of (C, h, w) maps that are not NaN, as of an image with missing pixels: (h, w)."""
    return np.isfinite(maps[0])


def flat_cells(maps: np.ndarray) -> np.ndarray:
    """Cells of (C, h, w) maps that have a value: (C, n)."""
    there = has_value(maps)
    return maps.reshape(len(maps), -1) if there.all() else maps[:, there]


def cells_of(maps: np.ndarray, shares: np.ndarray | None = None) -> Cells:
    """Cells with a value of an image: (C, h, w) maps and (k, h, w) shares that labels cover."""
    flat = flat_cells(maps).astype(np.float64)
    covered = None if shares is None else shares[:, has_value(maps)]
    return Cells(flat, covered, np.ones(flat.shape[1]))


def thinned(cells: Cells, most: int) -> Cells:
    """Sample about `most` cells evenly, those of every label by themselves."""
    if cells.flat.shape[1] <= most:
        return cells
    owner = np.zeros(cells.flat.shape[1], int)
    if cells.shares is not None:
        # a cell belongs to the rarest of its labels, so that none is lost
        total = np.maximum((cells.shares * cells.weight).sum(axis=1, keepdims=True), 1e-30)
        owner = np.where(cells.shares.any(axis=0), (cells.shares / total).argmax(axis=0) + 1, 0)
    kinds = np.unique(owner)
    some, weights = [], []
    for kind in kinds:
        mine = np.flatnonzero(owner == kind)
        kept = mine[_even(len(mine), max(most // len(kinds), 64))]
        some.append(kept)
        weights.append(cells.weight[kept] * (cells.weight[mine].sum() / cells.weight[kept].sum()))
    places = np.concatenate(some)
    shares = None if cells.shares is None else cells.shares[:, places]
    return Cells(cells.flat[:, places], shares, np.concatenate(weights))


def joined(parts: Sequence[Cells]) -> Cells:
    """Cells of several images with the same channels and labels."""
    shares = [one.shares for one in parts if one.shares is not None]
    return Cells(
        np.concatenate([one.flat for one in parts], axis=1),
        np.concatenate(shares, axis=1) if shares else None,
        np.concatenate([one.weight for one in parts]),
    )


def rank_channels(cells: Cells, by: RankBy, names: Sequence[int] = ()) -> Ranked:
    """Rank the channels of a layer.

    Parameters
    ----------
    cells : Cells
        From `cells_of`.
    by : {'variance', 'sparsity', 'class AUC', 'mask correlation'}
        What ranks them.
    names : sequence of int
        The labels; by default they are counted from 1.

    Raises
    ------
    ValueError
        If labels are needed and there are none, or they cannot be separated from the rest, or all
        channels are dead.
    """
    import pandas as pd

    flat = cells.flat
    scores = _scores(cells)
    column = {"class AUC": "auc", "mask correlation": "correlation"}.get(by, by)
    remarks: list[str] = []
    if cells.shares is not None:
        found, remarks = _of_labels(cells, names or range(1, len(cells.shares) + 1))
        if column in ("auc", "correlation") and column not in found:
            raise ValueError(f"rank_by is {by!r}: {'; '.join(remarks)}")
        scores |= found
    elif column in ("auc", "correlation"):
        raise ValueError(f"rank_by is {by!r}, which needs labels: choose a Labels layer")
    live = np.sqrt(scores["variance"]) > _CONSTANT * np.maximum(np.abs(flat).max(axis=1), 1e-30)
    if not live.any():
        raise ValueError("every channel of this layer is constant on this image; choose another")
    height = scores[column]
    # separation and correlation count in both directions
    strength = {"auc": np.abs(height - 0.5), "correlation": np.abs(height)}.get(column, height)
    order = np.argsort(-np.nan_to_num(strength, nan=-np.inf), kind="stable")
    order = order[live[order]]
    kept = _without_duplicates(thinned(cells, _SAMPLED), order)
    table = pd.DataFrame({name: values[kept] for name, values in scores.items()})
    table.insert(0, "channel", kept)
    table.insert(0, "rank", np.arange(1, len(kept) + 1))
    return Ranked(kept, table, int((~live).sum()), len(order) - len(kept), tuple(remarks))


def _scores(cells: Cells) -> dict[str, np.ndarray]:
    flat, weight = cells.flat, cells.weight / cells.weight.sum()
    mean = flat @ weight
    return {
        "variance": (flat - mean[:, None]) ** 2 @ weight,
        # Rolls & Tovee, J. Neurophysiol. 73 (1995) 713: 0 where all cells are alike
        "sparsity": 1 - (np.abs(flat) @ weight) ** 2 / np.maximum(flat**2 @ weight, 1e-30),
        "mean": mean,
        "maximum": flat.max(axis=1),
    }


def _of_labels(cells: Cells, names: Sequence[int]) -> tuple[dict[str, Any], list[str]]:
    """Correlation with what is labelled, and the AUC of the label that a channel tells best.

    Both count a cell by the share of it that is labelled. A score that the labels do not allow is
    left out; the remarks say why.
    """
    assert cells.shares is not None
    most = cells.shares.max(axis=1)
    seen = most >= _COVERED
    remarks = [_remark(int(name), share) for name, share in zip(names, most, strict=True)]
    remarks = [text for text in remarks if text]
    found: dict[str, Any] = {}
    if not seen.any():
        few = f"the labels cover no cell of this layer (at most {most.max():.0%} of one)"
        return {}, [f"{few}: label larger regions, or choose a layer of smaller cells"]
    covered = cells.shares[seen].sum(axis=0)
    if np.ptp(covered) > 0:
        found["correlation"] = _correlation(cells, covered)
    else:
        remarks.append("the labels cover the whole image, so nothing correlates with them")
    some = thinned(cells, _SAMPLED)
    assert some.shares is not None
    auc, apart = _auc(some, seen)
    if not apart.any():
        remarks.append("the label covers the whole image: leave the rest unlabelled, or label it 2")
        return found, remarks
    # the label that stands out most; 0 where none does
    strength = np.where(apart[None], np.abs(auc - 0.5), -1)
    best = strength.argmax(axis=1)
    found["auc"] = auc[np.arange(len(auc)), best]
    found["auc_label"] = np.where(strength.max(axis=1) > 0, np.asarray(names)[best], 0)
    return found, remarks


def _remark(name: int, share: float) -> str:
    if share < _COVERED:
        return (
            f"label {name} is not compared: it covers at most {share:.0%} of a cell; label larger "
            "regions, or choose a layer of smaller cells"
        )
    if share <= 0.5:
        return f"label {name} covers at most {share:.0%} of a cell: what lies beside it counts too"
    return ""


def _auc(cells: Cells, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area under the ROC curve of each channel for each label: (C, k), and where there is one.

    Every cell counts in a label as much as it is covered by it. Of several labels each is compared
    with the others, one label with the rest of the image.
    """
    assert cells.shares is not None
    inside = cells.shares * cells.weight * seen[:, None]
    everything = inside.sum(axis=0) if len(inside) > 1 else cells.weight
    some = everything > 0
    inside, everything = inside[:, some], everything[some]
    mine = inside.sum(axis=1)
    others = everything.sum() - mine
    apart = (mine > 0) & (others > 1e-9 * mine)
    below = np.empty((len(cells.flat), len(everything)))
    for channel, values in enumerate(cells.flat[:, some]):
        _, place = np.unique(values, return_inverse=True)
        steps = np.bincount(place, everything)
        below[channel] = (steps.cumsum() - steps / 2)[place]
    # of pairs of cells of the label itself, half count as above
    above = below @ inside.T - mine**2 / 2
    return np.divide(above, mine * others, out=np.full(above.shape, 0.5), where=apart), apart


def _correlation(cells: Cells, with_: np.ndarray) -> np.ndarray:
    weight = cells.weight / cells.weight.sum()
    centred = cells.flat - (cells.flat @ weight)[:, None]
    other = with_ - with_ @ weight
    size = np.sqrt((centred**2 @ weight) * (other**2 @ weight))
    product = centred @ (other * weight)
    return np.divide(product, size, out=np.zeros(len(cells.flat)), where=size > 0)


def _even(count: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _without_duplicates(cells: Cells, order: np.ndarray) -> np.ndarray:
    """Drop channels that correlate with one of a better rank."""
    values, weight = cells.flat[order], cells.weight / cells.weight.sum()
    values = (values - (values @ weight)[:, None]) * np.sqrt(weight)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-30)
    alike = np.abs(values @ values.T) > DUPLICATE
    kept: list[int] = []
    free = np.ones(len(order), bool)
    for number in range(len(order)):
        if free[number]:
            kept.append(number)
            free[number + 1 :] &= ~alike[number, number + 1 :]
    return order[kept]
