from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.engine.screening.duplicates import hashes
from napari_visual_ccc.io.datasets import load

SIDE = 64


def tiles(name, count=12):
    image = samples.load(name).data
    corners = [(y, x) for y in range(0, 448, SIDE) for x in range(0, 448, SIDE)][:count]
    return [image[y : y + SIDE, x : x + SIDE] for y, x in corners]


def examined(images, copies, **more):
    """Every image, and a copy of it in another class and group."""
    count = len(images)
    data = from_arrays(
        [*images, *copies], ["a"] * count + ["b"] * count,
        names=[f"{kind}{k}" for kind in ("image", "copy") for k in range(count)],
    )  # fmt: skip
    result = ccc.audit_dataset(data, **more)
    pairs = set(
        zip(result.tables["duplicates"]["name"], result.tables["duplicates"]["other"], strict=True)
    )
    right = {(f"image{k}", f"copy{k}") for k in range(count)}
    return result, len(pairs & right), len(pairs - right)


COPIES = {
    "exact": lambda tile: tile.copy(),
    "brighter": lambda tile: (tile * 0.6 + 90).round().astype(np.uint8),
    "of 16 bit": lambda tile: tile.astype(np.uint16) * 200 + 3000,
    "in colour": lambda tile: np.stack([tile] * 3, axis=-1),
}
CUT = {
    "by one pixel all round": lambda tile: tile[1:-1, 1:-1],
    "by three pixels above": lambda tile: tile[3:],
}
SAMPLES = ("superalloy", "powder")


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_copies_are_found_and_nothing_else(name, change):
    images = tiles(name)
    result, right, wrong = examined(images, [change(tile) for tile in images])
    assert (right, wrong) == (len(images), 0)
    assert (result.tables["duplicates"]["similarity"] > 0.95).all()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("change", CUT.values(), ids=CUT)
def test_slightly_cropped_copies_are_found(name, change):
    images = tiles(name)
    _, right, wrong = examined(images, [change(tile) for tile in images])
    assert right >= 0.8 * len(images)
    assert wrong == 0


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("change", CUT.values(), ids=CUT)
def test_less_similarity_finds_more_copies(name, change):
    images = tiles(name)
    copies = [change(tile) for tile in images]
    _, right, wrong = examined(images, copies, similarity=0.8)
    assert right >= 0.9 * len(images)
    assert wrong == 0
    assert right >= examined(images, copies, similarity=0.99)[1]


@pytest.mark.parametrize("name", samples.NAMES)
def test_different_tiles_of_one_micrograph_are_no_duplicates(name):
    images = [tile for tile in tiles(name, 30) if tile.shape == (SIDE, SIDE)]
    assert len(images) > 20
    labels = ["a", "b"] * len(images)
    assert (
        len(ccc.audit_dataset(from_arrays(images, labels[: len(images)])).tables["duplicates"]) == 0
    )


def test_the_most_similar_pairs_come_first_with_class_and_group():
    one, two = tiles("powder", 2)
    data = from_arrays(
        [one, two, two[:, 1:], one], ["a", "b", "b", "c"], names=list("wxyz"),
        groups=["S1", "S2", "S2", "S3"],
    )  # fmt: skip
    found = ccc.audit_dataset(data, similarity=0.8)
    assert found.tables["duplicates"].drop(columns="similarity").to_dict("records") == [
        {"name": "w", "label": "a", "group": "S1", "other": "z", "other_label": "c",
         "other_group": "S3", "leaks": True},
        {"name": "x", "label": "b", "group": "S2", "other": "y", "other_label": "b",
         "other_group": "S2", "leaks": False},
    ]  # fmt: skip
    assert found.tables["duplicates"]["similarity"][0] == pytest.approx(1, abs=1e-3)
    assert any("1 pair of near-duplicates is in different groups" in n for n in found.notes)
    assert any("1 pair of near-duplicates is in different classes" in n for n in found.notes)


@pytest.mark.parametrize("change", [np.flipud, np.fliplr, np.transpose, np.rot90])
def test_contradictory_labels_of_turned_copies_are_found(change):
    images = [*tiles("powder", 96)[:4], change(tiles("powder", 96)[1])]
    data = from_arrays(images, ["a", "a", "b", "b", "b"])
    found = ccc.audit_dataset(data, device="cpu")
    pairs = found.tables["duplicates"][["name", "other"]]
    assert pairs.to_numpy().tolist() == [["image 2", "image 5"]]
    assert any("1 pair of near-duplicates is in different classes" in n for n in found.notes)


def test_copies_within_a_group_do_not_leak():
    images = tiles("superalloy", 2)
    data = from_arrays([*images, *images], ["a", "b"] * 2, groups=["S1", "S2", "S1", "S2"])
    found = ccc.audit_dataset(data)
    assert found.tables["duplicates"]["leaks"].tolist() == [False, False]
    assert not any("near-duplicates" in note for note in found.notes)


def test_counts_by_class_by_hand(rng):
    shapes = [(20, 30), (64, 64), (40, 25), (90, 70)]
    data = from_arrays(
        [rng.integers(0, 255, shape).astype(np.uint8) for shape in shapes],
        ["rod", "cube", "rod", "rod"], groups=["S1", "S2", "S1", "S3"],
    )  # fmt: skip
    found = ccc.audit_dataset(data)
    assert found.tables["classes"].to_dict("records") == [
        {"class": "cube", "images": 1, "groups": 1, "smallest_px": 64, "largest_px": 64,
         "share_percent": 25.0},
        {"class": "rod", "images": 3, "groups": 2, "smallest_px": 20, "largest_px": 70,
         "share_percent": 75.0},
    ]  # fmt: skip
    assert found.facts["images"] == 4
    assert any(note.startswith("cube: all images are of one group") for note in found.notes)
    assert not any(note.startswith("rod:") for note in found.notes)


@pytest.mark.parametrize(("rare", "noted"), [(2, True), (3, False)])
def test_imbalance_is_noted_from_five_times_on(rare, noted, rng):
    images = [rng.integers(0, 255, (32, 32)).astype(np.uint8) for _ in range(10 + rare)]
    found = ccc.audit_dataset(from_arrays(images, ["a"] * 10 + ["b"] * rare))
    notes = [note for note in found.notes if "times the images of the smallest" in note]
    assert notes == ["the largest class has 5 times the images of the smallest"] * noted


def test_classes_that_differ_in_capitals_only_are_said(rng):
    images = [rng.integers(0, 255, (32, 32)).astype(np.uint8) for _ in range(6)]
    found = ccc.audit_dataset(from_arrays(images, ["A", "a", "b"] * 2))
    assert any(
        note.startswith("the classes 'A' and 'a' differ in capitals") for note in found.notes
    )


def test_files_that_cannot_be_used_are_listed(tmp_path, rng):
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        imsave(tmp_path / name, rng.integers(0, 255, (40, 40)).astype(np.uint8))
    (tmp_path / "a/2.png").write_bytes((tmp_path / "a/2.png").read_bytes()[:200])
    (tmp_path / "b/notes.txt").write_text("no image")
    found = ccc.audit_dataset(load(tmp_path))
    reasons = dict(zip(*found.tables["skipped"][["name", "reason"]].to_numpy().T, strict=True))
    assert set(reasons) == {"a/2.png", "b/notes.txt"}
    assert reasons["a/2.png"].startswith("cannot be read")
    assert found.tables["classes"]["images"].tolist() == [1, 2]
    assert any(note.startswith("2 files cannot be used, such as ") for note in found.notes)
    assert any("b/notes.txt (not an image format" in note for note in found.notes)
    assert list(found.tables) == ["classes", "formats", "duplicates", "skipped", "properties"]


def test_what_is_assumed_about_folders_is_a_note(tmp_path, rng):
    for name in ("fold1/a", "fold1/b", "fold2/a", "fold2/b"):
        (tmp_path / name).mkdir(parents=True)
        imsave(tmp_path / name / "1.png", rng.integers(0, 255, (40, 40)).astype(np.uint8))
    found = ccc.audit_dataset(load(tmp_path))
    assert any("hold the same folders a, b" in note for note in found.notes)
    assert found.tables["classes"]["groups"].tolist() == [2, 2]


def test_the_error_says_why_no_image_can_be_read(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"no image can be read; a/1\.png: cannot be read"):
        ccc.audit_dataset(load(tmp_path))


def test_constant_images_are_no_problem(rng):
    noise = [rng.integers(0, 255, (32, 32)).astype(np.uint8) for _ in range(2)]
    flat = np.full((32, 32), 7, np.uint8)
    found = ccc.audit_dataset(from_arrays([flat, *noise, flat + 90], ["a", "a", "b", "b"]))
    pairs = list(
        zip(found.tables["duplicates"]["name"], found.tables["duplicates"]["other"], strict=True)
    )
    assert pairs == [("image 1", "image 4")]


def test_hashes_ignore_brightness_and_invert_with_the_negative():
    # 96 pixels wide, and dark enough that light may be added
    small = np.stack(
        [np.kron(tile[::2, ::2] // 2, np.ones((3, 3), np.uint8)) for tile in tiles("powder")]
    )
    plain = hashes(small)
    assert plain.shape == (12, 64)
    assert plain.sum(axis=1).tolist() == [32] * 12
    np.testing.assert_array_equal(hashes(small + 100), plain)
    np.testing.assert_array_equal(hashes(255 - small), ~plain)


def test_images_of_poor_quality_are_named(rng):
    from scipy.ndimage import gaussian_filter

    image = samples.load("superalloy").data
    images = [image[y : y + 300, x : x + 300] for y, x in rng.integers(0, 200, (6, 2))]
    images[4] = gaussian_filter(images[4], 8)
    found = ccc.audit_dataset(from_arrays(images, ["a"] * 3 + ["b"] * 3))
    assert found.facts["unfit"] == 1
    note = next(note for note in found.notes if "fit for analysis" in note)
    assert note.startswith("1 of the images may not be fit for analysis: image 5 (blurred")


def test_formats_types_and_channels_are_counted(tmp_path, rng):
    grey = rng.integers(0, 255, (40, 50)).astype(np.uint8)
    for name, image in (("a/1.png", grey), ("a/2.png", grey[:30]), ("b/3.tif", grey * np.uint16(9)),
                        ("b/4.png", np.stack([grey] * 3, axis=-1))):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        imsave(tmp_path / name, image, check_contrast=False)
    found = ccc.audit_dataset(load(tmp_path)).tables["formats"]
    assert found.to_dict("records") == [
        {"format": "PNG", "dtype": "uint8", "channels": 1, "images": 2, "smallest_px": 30,
         "largest_px": 50, "with_pixel_size": 0},
        {"format": "PNG", "dtype": "uint8", "channels": 3, "images": 1, "smallest_px": 40,
         "largest_px": 50, "with_pixel_size": 0},
        {"format": "TIF", "dtype": "uint16", "channels": 1, "images": 1, "smallest_px": 40,
         "largest_px": 50, "with_pixel_size": 0},
    ]  # fmt: skip


def test_pictures_are_a_random_choice_of_each_class_by_the_seed():
    images = [*tiles("superalloy", 9), *tiles("powder", 9)]
    data = from_arrays(images, ["a"] * 9 + ["b"] * 9)
    found = ccc.audit_dataset(data, pictures=4)
    names = {label: [name for name, _ in some] for label, some in found.pictures.items()}
    assert [len(some) for some in names.values()] == [4, 4]
    assert all(picture.shape == (96, 96) for some in found.pictures.values() for _, picture in some)
    again = ccc.audit_dataset(data, pictures=4).pictures
    assert {label: [name for name, _ in some] for label, some in again.items()} == names
    other = ccc.audit_dataset(data, pictures=4, seed=1).pictures
    assert {label: [name for name, _ in some] for label, some in other.items()} != names


def test_copies_and_groups_in_two_parts_are_warned_of():
    one, two, three = tiles("superalloy", 3)
    data = from_arrays(
        [one, two, one, three], ["a", "b"] * 2, groups=["S1", "S2", "S1", "S3"],
        parts=["train", "train", "test", "test"],
    )  # fmt: skip
    found = ccc.audit_dataset(data)
    assert found.tables["duplicates"]["leaks"].tolist() == [True]
    assert any("1 pair of near-duplicates is in different parts" in n for n in found.notes)
    assert any("1 group, such as S1" in note for note in found.notes)
    assert not any("no image of" in note for note in found.notes)
    counts = found.tables["classes"]
    assert counts[["train", "validation", "test"]].to_numpy().tolist() == [[1, 0, 1]] * 2


def test_what_a_validation_part_shares_or_lacks_is_said():
    data = from_arrays(
        tiles("superalloy", 4), ["a", "b", "a", "b"], groups=["S1", "S2", "S1", "S3"],
        parts=["train", "train", "validation", "test"],
    )  # fmt: skip
    notes = ccc.audit_dataset(data).notes
    assert any("S1, is in the parts train and validation" in note for note in notes)
    assert any("no image of b is in the part validation" in note for note in notes)
    assert any("no image of a is in the part test: it is not tested" in note for note in notes)
