from __future__ import annotations

import os
import shutil
import sys

import numpy as np
import pytest
import zarr
from skimage.io import imsave

from napari_visual_ccc.core.dataset import from_arrays, from_regions
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
def test_bytes_of_a_name_that_are_no_text_are_replaced(folder):
    place = next(p for p in folder.iterdir() if p.is_dir())
    for name in (b"bad\xff.png", b"bad\xff.txt"):
        source = next(place.glob("*.*"))
        shutil.copy(source, os.fsencode(place) + b"/" + name)
    data = load(folder)
    assert f"{place.name}/bad\ufffd.png" in list(data.table["name"])
    assert f"{place.name}/bad\ufffd.txt" in dict(data.skipped)
    unreadable = next(one for one in data.examples if "\ufffd" in one.name)
    assert unreadable.read().data.ndim == 2


def test_a_pattern_finds_the_group_in_the_name(folder):
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


def test_a_bracket_that_was_left_out_of_a_match_gives_no_group(folder):
    data = load(folder, group="^([ac])|.")
    assert [one.name for one in data.examples] == ["cube/a.png", "rod/s1/c.png"]
    assert len(data.skipped) == 3


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("(", "no regular expression"), (r"S\d", "no .bracket."), ("(nowhere)", "found none")],
)
def test_a_pattern_that_cannot_work_is_told(folder, pattern, said):
    with pytest.raises(ValueError, match=said):
        load(folder, group=pattern)


def test_an_empty_folder_is_told_by_its_name(tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match=r"nothing: two or more classes .* found none"):
        load(tmp_path / "nothing")


@pytest.mark.parametrize("other", ["", "rod"])
def test_one_class_only_is_told_with_what_to_do(tmp_path, other):
    picture(tmp_path / "shapes/cube/a.png")
    (tmp_path / "shapes" / other).mkdir(exist_ok=True)
    with pytest.raises(ValueError, match=r"found cube; put the images of each class into a folder"):
        load(tmp_path / "shapes")


@pytest.mark.parametrize("name", ["nowhere", "nowhere.csv"])
def test_a_source_that_is_not_there_is_told(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        load(tmp_path / name)


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.png: name a folder .* or a \.csv table"):
        load(picture(tmp_path / "a.png"))


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


def test_without_a_group_images_stand_alone(table):
    text = "path,label\nshapes/cube/a.png,cube\nshapes/rod/s1/c.png,rod\nshapes/cube/b.tif,cube\n"
    data = load(table(text))
    assert [one.group for one in data.examples] == [one.name for one in data.examples]
    data = load(table(ROWS.replace(",S2", ",")))
    assert [one.group for one in data.examples] == ["S1", "shapes/rod/s1/c.png"]


def test_a_pattern_finds_the_group_of_rows_of_a_table(table):
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


def test_a_table_that_is_no_text_is_told(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"path,label\n\xff\xfe\x00,\x80\n")
    with pytest.raises(ValueError, match=r"list\.csv: cannot be read as a table"):
        load(tmp_path / "list.csv")


# arrays and regions -------------------------------------------------------------------------------


def test_arrays_keep_pixels_labels_groups_and_pixel_size(rng):
    images = [rng.integers(0, 65535, (8, 9)).astype(np.uint16), rng.random((4, 5, 3))]
    data = from_arrays(
        images, ["rod", "cube"], names=["one", "two"], groups=["S1", "S1"],
        spacings=[((2.0, 2.0), "nm"), (None, "px")], name="layers",
    )  # fmt: skip
    assert data.name == "layers"
    assert found(data) == {"one": ("rod", "S1"), "two": ("cube", "S1")}
    for one, image in zip(data.examples, images, strict=True):
        np.testing.assert_array_equal(one.read().data, image)
    assert (data.examples[0].read().spacing, data.examples[0].read().unit) == ((2.0, 2.0), "nm")
    assert data.examples[1].read().spacing is None
    assert data.examples[0].path is None


def test_arrays_without_names_or_groups_stand_alone():
    data = from_arrays([np.zeros((4, 4))] * 3, ["a", "b", "a"])
    assert found(data) == {
        f"image {n}": (label, f"image {n}") for n, label in ((1, "a"), (2, "b"), (3, "a"))
    }


@pytest.mark.parametrize(
    "other",
    [
        {"labels": ["a"]},
        {"names": ["one"]},
        {"groups": ["g"] * 3},
        {"spacings": [(None, "px")]},
    ],
)
def test_arrays_of_differing_number_are_refused(other):
    given = {"images": [np.zeros((4, 4))] * 2, "labels": ["a", "b"], **other}
    with pytest.raises(ValueError, match=r"2 images.*give one of each"):
        from_arrays(given.pop("images"), given.pop("labels"), **given)


def test_arrays_of_one_class_are_refused():
    with pytest.raises(ValueError, match="found a"):
        from_arrays([np.zeros((4, 4))] * 2, ["a", "a"], name="layers")


@pytest.fixture
def coordinates():
    """Every pixel says where it is."""
    y, x = np.mgrid[:40, :100]
    return (y * 1000 + x).astype(np.int32)


def test_a_region_is_cut_as_its_bounding_square_with_its_class(coordinates):
    regions = np.zeros((40, 100), int)
    regions[10:16, 20:32] = 3
    regions[30:34, 50:54] = 7
    regions[0:4, 0:4] = 9
    cut = from_regions(
        coordinates, regions, {3: "rod", 7: "cube"}, group="S1", spacing=(2.0, 2.0), unit="nm"
    )
    assert [(label, group, scale) for _, label, group, scale in cut] == [
        ("rod", "S1", ((2.0, 2.0), "nm")),
        ("cube", "S1", ((2.0, 2.0), "nm")),
    ]
    np.testing.assert_array_equal(cut[0][0], coordinates[7:19, 20:32])
    np.testing.assert_array_equal(cut[1][0], coordinates[30:34, 50:54])


def test_crops_of_one_side_are_centred_on_their_regions(coordinates):
    regions = np.zeros((40, 100), int)
    regions[14:18, 20:32] = 1
    ((crop, *_),) = from_regions(coordinates, regions, {1: "rod"}, side=20)
    np.testing.assert_array_equal(crop, coordinates[6:26, 16:36])


@pytest.mark.parametrize(
    ("rows", "columns", "corner"),
    [((0, 2), (0, 2), (0, 0)), ((38, 40), (98, 100), (24, 84)), ((0, 2), (49, 51), (0, 42))],
)
def test_crops_at_the_border_are_moved_inside_and_hold_their_region(
    coordinates, rows, columns, corner
):
    regions = np.zeros((40, 100), int)
    regions[slice(*rows), slice(*columns)] = 1
    ((crop, *_),) = from_regions(coordinates, regions, {1: "rod"}, side=16)
    y, x = corner
    np.testing.assert_array_equal(crop, coordinates[y : y + 16, x : x + 16])
    assert np.isin(coordinates[regions == 1], crop).all()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("side", [0, 90])
def test_crops_of_a_long_image_are_squares_no_higher_than_it(coordinates, turned, side):
    regions = np.zeros((40, 100), int)
    regions[18:22, 5:85] = 1
    image = coordinates.T if turned else coordinates
    ((crop, *_),) = from_regions(image, regions.T if turned else regions, {1: "rod"}, side=side)
    assert crop.shape == (40, 40)
    np.testing.assert_array_equal(crop.T if turned else crop, coordinates[:, 25:65])


def test_crops_of_a_colour_image_keep_their_channels(rng):
    image = rng.integers(0, 255, (40, 100, 3)).astype(np.uint8)
    regions = np.zeros((40, 100), int)
    regions[5:9, 5:9] = 1
    ((crop, *_),) = from_regions(image, regions, {1: "rod"})
    np.testing.assert_array_equal(crop, image[5:9, 5:9])


def test_crops_of_regions_become_a_data_set(coordinates):
    regions = np.zeros((40, 100), int)
    regions[5:9, 5:9], regions[15:29, 50:60] = 1, 2
    cut = from_regions(coordinates, regions, {1: "cube", 2: "rod"}, group="S1", spacing=(2, 2))
    images, labels, groups, spacings = zip(*cut, strict=True)
    data = from_arrays(images, labels, groups=groups, spacings=spacings)
    assert data.classes == ("cube", "rod")
    assert {one.group for one in data.examples} == {"S1"}
    assert [one.read().data.shape for one in data.examples] == [(4, 4), (14, 14)]


def test_regions_of_another_shape_are_refused(coordinates):
    with pytest.raises(ValueError, match=r"image is \(40, 100\), regions are \(100, 40\)"):
        from_regions(coordinates, np.ones((100, 40), int), {1: "rod"})


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
