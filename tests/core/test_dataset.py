from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.dataset import (
    Dataset,
    from_arrays,
    from_regions,
    printable,
)


def described(data):
    return {one.name: (one.label, one.group) for one in data.examples}


def test_classes_are_in_alphabetical_order():
    data = from_arrays([np.zeros((4, 4))] * 3, ["rod", "cube", "rod"])
    assert data.classes == ("cube", "rod")


def test_one_class_is_enough_to_test_with():
    examples = from_arrays([np.zeros((4, 4))] * 2, ["rod", "cube"]).examples
    assert Dataset(examples[:1], "one", min_classes=1).classes == ("rod",)
    with pytest.raises(ValueError, match="two or more classes"):
        Dataset(examples[:1], "one")
    with pytest.raises(ValueError, match="one or more classes"):
        Dataset((), "none", min_classes=1)


def test_no_two_images_have_one_name():
    names = ["a", "a (2)", "b", "a", "a"]
    data = from_arrays([np.zeros((4, 4))] * 5, list("xyxyx"), names=names)
    assert [one.name for one in data.examples] == ["a", "a (2)", "b", "a (3)", "a (4)"]
    # two rows of one name are of one specimen unless they say otherwise
    assert [one.group for one in data.examples] == names


def test_bytes_that_are_not_text_become_printable():
    assert printable("caf\udce9 粒子") == "caf\\udce9 粒子"


def test_names_classes_and_groups_that_are_no_text_stay_apart_in_tables():
    names, labels, groups = (["\udcff" + end, "\udcfe" + end] for end in (".png", "", " S1"))
    data = from_arrays([np.zeros((4, 4))] * 2, labels, names=names, groups=groups)
    assert data.classes == ("\\udcfe", "\\udcff")
    assert data.targets.tolist() == [1, 0]
    assert data.table["name"].tolist() == ["\\udcff.png", "\\udcfe.png"]
    assert data.table["group"].tolist() == ["\\udcff S1", "\\udcfe S1"]


def test_arrays_keep_pixels_labels_groups_and_pixel_size(rng):
    images = [rng.integers(0, 65535, (8, 9)).astype(np.uint16), rng.random((4, 5, 3))]
    data = from_arrays(
        images, ["rod", "cube"], names=["one", "two"], groups=["S1", "S1"],
        spacings=[((2.0, 2.0), "nm"), (None, "px")], name="layers",
    )  # fmt: skip
    assert data.name == "layers"
    assert described(data) == {"one": ("rod", "S1"), "two": ("cube", "S1")}
    for one, image in zip(data.examples, images, strict=True):
        np.testing.assert_array_equal(one.read().data, image)
    assert (data.examples[0].read().spacing, data.examples[0].read().unit) == ((2.0, 2.0), "nm")
    assert data.examples[1].read().spacing is None
    assert data.examples[0].path is None


def test_arrays_without_names_or_groups_are_groups_of_their_own():
    data = from_arrays([np.zeros((4, 4))] * 3, ["a", "b", "a"])
    assert described(data) == {
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


def test_the_whole_of_crops_is_read_with_them(coordinates):
    crops = [coordinates[:4, :4], coordinates[5:9, 5:9]]
    data = from_arrays(crops, ["a", "b"], wholes=[coordinates] * 2, spacings=[((2, 2), "nm")] * 2)
    first, second = data.examples
    # one reader of both, so that the grey range is found once
    assert first.whole is second.whole
    assert first.whole().spacing == (2, 2)
    np.testing.assert_array_equal(first.whole().data, coordinates)
    with pytest.raises(ValueError, match="2 parts, 1 wholes: give one of each"):
        from_arrays(crops, ["a", "b"], wholes=[coordinates])


def test_regions_of_another_shape_are_refused(coordinates):
    with pytest.raises(ValueError, match=r"image is \(40, 100\), regions are \(100, 40\)"):
        from_regions(coordinates, np.ones((100, 40), int), {1: "rod"})


def test_parts_are_given_to_all_images_or_to_none():
    images = [np.zeros((4, 4))] * 3
    data = from_arrays(images, list("aba"), parts=["train", "Test", "val"])
    assert [one.part for one in data.examples] == ["train", "test", "validation"]
    with pytest.raises(ValueError, match="image 2 has no part"):
        from_arrays(images, list("aba"), parts=["train", "", "test"])
    with pytest.raises(ValueError, match="no part is named 'exam'"):
        from_arrays(images, list("aba"), parts=["train", "exam", "test"])
    with pytest.raises(ValueError, match="no image is in the part test"):
        from_arrays(images, list("aba"), parts=["train"] * 3).held_out  # noqa: B018
