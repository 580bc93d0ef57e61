"""Parts to train, validate and test with; a group is never divided between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...core.dataset import CROSS_VALIDATED, missing_classes, shared_groups
from ..screening.training_set import same_pixels

if TYPE_CHECKING:
    from ...nets.training.recipe import TrainingRecipe
    from .prepare import PreparedDataset

# a class with fewer images than this is tested by cross-validation
FEW = 30

FOLDS, _MOST_FOLDS = 5, 100

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Partition:
    """Which images are trained with, calibrated with and tested with.

    Parameters
    ----------
    parts : (n,) array of str
        ``"train"``, ``"validation"``, ``"test"`` or ``"cross-validated"``.
    groups : (n,) array
        Group of each image, as it was split by.
    train, calibration, test : int arrays
        Indices of images. With cross-validation an image is in all of them.
    folds : list of (trained with, held out)
        Empty without cross-validation.
    tested_by : {'holdout', 'k-fold', 'leave-one-group-out'}
        Method of the test.
    notes : tuple of str
        Messages for the user.
    """

    parts: np.ndarray
    groups: np.ndarray
    train: np.ndarray
    calibration: np.ndarray
    test: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]
    tested_by: str
    notes: tuple[str, ...]


def partition(
    prepared: PreparedDataset, recipe: TrainingRecipe, needs_validation: bool
) -> Partition:
    """Choose the method of the test, and divide the images.

    Parameters
    ----------
    prepared : PreparedDataset
        Classes and groups of the images.
    recipe : TrainingRecipe
        Method, shares and seed.
    needs_validation : bool
        Whether the learner stops early, on a validation part. Otherwise that part is trained with
        too, and cross-validation within the training part calibrates the model.

    Raises
    ------
    ValueError
        If the images cannot be divided in the way that the recipe asks for.
    """
    found = _divided(prepared, recipe, needs_validation)
    folds = [] if found.tested_by == "holdout" else [held_out for _, held_out in found.folds]
    return replace(found, notes=(*found.notes, *same_pixels(prepared, found.parts, folds)))


def _divided(
    prepared: PreparedDataset, recipe: TrainingRecipe, needs_validation: bool
) -> Partition:
    few = int(np.bincount(prepared.targets).min()) < FEW
    method, notes = recipe.split, []
    if prepared.parts is not None and (prepared.parts == CROSS_VALIDATED).all():
        if method == "auto":
            method, notes = "k-fold", ["the images are of a cross-validation, which is repeated"]
    elif prepared.parts is not None:
        if method == "auto":
            return _given(prepared, prepared.parts, recipe, needs_validation)
        notes = ["the parts that the data set states are not used"]
    if method == "auto":
        method = "k-fold" if few else "holdout"
        notes = [f"a class has fewer than {FEW} images: tested by cross-validation"] if few else []
    if method == "holdout":
        shares = {"validation": recipe.validation, "test": recipe.test}
        try:
            parts = holdout(
                prepared.targets, prepared.groups, **shares, seed=recipe.seed,
                classes=prepared.classes,
            )  # fmt: skip
        except ValueError as error:
            if recipe.split == "holdout":
                raise
            method, notes = "k-fold", [f"{error}: tested by cross-validation"]
        else:
            found = _held_out(prepared, parts, recipe.seed, needs_validation)
            return replace(found, notes=(*notes, *found.notes))
    return _cross_validated(prepared, method, recipe.seed, (*notes, _optimistic(needs_validation)))


def _given(
    prepared: PreparedDataset, parts: np.ndarray, recipe: TrainingRecipe, needs_validation: bool
) -> Partition:
    """Keep the parts of the data set; a missing validation part is taken from the training part."""
    train = np.flatnonzero(parts == "train")
    for number, name in enumerate(prepared.classes):
        if not (prepared.targets[train] == number).any():
            raise ValueError(f"no image of {name} is in the part train: there is nothing to learn")
    notes = ["the parts are those of the data set"]
    if needs_validation and "validation" not in parts and recipe.validation > 0:
        parts, note = _with_validation(prepared, parts, recipe)
        notes.append(note)
    found = _held_out(prepared, parts, recipe.seed, needs_validation)
    notes += shared_groups(prepared.groups.tolist(), found.parts.tolist())
    notes += missing_classes(prepared.table["label"].tolist(), found.parts.tolist())
    return replace(found, notes=(*notes, *found.notes))


def _with_validation(
    prepared: PreparedDataset, parts: np.ndarray, recipe: TrainingRecipe
) -> tuple[np.ndarray, str]:
    """Take the validation part from the training part, and say how."""
    train = np.flatnonzero(parts == "train")
    targets, groups = prepared.targets[train], prepared.groups[train]
    note = f"no part is for validation: {recipe.validation:.0%} of the training part validate"
    for name, count in zip(prepared.classes, np.bincount(targets), strict=True):
        if count < 2:
            raise ValueError(
                f"{name} has one image in the part train, and there is no part validation: add "
                "images or that part, or choose a fraction of 0 for it"
            )
    single = prepared.classes_of_one_group(train)
    if single:
        note += f", divided by image because there is only one group of {', '.join(single)} in it"
        groups = train
    parts = parts.astype("U10")
    parts[train] = holdout(targets, groups, validation=recipe.validation, test=0, seed=recipe.seed)
    return parts, note


def _cross_validated(
    prepared: PreparedDataset, method: str, seed: int, notes: tuple[str, ...]
) -> Partition:
    targets, groups = prepared.targets, prepared.groups
    everything = np.arange(len(targets))
    single = prepared.classes_of_one_group(everything)
    if single:
        note = "all images are of one group, so images of one specimen are in several parts and "
        note += "the test is optimistic for new specimens"
        notes = (f"{', '.join(single)}: {note}", *notes)
        groups = np.array(prepared.table["name"].tolist(), dtype=object)
    count = len(np.unique(groups.astype(str)))
    number = 0 if method == "leave-one-group-out" else FOLDS
    if number == 0 and count > _MOST_FOLDS:
        raise ValueError(
            f"leave-one-group-out would train {count} times, once per group; choose k-fold, or say "
            "which images are of one specimen (group)"
        )
    return Partition(
        np.full(len(targets), CROSS_VALIDATED),
        groups,
        everything,
        everything,
        everything,
        _folds_within(prepared, groups, everything, number, seed),
        method,
        notes,
    )


def _held_out(
    prepared: PreparedDataset, parts: np.ndarray, seed: int, needs_validation: bool
) -> Partition:
    train, validation, test = (np.flatnonzero(parts == name) for name in PARTS)
    found = Partition(parts, prepared.groups, train, validation, test, [], "holdout", ())
    if needs_validation:
        if len(test):
            return found
        note = "no test part: the metrics are of the validation images used for early stopping"
        return replace(found, test=validation, notes=(note,))
    notes = [
        "a linear layer needs no validation part: it is calibrated by cross-validation within "
        "the training part"
    ]
    train = np.flatnonzero(parts != "test")
    if not len(test):
        notes.append(_optimistic(needs_validation))
    return replace(
        found,
        parts=np.where(parts == "validation", "train", parts),
        train=train,
        calibration=train,
        test=test if len(test) else train,
        folds=_folds_within(prepared, prepared.groups, train, FOLDS, seed),
        tested_by="holdout" if len(test) else "k-fold",
        notes=tuple(notes),
    )


def _optimistic(needs_validation: bool) -> str:
    """Say what a cross-validation chooses on the images that it tests with."""
    if needs_validation:
        return "the temperature is chosen on the same folds: the calibration is slightly optimistic"
    return (
        "penalty and temperature are chosen on the same folds: the metrics are slightly optimistic"
    )


def _folds_within(
    prepared: PreparedDataset, groups: np.ndarray, images: np.ndarray, count: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of some images, by group where every class has two."""
    targets = prepared.targets
    if (alone := np.flatnonzero(np.bincount(targets[images]) == 1)).size:
        raise ValueError(f"{prepared.classes[alone[0]]} has only one image: add others of it")
    try:
        found = list(folds(targets[images], groups[images], count=count, seed=seed))
    except ValueError:
        found = list(folds(targets[images], images, count=count, seed=seed))
    return [(images[chosen], images[held_out]) for chosen, held_out in found]


def holdout(
    targets: np.ndarray, groups: np.ndarray, *, validation: float, test: float, seed: int,
    classes: Sequence[str] = (),
) -> np.ndarray:  # fmt: skip
    """Divide images into three parts with about the same proportions of classes.

    Parameters
    ----------
    targets : (n,) int array
        Class indices.
    groups : (n,) array
        Specimen or parent image of each image; a group is never divided.
    validation, test : float
        Fractions of all images, each 0 to 0.5.
    seed : int
        Seed of the random order of groups.
    classes : sequence of str, optional
        Names for messages.

    Returns
    -------
    (n,) array of str
        ``"train"``, ``"validation"`` or ``"test"``.

    Raises
    ------
    ValueError
        If a class has too few groups for all parts.
    """
    wanted = [name for name, share in (("test", test), ("validation", validation)) if share > 0]
    names, member = np.unique(groups.astype(str), return_inverse=True)
    counts = np.zeros((len(names), int(targets.max()) + 1))
    np.add.at(counts, (member, targets), 1)
    groups_with = (counts > 0).sum(axis=0)
    if (groups_with < len(wanted) + 1).any():
        rarest = int(groups_with.argmin())
        name = classes[rarest] if classes else f"class number {rarest + 1}"
        alone = counts.sum(axis=0)[rarest] == 1
        few = "too few groups for all parts; add specimens, or use cross-validation"
        raise ValueError(f"{name} has {'only one image: add others of it' if alone else few}")
    order = np.random.default_rng(seed).permutation(len(names))
    part_of = np.full(len(names), "train", dtype="U10")
    total = counts.sum(axis=0)
    for number, name in enumerate(wanted):
        share = test if name == "test" else validation
        _fill(counts, total * share, part_of, name, order, reserve=len(wanted) - number)
    return part_of[member]


def _fill(
    counts: np.ndarray, wanted: np.ndarray, part_of: np.ndarray, name: str, order: np.ndarray,
    reserve: int,
) -> None:  # fmt: skip
    """Move groups into a part, in random order, while that improves its proportions of classes.

    `reserve` groups of every class are left for the parts that are filled later.
    """
    filled = np.zeros_like(wanted)
    scale = np.maximum(wanted, 1e-9)
    has_class = counts[order] > 0

    def gains(which: np.ndarray) -> np.ndarray:
        """Improvement by each group; -inf where the group must stay."""
        free = part_of[order] == "train"
        left = has_class[free].sum(axis=0)
        allowed = free[which] & ~(has_class[which] & (left - 1 < reserve)).any(axis=1)
        before = (np.abs(filled - wanted) / scale).sum()
        gain = before - (np.abs(filled + counts[order[which]] - wanted) / scale).sum(axis=1)
        return np.where(allowed, gain, -np.inf)

    # the first group that fits, not the best one, or the largest groups were always tested
    for k in range(len(order)):
        if gains(np.array([k]))[0] > 1e-9:
            part_of[order[k]] = name
            filled += counts[order[k]]
    # a class is still missing where each of its groups is larger than its proportion
    while (filled == 0).any():
        every = np.arange(len(order))
        gain = gains(every)
        gain += np.where(np.isfinite(gain), 1e6 * (has_class & (filled == 0)).sum(axis=1), 0)
        best = int(np.argmax(gain))
        if gain[best] < 1e5:
            return
        part_of[order[best]] = name
        filled += counts[order[best]]


def folds(
    targets: np.ndarray, groups: np.ndarray, *, count: int = FOLDS, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the folds of a cross-validation: indices to train with, and those held out.

    Parameters
    ----------
    targets, groups : (n,) arrays
        As in `holdout`.
    count : int
        Number of folds; 0 holds out one group at a time.
    seed : int
        Seed of the folds.

    Raises
    ------
    ValueError
        If a class has only one group, which would leave none to train with.
    """
    from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold

    least = min(len(np.unique(groups[targets == k])) for k in np.unique(targets))
    if least < 2:
        raise ValueError("a class has only one group; add a specimen of it")
    if count == 0:
        yield from LeaveOneGroupOut().split(targets, targets, groups)
        return
    splitter = StratifiedGroupKFold(max(2, min(count, least)), shuffle=True, random_state=seed)
    yield from splitter.split(targets, targets, groups)
