"""Parts to train, validate and test with, such that nothing of a group is in two of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

# a class with fewer images than this is tested by cross-validation
FEW = 30
FOLDS = 5


def holdout(
    targets: np.ndarray, groups: np.ndarray, *, validation: float, test: float, seed: int
) -> np.ndarray:
    """Divide images into three parts, each with the same shares of the classes.

    Parameters
    ----------
    targets : (n,) int array
        Classes.
    groups : (n,) array
        Specimen or parent image of each; a group is never divided.
    validation, test : float
        Shares of all images, each 0 to 0.5.
    seed : int
        Of the draw.

    Returns
    -------
    (n,) array of str
        ``"train"``, ``"validation"`` or ``"test"``.

    Raises
    ------
    ValueError
        If some class has too few groups to be in every part.
    """
    parts = np.full(len(targets), "train", dtype="U10")
    rest = np.ones(len(targets), bool)
    for name, share in (("test", test), ("validation", validation)):
        if share <= 0:
            continue
        left = np.flatnonzero(rest)
        taken = left[_fold(targets[left], groups[left], share * len(targets) / len(left), seed)]
        parts[taken] = name
        rest[taken] = False
    for name in {"train"} | {n for n, s in (("test", test), ("validation", validation)) if s > 0}:
        missing = np.setdiff1d(targets, targets[parts == name])
        if missing.size:
            raise ValueError(
                f"class number {missing[0] + 1} has too few groups to be in every part; "
                "add specimens, or use cross-validation"
            )
    return parts


def _fold(targets: np.ndarray, groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The fold, of several draws, in which the shares of the classes are nearest to those asked."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = int(np.clip(round(1 / share), 2, len(np.unique(groups))))
    wanted = np.bincount(targets) * share
    folds = []
    for draw in range(10):
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed * 1000 + draw)
        with warnings.catch_warnings():
            # a class with fewer groups than folds: judged below
            warnings.simplefilter("ignore", UserWarning)
            folds += [held for _, held in splitter.split(targets, targets, groups)]

    def distance(held: np.ndarray) -> float:
        found = np.bincount(targets[held], minlength=len(wanted))
        left = np.bincount(targets, minlength=len(wanted)) - found
        lost = 1e6 * ((found == 0).sum() + (left == 0).sum())
        return float(np.abs(found - wanted).sum() + lost)

    return min(folds, key=distance)


def folds(
    targets: np.ndarray, groups: np.ndarray, *, count: int = FOLDS, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the parts of a cross-validation: (trained with, held out) numbers, again and again.

    Parameters
    ----------
    targets, groups : (n,) arrays
        As `holdout`.
    count : int
        Of folds; 0 holds out one group at a time.
    seed : int
        Of the draw.

    Raises
    ------
    ValueError
        If a class has only one group: whatever is held out, nothing of it would be left.
    """
    from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold

    least = min(len(np.unique(groups[targets == k])) for k in np.unique(targets))
    if least < 2:
        raise ValueError("a class has only one group; add a specimen, or split by image")
    if count == 0:
        yield from LeaveOneGroupOut().split(targets, targets, groups)
        return
    splitter = StratifiedGroupKFold(max(2, min(count, least)), shuffle=True, random_state=seed)
    yield from splitter.split(targets, targets, groups)
