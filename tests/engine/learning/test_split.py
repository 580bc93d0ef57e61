from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_visual_ccc.core.dataset import Dataset, missing_classes, shared_groups
from napari_visual_ccc.engine.learning.split import folds, holdout, partition
from tests.engine.learning.prepared import made, recipe, striped

PARTS = ("train", "validation", "test")


def specimens(sizes_by_class):
    """Targets and groups: so many images of so many specimens of each class."""
    targets, groups = [], []
    for k, sizes in enumerate(sizes_by_class):
        for number, size in enumerate(sizes):
            targets += [k] * size
            groups += [f"{k}-{number}"] * size
    return np.array(targets), np.array(groups)


def shares(parts):
    return {name: float((parts == name).mean()) for name in PARTS}


SPECIMENS = st.lists(
    st.lists(st.integers(1, 8), min_size=12, max_size=16), min_size=2, max_size=3
).map(specimens)


@settings(max_examples=settings.default.max_examples // 2)
@given(SPECIMENS, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_no_group_is_in_two_parts_and_every_class_in_all(data, seed, random):
    targets, groups = data
    order = list(range(len(targets)))
    random.shuffle(order)
    targets, groups = targets[order], groups[order]
    parts = holdout(targets, groups, validation=0.15, test=0.15, seed=seed)
    assert set(parts) == set(PARTS)
    for group in np.unique(groups):
        assert len(set(parts[groups == group])) == 1
    for part in PARTS:
        assert set(targets[parts == part]) == set(targets)


@given(SPECIMENS, st.integers(0, 1000), st.integers(0, 6).filter(lambda count: count != 1))
def test_folds_hold_out_every_image_once_and_divide_no_group(data, seed, count):
    targets, groups = data
    held_out = []
    for trained, held in folds(targets, groups, count=count, seed=seed):
        assert not set(groups[trained]) & set(groups[held])
        assert sorted([*trained, *held]) == list(range(len(targets)))
        assert set(targets[trained]) == set(targets)
        held_out += list(held)
    assert sorted(held_out) == list(range(len(targets)))


def test_large_specimens_are_not_always_tested():
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, 40, 40).tolist()
    targets, groups = specimens([sizes, sizes[::-1]])
    tested, each = [], []
    for seed in range(8):
        parts = holdout(targets, groups, validation=0.15, test=0.15, seed=seed)
        names, counts = np.unique(groups[parts == "test"], return_counts=True)
        tested.append(frozenset(names))
        each.append(counts.mean())
        assert 0.1 < (parts == "test").mean() < 0.2
    assert len(set(tested)) == 8
    assert np.mean(each) == pytest.approx(np.mean(sizes), rel=0.25)


def test_groups_that_hold_several_classes_are_not_divided():
    # as crops of all shapes from one micrograph
    rng = np.random.default_rng(0)
    targets, groups = rng.integers(0, 3, 300), rng.integers(0, 30, 300)
    parts = holdout(targets, groups, validation=0.2, test=0.2, seed=0)
    assert all(len(set(parts[groups == group])) == 1 for group in range(30))
    for trained, held in folds(targets, groups, count=5):
        assert not set(groups[trained]) & set(groups[held])


def test_the_seed_decides_the_split():
    targets, groups = specimens([[3] * 20, [2] * 20])
    split = [holdout(targets, groups, validation=0.2, test=0.2, seed=s) for s in (1, 1, 2)]
    np.testing.assert_array_equal(split[0], split[1])
    assert (split[0] != split[2]).any()
    again = [[list(held) for _, held in folds(targets, groups, seed=s)] for s in (1, 1, 2)]
    assert again[0] == again[1] != again[2]


@pytest.mark.parametrize(
    ("validation", "test"),
    [(0.15, 0.15), (0.1, 0.2), (0.05, 0.05), (0.25, 0.5), (0.1, 0.3), (0.2, 0.4), (0.3, 0.3)],
)
def test_shares_are_near_those_asked_for(validation, test):
    targets, groups = np.repeat([0, 1, 2], [100, 50, 30]), np.arange(180)
    parts = holdout(targets, groups, validation=validation, test=test, seed=0)
    asked = {"train": 1 - validation - test, "validation": validation, "test": test}
    for k in range(3):
        assert shares(parts[targets == k]) == pytest.approx(asked, abs=0.05)


def test_shares_are_near_those_asked_for_with_groups_of_unlike_size():
    rng = np.random.default_rng(0)
    targets, groups = specimens([rng.integers(1, 12, 40), rng.integers(1, 12, 40)])
    asked = {"train": 0.7, "validation": 0.15, "test": 0.15}
    for seed in range(3):
        parts = holdout(targets, groups, validation=0.15, test=0.15, seed=seed)
        for k in range(2):
            assert shares(parts[targets == k]) == pytest.approx(asked, abs=0.05)


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.2), (0.2, 0.0), (0.0, 0.0)])
def test_a_share_of_nothing_leaves_its_part_empty(validation, test):
    targets, groups = np.repeat([0, 1], 50), np.arange(100)
    parts = holdout(targets, groups, validation=validation, test=test, seed=0)
    found = shares(parts)
    assert (found["validation"] > 0, found["test"] > 0) == (validation > 0, test > 0)


def test_a_rare_class_is_in_every_part():
    targets, groups = np.repeat([0, 1], [90, 4]), np.arange(94)
    for seed in range(2):
        parts = holdout(targets, groups, validation=0.15, test=0.15, seed=seed)
        assert all((targets[parts == part] == 1).any() for part in PARTS)


def test_four_specimens_of_every_class_are_enough_for_three_parts():
    targets, groups = specimens([[5] * 4, [5] * 4, [5] * 4])
    parts = holdout(targets, groups, validation=0.15, test=0.15, seed=0)
    assert all(set(targets[parts == part]) == {0, 1, 2} for part in PARTS)


@pytest.mark.parametrize(
    "data",
    [
        specimens([[10] * 20, [10]]),
        specimens([[10] * 20, [10, 10]]),
        specimens([[10], [10]]),
        (np.array([0, 1] * 10), np.zeros(20, int)),
    ],
    ids=["one group of a class", "two groups of a class", "one of each", "one group of all"],
)
def test_too_few_groups_are_refused(data):
    with pytest.raises(ValueError, match="too few groups for all parts; add specimens"):
        holdout(*data, validation=0.15, test=0.15, seed=0)


def test_leave_one_group_out_holds_out_each_group_once():
    targets, groups = specimens([[3, 4, 2], [5, 1]])
    held_out = [set(groups[held]) for _, held in folds(targets, groups, count=0)]
    assert all(len(held) == 1 for held in held_out)
    assert set.union(*held_out) == set(groups)
    assert len(held_out) == 5


def test_there_are_no_more_folds_than_groups_of_a_class():
    targets, groups = specimens([[3] * 9, [5, 1, 4]])
    parts = list(folds(targets, groups, count=5))
    assert len(parts) == 3
    assert all(set(targets[held]) == {0, 1} for _, held in parts)


@pytest.mark.parametrize("count", [0, 5])
def test_a_class_of_one_group_cannot_be_cross_validated(count):
    targets, groups = specimens([[3] * 9, [20]])
    with pytest.raises(ValueError, match="a class has only one group; add a specimen"):
        next(folds(targets, groups, count=count))


# given parts --------------------------------------------------------------------------------------


def divided(parts, **more):
    """Stripes with given parts, prepared, and the recipe."""
    chosen = recipe(model="simple-cnn", **more)
    data = striped(count=len(parts) // 2, parts=parts)
    return made(chosen, data)[0], chosen


def test_given_parts_are_kept():
    parts = ["train"] * 3 + ["val", "test", "test"]
    prepared, chosen = divided(parts * 2)
    found = partition(prepared, chosen, needs_validation=True)
    wanted = ["validation" if part == "val" else part for part in parts * 2]
    assert found.parts.tolist() == wanted
    assert found.test.tolist() == [4, 5, 10, 11]
    assert found.tested_by == "holdout"
    assert "those of the data set" in found.notes[0]
    # a linear layer learns from the validation part too
    linear = partition(prepared, chosen, needs_validation=False)
    assert set(linear.parts) == {"train", "test"}
    assert linear.test.tolist() == found.test.tolist()


def test_a_validation_part_is_taken_from_the_training_part():
    prepared, chosen = divided((["train"] * 5 + ["test"]) * 2, validation=0.2)
    found = partition(prepared, chosen, needs_validation=True)
    assert found.test.tolist() == [5, 11]
    assert len(found.calibration) == 2
    assert any("20% of the training part" in note for note in found.notes)


def test_other_methods_do_not_use_given_parts():
    prepared, chosen = divided((["train"] * 4 + ["test"] * 2) * 2, split="k-fold")
    found = partition(prepared, chosen, needs_validation=True)
    assert found.tested_by == "k-fold"
    assert "parts that the data set states are not used" in found.notes[0]


def test_a_cross_validation_that_is_read_back_is_repeated():
    data = striped(count=30, shape=(8, 8))
    chosen = recipe(model="simple-cnn")
    first = partition(made(chosen, data)[0], replace(chosen, split="k-fold"), True)
    again = Dataset(tuple(replace(one, part="cross-validated") for one in data.examples), "again")
    found = partition(made(chosen, again)[0], chosen, needs_validation=True)
    assert found.tested_by == "k-fold"
    assert "a cross-validation, which is repeated" in found.notes[0]
    for one, other in zip(first.folds, found.folds, strict=True):
        np.testing.assert_array_equal(one[1], other[1])
    # without that column so many images are tested by a holdout
    assert partition(made(chosen, data)[0], chosen, True).tested_by == "holdout"


def test_the_same_pixels_in_two_folds_are_named():
    data = striped(count=4)
    copies = [replace(data.examples[0], name=f"copy {k}", group=f"G{k}") for k in range(4)]
    chosen = recipe(model="simple-cnn", split="k-fold")
    prepared, _ = made(chosen, Dataset((*data.examples, *copies), "copies"))
    (note,) = (n for n in partition(prepared, chosen, True).notes if "the same pixels" in n)
    assert "image 1 (fold " in note
    assert all(f"copy {k} (fold" in note for k in range(4))
    together = [replace(one, group="image 1") for one in copies]
    prepared, _ = made(chosen, Dataset((*data.examples, *together), "copies"))
    assert not any("the same pixels" in n for n in partition(prepared, chosen, True).notes)


def test_groups_in_two_parts_and_classes_without_training_images_are_named():
    assert "2 groups, such as S1, are in the test part" in shared_groups(
        ["S1", "S2", "S3", "S1", "S2"], ["train", "train", "validation", "test", "test"]
    )[0]  # fmt: skip
    (note,) = shared_groups(["S1", "S1", "S2"], ["train", "validation", "validation"])
    assert "1 group, such as S1, is in the parts train and validation" in note
    assert len(shared_groups(["S1"] * 3, PARTS)) == 2
    assert shared_groups(["S1", "S1", "S2"], ["train", "train", "test"]) == []
    prepared, chosen = divided(["train"] * 4 + ["test"] * 4)
    with pytest.raises(ValueError, match="no image of steep is in the part train"):
        partition(prepared, chosen, needs_validation=True)


def test_classes_that_a_part_lacks_are_named():
    notes = missing_classes(list("ababa"), ["train", "train", "test", "validation", "test"])
    assert [note.partition(":")[0] for note in notes] == [
        "no image of a is in the part validation", "no image of b is in the part test"
    ]  # fmt: skip
    assert missing_classes(list("ab"), ["", ""]) == []
    prepared, chosen = divided(["train", "train", "val", "test", "train", "train", "train", "test"])
    found = partition(prepared, chosen, needs_validation=True)
    assert any("no image of steep is in the part validation" in note for note in found.notes)
    # that part is trained with
    linear = partition(prepared, chosen, needs_validation=False)
    assert not any("no image of" in note for note in linear.notes)


def test_one_specimen_in_training_is_validated_by_image():
    groups = [*["S1"] * 5, "S2", *["S3", "S4", "S5", "S6", "S7"], "S8"]
    chosen = recipe(model="simple-cnn", validation=0.3)
    data = striped(parts=(["train"] * 5 + ["test"]) * 2, groups=groups)
    found = partition(made(chosen, data)[0], chosen, needs_validation=True)
    assert any("divided by image because there is only one group of flat" in n for n in found.notes)
    assert any("1 group, such as S1, is in the parts train and v" in n for n in found.notes)
    assert set(found.parts[:5]) == set(found.parts[6:11]) == {"train", "validation"}
    # a linear layer needs no such part
    linear = partition(made(chosen, data)[0], chosen, needs_validation=False)
    assert not any("by image" in note or "groups, such as" in note for note in linear.notes)


def test_one_image_in_training_is_named():
    data = striped(parts=["train", *["test"] * 5, *["train"] * 5, "test"])
    chosen = recipe(model="simple-cnn")
    with pytest.raises(ValueError, match="flat has one image in the part train, and there is no"):
        partition(made(chosen, data)[0], chosen, needs_validation=True)
    none = recipe(model="simple-cnn", validation=0.0)
    assert not len(partition(made(none, data)[0], none, True).calibration)


@pytest.mark.case("S24")
@pytest.mark.parametrize("split", ["auto", "cross-validation", "leave-one-group-out", "holdout"])
@pytest.mark.parametrize("model", ["simple-cnn", "lite0-linear"])
def test_a_class_of_one_image_is_named_whatever_the_split(split, model):
    data = striped()
    labels = [one.label for one in data.examples]
    chosen = recipe(model=model, split=split)
    one = [k for k, label in enumerate(labels) if label != labels[0]][:1]
    kept = [k for k, label in enumerate(labels) if label == labels[0]] + one
    few = replace(data, examples=tuple(data.examples[k] for k in kept))
    with pytest.raises(ValueError, match=f"{labels[one[0]]} has only one image: add others"):
        partition(made(chosen, few)[0], chosen, needs_validation=model == "simple-cnn")


def test_a_class_with_too_few_groups_is_named():
    data = striped(groups=[*["S1"] * 6, *[f"T{k}" for k in range(6)]])
    chosen = recipe(model="simple-cnn", split="holdout")
    with pytest.raises(ValueError, match="flat has too few groups for all parts"):
        partition(made(chosen, data)[0], chosen, needs_validation=True)
