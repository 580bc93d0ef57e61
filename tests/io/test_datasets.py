from __future__ import annotations

import os
import shutil
import sys

import numpy as np
import pytest
import zarr
from skimage.io import imsave

from napari_visual_ccc.io.datasets import load, unlabelled


def picture(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(80, dtype=np.uint8).reshape(8, 10) + np.uint8(value)
    imsave(path, pixels, check_contrast=False)
    return path


@pytest.fixture
def folder(tmp_path):
    """Two classes; one has images of two specimens."""
    for name in ("cube/a.png", "cube/b.tif", "rod/s1/c.png", "rod/s1/deep/d.png", "rod/s2/e.PNG"):
        picture(tmp_path / "shapes" / name)
    return tmp_path / "shapes"


def found(data):
    return {one.name: (one.label, one.group) for one in data.examples}


# folders ------------------------------------------------------------------------------------------


def test_folders_are_classes_and_folders_below_them_groups(folder):
    data = load(folder)
    assert data.name == "shapes"
    assert data.classes == ("cube", "rod")
    assert found(data) == {
        "cube/a.png": ("cube", "cube/a.png"),
        "cube/b.tif": ("cube", "cube/b.tif"),
        "rod/s1/c.png": ("rod", "s1"),
        "rod/s1/deep/d.png": ("rod", "s1/deep"),
        "rod/s2/e.PNG": ("rod", "s2"),
    }
    assert data.skipped == ()
    assert data.targets.tolist() == [data.classes.index(one.label) for one in data.examples]
    assert list(data.table.itertuples(index=False, name=None)) == [
        (name, *rest) for name, rest in found(data).items()
    ]


def test_the_order_of_images_does_not_depend_on_the_file_system(folder):
    assert [one.name for one in load(folder).examples] == sorted(found(load(folder)))


def test_images_of_a_folder_are_opened_on_demand(folder):
    data = load(str(folder))
    for one in data.examples:
        assert one.path == folder / one.name
        assert one.read().data.shape == (8, 10)
    (folder / "cube/a.png").unlink()
    assert "cube/a.png" in found(data)
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        data.examples[0].read()


def test_hidden_files_and_folders_are_no_images(folder):
    for name in (".hidden/a.png", "cube/._a.png", "rod/.thumbs/a.png"):
        picture(folder / name)
    (folder / "cube" / ".DS_Store").write_bytes(b"no image")
    data = load(folder)
    assert len(data.examples) == 5
    assert data.classes == ("cube", "rod")
    assert data.skipped == ()


def test_files_that_are_no_images_are_listed_as_skipped(folder):
    (folder / "cube" / "notes.txt").write_text("no image")
    (folder / "rod" / "s1" / "table.csv").write_text("a,b")
    data = load(folder)
    assert len(data.examples) == 5
    assert [name for name, _ in data.skipped] == ["cube/notes.txt", "rod/s1/table.csv"]
    assert all("image" in reason for _, reason in data.skipped)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
def test_bytes_of_a_name_that_are_no_text_are_escaped(folder):
    place = next(p for p in folder.iterdir() if p.is_dir())
    for name in (b"bad\xff.png", b"bad\xff.txt"):
        source = next(place.glob("*.*"))
        shutil.copy(source, os.fsencode(place) + b"/" + name)
    data = load(folder)
    assert f"{place.name}/bad\\udcff.png" in list(data.table["name"])
    assert f"{place.name}/bad\\udcff.txt" in dict(data.skipped)
    os.rename(folder, os.fsencode(folder.parent) + b"/d\xff")
    assert load(folder.parent / os.fsdecode(b"d\xff")).name == "d\\udcff"
    os.rename(os.fsencode(folder.parent) + b"/d\xff", folder)
    unreadable = next(one for one in data.examples if "\\udcff" in one.name)
    assert unreadable.read().data.ndim == 2


def test_a_pattern_matches_the_group_in_the_name(folder):
    for name in ("cube/S1_1.png", "cube/S1_2.png", "rod/S2_1.png", "rod/s1/S3_1.png"):
        picture(folder / name)
    data = load(folder, group=r"^(S\d)_")
    assert found(data) == {
        "cube/S1_1.png": ("cube", "S1"),
        "cube/S1_2.png": ("cube", "S1"),
        "rod/S2_1.png": ("rod", "S2"),
        "rod/s1/S3_1.png": ("rod", "S3"),
    }
    assert sorted(name for name, _ in data.skipped) == [
        "cube/a.png", "cube/b.tif", "rod/s1/c.png", "rod/s1/deep/d.png", "rod/s2/e.PNG",
    ]  # fmt: skip
    assert all("pattern does not match" in reason for _, reason in data.skipped)


def test_an_optional_group_without_a_match_skips_the_image(folder):
    data = load(folder, group="^([ac])|.")
    assert [one.name for one in data.examples] == ["cube/a.png", "rod/s1/c.png"]
    assert len(data.skipped) == 3


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "not a regular expression"),
        (r"S\d", "no .group."),
        ("(nowhere)", "found none"),
    ],
)
def test_an_invalid_pattern_is_refused(folder, pattern, words):
    with pytest.raises(ValueError, match=words):
        load(folder, group=pattern)


def test_the_error_names_an_empty_folder(tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match=r"nothing: two or more classes .* found none"):
        load(tmp_path / "nothing")


@pytest.mark.parametrize("other", ["", "rod"])
def test_a_single_class_is_refused_with_advice(tmp_path, other):
    picture(tmp_path / "shapes/cube/a.png")
    (tmp_path / "shapes" / other).mkdir(exist_ok=True)
    with pytest.raises(ValueError, match=r"found cube; put the images of each class into a folder"):
        load(tmp_path / "shapes")


@pytest.mark.parametrize("name", ["nowhere", "nowhere.csv"])
def test_the_error_names_a_missing_source(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        load(tmp_path / name)


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.png: choose a folder .* or a \.csv table"):
        load(picture(tmp_path / "a.png"))


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("fold1", "fold2"), ("a", "b")),
        (("set_A", "set_B"), ("dots", "stripe")),
        (("2026-01-01", "2026-01-02"), ("dots", "stripe")),
        (("split0", "split1"), ("class1", "class2")),
    ],
)
def test_the_same_folders_in_all_folds_sets_or_days_are_the_classes(tmp_path, outer, inner):
    for place in outer:
        picture(tmp_path / place / inner[0] / "1.png")
        picture(tmp_path / place / inner[1] / "deep/2.png")
    data = load(tmp_path)
    assert data.classes == inner
    assert set(found(data).values()) == {
        (label, group)
        for place in outer
        for label, group in ((inner[0], place), (inner[1], f"{place}/deep"))
    }
    assert f"{', '.join(outer)} hold the same folders {', '.join(inner)}" in data.notes[0]


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("cube", "rod"), ("s1", "s2")),
        (("class_1", "class_2"), ("left", "right")),
        (("cube", "rod"), ("left",)),
    ],
)
def test_the_same_specimens_in_all_classes_are_groups(tmp_path, outer, inner):
    for place in outer:
        for one in inner:
            picture(tmp_path / place / one / "1.png")
    data = load(tmp_path)
    assert data.classes == outer
    assert {one.group for one in data.examples} == set(inner)
    assert data.notes == ()


@pytest.mark.parametrize(
    "outer",
    [("fold1", "fold2", "fold3"), ("Set A", "Set B", "Set C"), ("20260101", "20260102", "x")],
)
def test_folds_may_lack_a_class_and_write_it_in_capitals(tmp_path, outer):
    for place, names in zip(outer, (("a", "b"), ("A", "b"), ("b",)), strict=True):
        for name in names:
            picture(tmp_path / place / name / "1.png")
    data = load(tmp_path)
    if "x" in outer:
        # not all are days: the outer folders are the classes, and the note says so
        assert data.classes == outer
        assert "folders within them have the same names (a, b)" in data.notes[0]
    else:
        assert data.classes == ("A", "a", "b")
        assert {one.group for one in data.examples} == set(outer)
        assert "these are the classes, and the outer ones are groups" in data.notes[0]


def test_images_beside_the_same_folders_leave_the_outer_folders_classes(tmp_path):
    for place in ("monday", "tuesday"):
        for name in ("dots/1.png", "stripe/1.png", "0.png"):
            picture(tmp_path / place / name)
    assert load(tmp_path).classes == ("monday", "tuesday")


# tables -------------------------------------------------------------------------------------------


@pytest.fixture
def table(folder):
    def write(text, name="list.csv", encoding="utf-8"):
        (folder.parent / name).write_bytes(text.encode(encoding))
        return folder.parent / name

    return write


ROWS = "path,label,group\nshapes/cube/a.png,cube,S1\nshapes/rod/s1/c.png,rod,S2\n"


def test_paths_are_relative_to_the_table(table, folder, monkeypatch):
    monkeypatch.chdir(folder)
    data = load(table(ROWS))
    assert data.name == "list"
    assert found(data) == {
        "shapes/cube/a.png": ("cube", "S1"),
        "shapes/rod/s1/c.png": ("rod", "S2"),
    }
    assert data.examples[0].read().data.shape == (8, 10)
    absolute = ROWS.replace("shapes/", f"{folder.as_posix()}/")
    (folder / "elsewhere").mkdir()
    data = load(table(absolute, "shapes/elsewhere/list.csv"))
    assert [one.path for one in data.examples] == [folder / "cube/a.png", folder / "rod/s1/c.png"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_and_other_scripts_are_read(table, encoding):
    text = ROWS.replace(",rod,", ",Stäbchen 棒,").replace(",cube,", ", cube ,")
    assert load(table(text, encoding=encoding)).classes == ("Stäbchen 棒", "cube")


def test_names_that_look_like_missing_values_or_numbers_stay_names(table):
    data = load(table(ROWS.replace(",cube,S1", ",NA,007").replace(",rod,S2", ",001,null")))
    assert data.classes == ("001", "NA")
    assert {one.group for one in data.examples} == {"007", "null"}


def test_without_a_group_every_image_is_a_group(table):
    text = "path,label\nshapes/cube/a.png,cube\nshapes/rod/s1/c.png,rod\nshapes/cube/b.tif,cube\n"
    data = load(table(text))
    assert [one.group for one in data.examples] == [one.name for one in data.examples]
    data = load(table(ROWS.replace(",S2", ",")))
    assert [one.group for one in data.examples] == ["S1", "shapes/rod/s1/c.png"]


def test_images_of_one_name_are_named_by_their_paths(table, folder):
    picture(folder / "rod/a.png")
    text = "path,label,name\nshapes/cube/a.png,cube,a\nshapes/cube/b.tif,cube,b\n"
    data = load(table(text + "shapes/rod/a.png,rod,a\n"))
    assert [(one.name, one.group) for one in data.examples] == [
        ("shapes/cube/a.png", "shapes/cube/a.png"), ("b", "b"),
        ("shapes/rod/a.png", "shapes/rod/a.png"),
    ]  # fmt: skip


def test_a_pattern_matches_the_group_of_rows_of_a_table(table):
    data = load(table(ROWS), group="^(.)")
    assert [one.group for one in data.examples] == ["a", "c"]


@pytest.mark.parametrize("missing", ["path", "label"])
def test_a_missing_column_is_named(table, missing):
    with pytest.raises(ValueError, match=rf"list\.csv: no column '{missing}'"):
        load(table(ROWS.replace(missing, "other", 1)))


def test_rows_without_file_or_label_are_skipped_by_line_or_name(table):
    text = ROWS + "shapes/cube/gone.png,cube,S1\nshapes/cube/b.tif,,S1\n,cube,S1\nshapes/rod/s1\n"
    data = load(table(text))
    assert len(data.examples) == 2
    assert data.skipped == (
        ("shapes/cube/gone.png", "no such file"),
        ("line 5", "no path or no label"),
        ("line 6", "no path or no label"),
        ("line 7", "no path or no label"),
    )


def test_a_table_with_one_class_says_so(table):
    with pytest.raises(ValueError, match="two or more classes with images are needed, found cube"):
        load(table(ROWS.replace("rod,", "cube,")))


@pytest.mark.parametrize("text", ["", "path,label\n", "path,label,group\na.png,x\n"])
def test_a_table_without_images_says_what_is_wrong(table, text):
    with pytest.raises(ValueError, match="list"):
        load(table(text))


def test_a_table_that_cannot_be_decoded_is_refused(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"path,label\n\xff\xfe\x00,\x80\n")
    with pytest.raises(ValueError, match=r"list\.csv: cannot be read as a table"):
        load(tmp_path / "list.csv")


# formats -----------------------------------------------------------------------------------------


def test_images_of_any_kind_are_found_and_a_store_is_one_image(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        np.save(tmp_path / label / "one.npy", np.ones((20, 30), np.uint8))
        zarr.save_array(tmp_path / label / "two.zarr", np.ones((20, 30), np.uint8))
        # its pixels are in the .ser
        (tmp_path / label / "three.emi").write_bytes(b"x")
    found = load(tmp_path)
    names = [example.name for example in found.examples]
    assert names == ["a/one.npy", "a/two.zarr", "b/one.npy", "b/two.zarr"]
    assert all(example.read().data.shape == (20, 30) for example in found.examples)
    assert len(unlabelled(tmp_path)) == 4


# parts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folders", [("Train", "Test"), ("training", "VAL", "holdout"), ("train", "valid", "test")]
)
def test_folders_of_parts_are_kept_as_they_are(tmp_path, folders):
    for number, part in enumerate(folders):
        for label in ("cube", "rod"):
            picture(tmp_path / part / label / "a.png", number)
    picture(tmp_path / folders[0] / "lost.png")
    picture(tmp_path / "notes" / "b.png")
    data = load(tmp_path)
    expected = dict(zip(folders, ("train", "validation", "test")[3 - len(folders) :], strict=True))
    if len(folders) == 2:
        expected = {"Train": "train", "Test": "test"}
    assert {one.name: (one.label, one.part) for one in data.examples} == {
        f"{part}/{label}/a.png": (label, expected[part])
        for part in folders for label in ("cube", "rod")
    }  # fmt: skip
    assert data.is_divided
    assert dict(data.skipped) == {
        f"{folders[0]}/lost.png": "not in the folder of a class",
        "notes": "not a part: train, validation or test",
    }
    assert {one.part for one in data.held_out.examples} == {"test"}


def test_a_class_may_be_called_train(tmp_path):
    for label in ("train", "car"):
        picture(tmp_path / label / "a.png")
    data = load(tmp_path)
    assert data.classes == ("car", "train")
    assert not data.is_divided
    assert data.held_out is data


@pytest.mark.parametrize("folders", [("Test", "val"), ("TEST",), ("train",)])
def test_a_folder_may_have_some_parts_only(tmp_path, folders):
    # `train` names the missing one
    for part in folders:
        picture(tmp_path / part / "cube" / "a.png")
    data = load(tmp_path, min_classes=1)
    expected = {"test": "test", "val": "validation", "train": "train"}
    assert {one.part for one in data.examples} == {expected[part.lower()] for part in folders}
    if folders[0] != "train":
        assert [one.name for one in data.held_out.examples] == [f"{folders[0]}/cube/a.png"]


def table_of(folder, *rows):
    path = folder / "images.csv"
    path.write_text("\n".join(["path,label,part", *rows]))
    return path


def test_a_column_of_parts_is_kept(folder):
    rows = [f"{path},{path.split('/')[0]}" for path in ("cube/a.png", "cube/b.tif", "rod/s1/c.png")]
    parts = ("Training", "hold-out", "TRAIN")
    data = load(table_of(folder, *(f"{r},{p}" for r, p in zip(rows, parts, strict=True))))
    assert [one.part for one in data.examples] == ["train", "test", "train"]
    assert list(data.table["part"]) == ["train", "test", "train"]
    undivided = load(table_of(folder, *(f"{row},cross-validated" for row in rows)))
    assert not undivided.is_divided
    assert undivided.is_cross_validated
    assert not data.is_cross_validated


@pytest.mark.parametrize(
    ("rows", "said"),
    [(["cube/a.png,a,train", "cube/b.tif,b,"], "line 3 has the part ''"),
     (["cube/a.png,a,train", "cube/b.tif,b,exam"], "line 3 has the part 'exam'"),
     (["cube/a.png,a,train", "cube/b.tif,b,test", "./cube/a.png,a,test"],
      r"is in the part train \(line 2\) and in test \(line 4\)")],
)  # fmt: skip
def test_parts_that_contradict_each_other_are_named(folder, rows, said):
    with pytest.raises(ValueError, match=said):
        load(table_of(folder, *rows))


def test_columns_are_known_in_capitals_too(folder):
    path = folder / "images.csv"
    path.write_text("Path,LABEL, Part,Group\ncube/a.png,a,train,S1\nrod/s1/c.png,b,Test,S2\n")
    found = [(one.label, one.part, one.group) for one in load(path).examples]
    assert found == [("a", "train", "S1"), ("b", "test", "S2")]
    # a column of the exact name, and a channel, come first
    path.write_text("path,label,part,PART\ncube/a.png,a,test,x\nrod/s1/c.png,b,train,y\n")
    assert [one.part for one in load(path).examples] == ["test", "train"]
    path.write_text("label,Part,Name\na,cube/a.png,cube/b.tif\nb,rod/s1/c.png,rod/s2/e.PNG\n")
    data = load(path, channels="Part,Name")
    assert data.examples[0].read().data.shape == (2, 8, 10)
    assert not data.is_divided


def test_the_split_of_0_1_0_is_read_from_the_folder_of_its_images(folder):
    path = folder / "model_split.csv"
    path.write_text("name,label,group,part\ncube/a.png,cube,S1,train\nrod/s1/c.png,rod,S2,test\n")
    data = load(path)
    assert [(one.name, one.group, one.part) for one in data.examples] == [
        ("cube/a.png", "S1", "train"), ("rod/s1/c.png", "S2", "test"),
    ]  # fmt: skip


# without classes ----------------------------------------------------------------------------------


def test_all_images_below_a_folder_need_no_classes(tmp_path):
    for name in ("a_1.png", "a_2.png", "deep/b_1.png"):
        picture(tmp_path / "usual" / name)
    data = load(tmp_path / "usual", min_classes=0)
    assert found(data) == {name: ("", name) for name in ("a_1.png", "a_2.png", "deep/b_1.png")}
    grouped = load(tmp_path / "usual", group="(a)_", min_classes=0)
    assert [one.group for one in grouped.examples] == ["a", "a"]
    assert grouped.skipped == (("deep/b_1.png", "the group pattern does not match its name"),)
    with pytest.raises(ValueError, match="matches the name of no image"):
        load(tmp_path / "usual", group="(c)_", min_classes=0)


def test_one_image_and_a_table_of_paths_need_no_classes(tmp_path):
    path = picture(tmp_path / "one.png")
    assert found(load(path, min_classes=0)) == {"one.png": ("", "one.png")}
    (tmp_path / "images.csv").write_text("path\none.png\n")
    assert [one.name for one in load(tmp_path / "images.csv", min_classes=0).examples] == [
        "one.png"
    ]
    with pytest.raises(ValueError, match="no column 'label'"):
        load(tmp_path / "images.csv")


@pytest.mark.parametrize("table", [False, True])
def test_a_pattern_that_matches_nothing_is_named_with_a_file(tmp_path, table):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"")
    source = tmp_path
    if table:
        source = tmp_path / "t.csv"
        source.write_text("path,label\na/1.png,a\nb/1.png,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"2 left out, such as a/1\.png: the group pattern"):
        load(source, group="^xxx(.)")
