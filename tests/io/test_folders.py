"""Which files and folders of a data set are images, classes and parts."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from napari_visual_ccc.io.datasets import load, unlabelled
from napari_visual_ccc.io.folders import (
    aside,
    check_is_folder,
    is_class,
    own_results,
    same_image,
)
from napari_visual_ccc.io.parts import inner_parts
from napari_visual_ccc.io.read import read


def picture(path, size=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((size, size), np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for kind in ("dots", "stripe"):
        for number in range(3):
            picture(tmp_path / "data" / kind / f"im{number}.png")
    return tmp_path / "data"


@pytest.mark.case("E05b")
@pytest.mark.parametrize(
    "system",
    [
        "@eaDir",
        "@EADIR",
        "#recycle",
        "__MACOSX",
        ".thumbnails",
        "$RECYCLE.BIN",
        "@Recycle",
        "@tmp",
        "#snapshot",
        "@__thumb",
        "@Recently-Snapshot",
        "~snapshot",
        "System Volume Information",
        "FOUND.000",
        "RECYCLER",
        "Network Trash Folder",
        "lost+found",
        ".Trash-1000",
        ".ipynb_checkpoints",
        "_thumbs",
        "Thumbnail",
        "visual-ccc-output",
        ".AppleDouble",
    ],
)
def test_thumbnails_of_file_servers_are_no_images(folder, system):
    for path in list(folder.glob("*/*.png")):
        picture(path.parent / system / path.name / "SYNOFILE_THUMB_M.jpg", 4)
    picture(folder / system / "im0.png")
    data = load(folder)
    assert data.classes == ("dots", "stripe")
    assert len(data.examples) == 6
    assert len(set(data.table["group"])) == 6
    assert len(unlabelled(folder)) == 6
    assert not is_class(folder / system)


@pytest.mark.parametrize("name", ["@600C", "#1", "$5", "found", "thumb", "recycled", "tmp"])
def test_a_class_may_have_an_unusual_name(folder, name):
    picture(folder / name / "im0.png")
    assert name in load(folder).classes


@pytest.mark.parametrize(
    "name", ["results", "Output", "figures", "my_results", "results_2024-01", "masks", "Labels",
             "ground_truth", "old plots", "unlabelled", "Unlabeled", "to_label", "unsorted",
             "todo"],
)  # fmt: skip
def test_results_masks_and_what_has_no_class_is_no_class(folder, name):
    picture(folder / name / "im0.png")
    data = load(folder)
    assert data.classes == ("dots", "stripe")
    assert next(why for one, why in data.skipped if one == name).startswith("named like a folder")


@pytest.mark.parametrize(
    "name", ["output_stage", "mask defect", "figure-8", "logs of oak", "outer"]
)
def test_a_class_may_have_such_a_word_in_its_name(folder, name):
    picture(folder / name / "im0.png")
    assert (name in load(folder).classes) is (name != "figure-8")


def test_folders_that_are_all_named_like_results_are_classes(tmp_path):
    for name in ("figures", "plots"):
        picture(tmp_path / name / "a.png")
    assert load(tmp_path).classes == ("figures", "plots")
    assert aside([tmp_path / "figures", tmp_path / "plots"]) == {}


@pytest.mark.case("S26")
@pytest.mark.parametrize("place", [[], ["-o", "dots"], ["-o", "masks"], ["-o", "stripe/masks"]])
def test_results_of_this_package_are_no_images(folder, place):
    words = [sys.executable, "-m", "napari_visual_ccc.cli", "denoise", "dots/im1.png", *place]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    data = load(folder)
    assert data.classes == ("dots", "stripe")
    assert len(data.examples) == 6
    assert len(unlabelled(folder)) == 6


def test_results_are_images_where_they_are_all_there_is(folder):
    images = sorted(folder.glob("*/*.png"))
    for path in images:
        record = b"# How a result of napari-visual-ccc was made\n"
        (path.parent / f"{path.stem}_denoise.yaml").write_bytes(record)
        path.rename(path.with_name(f"{path.stem}_denoise.png"))
    results = sorted(folder.glob("*/*.png"))
    assert own_results(results) == set()
    assert len(load(folder).examples) == 6
    others = [picture(folder / "dots/new.png")]
    assert own_results([*results, *others]) == set(results)


def test_an_image_in_two_formats_is_one_example(folder):
    for path in list(folder.glob("*/im1.png")):
        Image.open(path).save(path.with_suffix(".tif"))
        Image.open(path).save(path.with_suffix(".jpg"))
    data = load(folder)
    assert sorted(one.name for one in data.examples if "im1" in one.name) == [
        "dots/im1.tif", "stripe/im1.tif",
    ]  # fmt: skip
    assert ("dots/im1.jpg", "the same image as im1.tif, in another format") in data.skipped
    assert len(data.examples) == 6
    found = same_image(sorted(folder.glob("dots/*")))
    assert {one.name for one in found} == {"im1.png", "im1.jpg"}


@pytest.mark.case("S05")
@pytest.mark.parametrize(
    "parts", [("train", "val", "test"), ("Training", "Validation", "Testing"),
              ("train_set", "dev-set", "test set"), ("1_train", "2_valid", "3_holdout"),
              ("trainset", "valset", "evaluation")],
)  # fmt: skip
@pytest.mark.parametrize("inside", [True, False])
def test_folders_of_parts_are_no_classes(tmp_path, parts, inside):
    for part in parts:
        for kind in ("dots", "stripe"):
            place = [kind, part] if inside else [part, kind]
            for number in range(2):
                picture(tmp_path.joinpath(*place, f"{part}{number}.png"))
    data = load(tmp_path)
    assert data.classes == ("dots", "stripe")
    assert set(data.table["part"]) == {"train", "validation", "test"}
    # images of their own, not one group for each part
    assert len(set(data.table["group"])) == 12


def test_specimens_within_parts_within_classes_are_groups(tmp_path):
    for kind in ("dots", "stripe"):
        for part in ("train", "test"):
            picture(tmp_path / kind / part / f"{part}-s1" / "a.png")
    assert set(load(tmp_path).table["group"]) == {"train-s1", "test-s1"}
    assert len(inner_parts([tmp_path / "dots", tmp_path / "stripe"])) == 4
    picture(tmp_path / "dots" / "alone.png")
    assert inner_parts([tmp_path / "dots", tmp_path / "stripe"]) == {}


def test_a_pattern_that_matches_no_name_is_named(folder):
    with pytest.raises(ValueError, match=r"6 left out, such as dots/im0\.png: the group pattern"):
        load(folder, group="^xxx(.)")


def test_files_of_one_name_that_show_something_else_are_images_of_their_own(folder, rng):
    def made(name, image):
        Image.fromarray(image).save(folder / name)

    first, other = (rng.integers(0, 255, (32, 32)).astype(np.uint8) for _ in range(2))
    made("dots/own.png", first)
    made("dots/own.jpg", other)
    made("dots/bright.png", first // 2)
    made("dots/bright.bmp", first)
    made("stripe/part.png", first)
    made("stripe/part.jpg", first[:20])
    data = load(folder)
    names = {one.name for one in data.examples}
    assert {"dots/own.png", "dots/own.jpg"} <= names
    skipped = dict(data.skipped)
    assert skipped["dots/bright.bmp"] == "the same image as bright.png, in another format"
    assert skipped["stripe/part.jpg"].startswith("part.png of the same name is used")


def test_a_file_is_not_called_a_missing_folder(folder):
    check_is_folder(folder)
    with pytest.raises(FileNotFoundError, match="none: no such folder"):
        check_is_folder(folder / "none")
    file = folder / "dots" / "im0.png"
    with pytest.raises(NotADirectoryError, match=r"im0\.png: is a file; name the folder"):
        unlabelled(file)


def test_many_files_in_two_formats_are_compared_in_part(tmp_path, rng, monkeypatch):
    from napari_visual_ccc.io import copies, folders

    opened = []
    monkeypatch.setattr(copies, "read", lambda path: opened.append(path) or read(path))
    monkeypatch.setattr(folders, "_COMPARED", 3)
    for number in range(12):
        image = rng.integers(0, 255, (8, 8)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / f"{number}.png")
        Image.fromarray(image).save(tmp_path / f"{number}.bmp")
    found = same_image(sorted(tmp_path.iterdir()))
    assert len(found) == 12
    assert len(opened) == 6
    Image.fromarray(255 - np.eye(8, dtype=np.uint8) * 99).save(tmp_path / "0.bmp")
    assert len(same_image(sorted(tmp_path.iterdir()))) == 11
