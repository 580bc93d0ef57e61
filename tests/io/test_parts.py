"""Which folders of a data set are its parts."""

from __future__ import annotations

import pytest

from napari_visual_ccc.io.datasets import load
from napari_visual_ccc.io.parts import inner_parts, part_in, parts_of
from tests.io.test_folders import picture


@pytest.mark.parametrize(
    ("name", "part"),
    [("set_train", "train"), ("TrainSet", "train"), ("my train", "train"),
     ("val2017", "validation"), ("test-1", "test"), ("2024_test_v2", "test"), ("TESTING", "test"),
     ("tested", ""),
     ("trained_net", ""), ("latest", ""), ("contest", ""), ("train_test", ""), ("evaluated", "")],
)  # fmt: skip
def test_a_whole_word_of_a_name_is_a_part(name, part):
    assert part_in(name) == part


@pytest.mark.parametrize(
    "names", [("set_train", "set_test"), ("my_train", "my_val", "my_test"), ("train1", "test1"),
              ("Fe-training", "Fe-testing"), ("train_a", "train_b", "test_a"),
              ("train2017", "val2017"), ("imagesTrain", "imagesTest")],
)  # fmt: skip
@pytest.mark.parametrize("inside", [True, False])
def test_parts_are_known_by_a_word_of_their_names(tmp_path, names, inside):
    for name in names:
        for kind in ("cube", "rod"):
            for number in range(2):
                picture(tmp_path.joinpath(*((kind, name) if inside else (name, kind)),
                                          f"{name}{number}.png"))  # fmt: skip
    data = load(tmp_path)
    assert data.classes == ("cube", "rod")
    assert {"train"} < set(data.table["part"])
    assert len(set(data.table["group"])) == 4 * len(names)


def test_other_folders_beside_parts_of_the_same_classes_are_named(tmp_path):
    for place in ("my_train/cube", "my_train/rod", "my_test/cube", "my_test/rod", "raw"):
        picture(tmp_path / place / "a.png")
    data = load(tmp_path)
    assert data.classes == ("cube", "rod")
    assert ("raw", "not a part: train, validation or test") in data.skipped


@pytest.mark.parametrize("names", [("tested", "untested"), ("trained", "tested"),
                                   ("test_a", "test_b"), ("train", "bus"),
                                   ("attest", "constrain")])  # fmt: skip
def test_classes_with_such_letters_in_their_names_are_classes(tmp_path, names):
    for name in names:
        picture(tmp_path / name / "a.png")
    data = load(tmp_path)
    assert set(data.classes) == set(names)
    assert not data.notes


@pytest.mark.parametrize("names", [("cube_train", "rod_train", "cube_test", "rod_test"),
                                   ("set_train", "set_test"), ("trainset", "testset"),
                                   ("trn", "tst"), ("TRAINING", "VALIDATION"), ("dev", "eval"),
                                   ("train_images", "val_images"), ("train", "val", "test"),
                                   ("train2017", "val2017")])  # fmt: skip
def test_images_in_folders_named_like_parts_are_refused(tmp_path, names):
    for name in names:
        picture(tmp_path / name / "a.png")
    with pytest.raises(ValueError, match=r"parts of a data set.*train/cube"):
        load(tmp_path)


def test_classes_named_like_parts_beside_others_are_told(tmp_path):
    for name in ("train_station", "test_tube", "bus"):
        picture(tmp_path / name / "a.png")
    data = load(tmp_path)
    assert data.classes == ("bus", "test_tube", "train_station")
    assert "taken for classes" in data.notes[0]


def test_folds_with_parts_are_refused(tmp_path):
    for fold in ("fold_0", "fold_1"):
        for place in ("train/cube", "train/rod", "val/cube", "val/rod"):
            picture(tmp_path / fold / place / "a.png")
    with pytest.raises(ValueError, match="fold_0, fold_1 each hold parts"):
        load(tmp_path)
    data = load(tmp_path / "fold_0")
    assert data.classes == ("cube", "rod")
    assert inner_parts([tmp_path / "fold_0/train"]) == {}


def test_parts_of_several_folds_are_refused(tmp_path):
    for name in ("cv1_train", "cv1_val", "cv2_train", "cv2_val"):
        for label in ("cube", "rod"):
            (tmp_path / name / label).mkdir(parents=True)
    places = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match="several folds, which share images"):
        parts_of(places)
    # one test for two training parts shares none
    assert set(parts_of(places[:3]).values()) == {"train", "validation"}


@pytest.mark.parametrize("names", [("fold_1", "fold_2", "fold_3"), ("split0", "split1"),
                                   ("cv-a", "cv-b"), ("Fold 1 of 2", "Fold 2 of 2"),
                                   ("1st_fold", "2nd_fold"),
                                   ("fold1", "fold2", "test")])  # fmt: skip
def test_folds_of_images_are_no_classes(tmp_path, names):
    for name in names:
        picture(tmp_path / name / "a.png")
    with pytest.raises(ValueError, match="like folds of a cross-validation, not like classes"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("names", "like"),
    [(("calibration", "holdout"), "parts of"), (("seen", "unseen"), "parts of"),
     (("day_1", "day_7"), "sets, days"), (("set_A", "set_B"), "sets, days"),
     (("2026-01-01", "2026-01-02"), "sets, days"), (("fold_1", "flat"), ""),
     (("seen", "cube"), ""), (("split_ring", "disc"), ""), (("scaffold1", "scaffold2"), "")],
)  # fmt: skip
def test_classes_named_like_repetitions_are_told(tmp_path, names, like):
    for name in names:
        picture(tmp_path / name / "a.png")
    data = load(tmp_path)
    assert set(data.classes) == set(names)
    assert [f"named like {like}" in one for one in data.notes] == ([True] if like else [])
