"""Parts to train, validate and test with, such that nothing of a group is in two of them."""

from __future__ import annotations

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
    count = int(targets.max()) + 1
    wanted = [name for name, share in (("test", test), ("validation", validation)) if share > 0]
    names, member = np.unique(groups.astype(str), return_inverse=True)
    held = np.zeros((len(names), count))
    np.add.at(held, (member, targets), 1)
    there = (held > 0).sum(axis=0)
    if (there < len(wanted) + 1).any():
        least = int(there.argmin())
        raise ValueError(
            f"class number {least + 1} has too few groups to be in every part; add specimens, or "
            "use cross-validation"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    part_of = np.full(len(names), "train", dtype="U10")
    total = held.sum(axis=0)
    for number, name in enumerate(wanted):
        share = test if name == "test" else validation
        _fill(held, total * share, part_of, name, order, reserve=len(wanted) - number)
    return part_of[member]


def _fill(
    held: np.ndarray, wanted: np.ndarray, part_of: np.ndarray, name: str, order: np.ndarray,
    reserve: int,
) -> None:  # fmt: skip
    """Move groups into a part in random order where that brings its classes nearer to their shares.

    `reserve` groups of every class stay for the parts that are still to be filled.
    """
    found = np.zeros_like(wanted)
    near = np.maximum(wanted, 1e-9)
    mine = held[order] > 0

    def gains(which: np.ndarray) -> np.ndarray:
        """How much nearer each group would bring the part to its shares; -1: it must stay."""
        free = part_of[order] == "train"
        left = mine[free].sum(axis=0)
        allowed = free[which] & ~(mine[which] & (left - 1 < reserve)).any(axis=1)
        before = (np.abs(found - wanted) / near).sum()
        gain = before - (np.abs(found + held[order[which]] - wanted) / near).sum(axis=1)
        return np.where(allowed, gain, -np.inf)

    # the first that fits, not the one that fits best: else the largest are always tested
    for k in range(len(order)):
        if gains(np.array([k]))[0] > 1e-9:
            part_of[order[k]] = name
            found += held[order[k]]
    # small classes are still missing where all their groups are larger than their share
    while (found == 0).any():
        every = np.arange(len(order))
        gain = gains(every)
        gain += np.where(np.isfinite(gain), 1e6 * (mine & (found == 0)).sum(axis=1), 0)
        best = int(np.argmax(gain))
        if gain[best] < 1e5:
            return
        part_of[order[best]] = name
        found += held[order[best]]


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
