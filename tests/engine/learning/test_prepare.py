from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.dataset import Dataset, from_arrays, from_regions
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.classification.crops import normalised
from napari_visual_ccc.engine.learning.prepare import prepare
from napari_visual_ccc.engine.screening.training_set import same_pixels
from napari_visual_ccc.nets.models.registry import architecture
from tests.engine.learning.prepared import made, recipe, striped

LITE0 = architecture("lite0-linear")


def test_small_images_are_one_crop_each_of_the_size_of_the_input():
    prepared, _ = made(recipe())
    assert prepared.crops.shape == (12, 32, 32)
    assert prepared.crops.dtype == np.float16
    assert prepared.image_index.tolist() == list(range(12))
    assert prepared.targets.tolist() == [0] * 6 + [1] * 6
    assert prepared.classes == ("flat", "steep")
    assert prepared.thumbnails.shape == (12, 48, 48)
    assert prepared.network_input.as_dict()["view"] == {"kind": "window"}


def test_large_images_are_cut_into_windows_whose_mean_is_that_of_the_image():
    prepared, _ = made(recipe(window=20.0), striped(2, (40, 60)))
    assert np.bincount(prepared.image_index).tolist() == [6] * 4
    assert prepared.crops_of(np.array([1, 3])).tolist() == [*range(6, 12), *range(18, 24)]
    values = np.arange(24.0)[:, None]
    np.testing.assert_allclose(prepared.mean_by_image(values)[:, 0], [2.5, 8.5, 14.5, 20.5])


def test_images_of_unlike_size_are_taken_whole():
    images = [np.tile(np.arange(n, dtype=np.uint8), (n, 1)) for n in (60, 200, 100, 120)]
    data = from_arrays(images, ["a", "a", "b", "b"])
    prepared = run(prepare(data, LITE0, recipe(input_px=0)))
    assert prepared.network_input.view.kind == "whole"
    assert prepared.notes == ("the network takes whole images",)
    assert prepared.network_input.window_px == 110


def test_images_that_memory_has_no_room_for_are_read_again():
    data, chosen = striped(), recipe()
    kept = run(prepare(data, LITE0, chosen))
    again = run(prepare(data, LITE0, chosen, kept_bytes=3 * 40 * 40))
    np.testing.assert_array_equal(kept.crops, again.crops)
    np.testing.assert_array_equal(kept.thumbnails, again.thumbnails)
    assert kept.digest == again.digest


def test_the_digest_follows_pixels_and_groups():
    digests = {
        run(prepare(data, LITE0, recipe())).digest
        for data in (striped(), striped(5), striped(groups=["one"] * 12))
    }
    assert len(digests) == 3


def test_regions_are_stretched_as_the_windows_of_their_image(rng):
    image = rng.normal(100, 5, (80, 120))
    image[:, 60:] += 100
    image[0, 0] = np.nan
    regions = np.zeros(image.shape, int)
    regions[10:50, 5:45], regions[10:50, 70:110], regions[2:42, 40:80] = 1, 2, 3
    cut = from_regions(image, regions, {1: "dark", 2: "bright", 3: "bright"})
    crops, labels, groups, _ = zip(*cut, strict=True)
    alone = run(prepare(from_arrays(crops, labels), LITE0, recipe(input_px=40)))
    data = from_arrays(crops, labels, groups=groups, wholes=[image] * 3)
    prepared = run(prepare(data, LITE0, recipe(input_px=40)))
    assert prepared.network_input.normalisation.limits is None
    seen = normalised(image, prepared.network_input)
    places = np.s_[10:50, 5:45], np.s_[10:50, 70:110], np.s_[2:42, 40:80]
    for crop, place in zip(prepared.crops, places, strict=True):
        np.testing.assert_allclose(crop, seen[place], atol=1e-3)
    assert prepared.crops[1].mean() - prepared.crops[0].mean() > 0.7
    assert abs(alone.crops[1].mean() - alone.crops[0].mean()) < 0.05
    # a training is not continued with crops of another range
    assert prepared.digest != alone.digest


def test_the_pixel_size_is_centred_and_an_unknown_one_counts_as_the_mean():
    sizes = [((10.0, 10.0), "nm")] * 6 + [((1.0, 1.0), "µm")] * 5 + [(None, "px")]
    prepared, _ = made(recipe(use_pixel_size=True), striped(spacings=sizes))
    mean = prepared.network_input.pixel_size_input.log10_mean
    assert mean == pytest.approx((6 * 1 + 5 * 3) / 11)
    np.testing.assert_allclose(prepared.log_sizes[[0, 6, 11]], [1 - mean, 3 - mean, 0], atol=1e-12)
    assert prepared.network_input.pixel_size_nm == pytest.approx([10.0, 1000.0])


def test_files_that_cannot_be_used_are_listed_with_the_reason():
    broken = from_arrays([np.full((8, 8), np.nan), np.zeros((3, 8, 8))], ["flat", "steep"])
    data = striped()
    both = Dataset((*data.examples, *broken.examples), "both", (("notes.txt", "no image"),))
    prepared = run(prepare(both, LITE0, recipe()))
    assert prepared.skipped["reason"].str.contains("no image|no finite pixel|a stack").all()
    assert "3 of 15 files were skipped" in prepared.notes
    with pytest.raises(ValueError, match=r"two classes are needed, 0 could be used; image 1"):
        run(prepare(broken, LITE0, recipe()))


def test_the_same_pixels_in_two_parts_are_all_named(rng):
    one, two, three = (rng.integers(0, 255, (40, 40)).astype(np.uint8) for _ in range(3))
    parts = ["train", "train", "train", "test", "train", "test"]
    data = from_arrays([one, two, three, one, two, two], list("ababab"), parts=parts)
    prepared, _ = made(recipe(), data)
    (note,) = same_pixels(prepared, prepared.parts)
    assert "image 1 (train) = image 4 (test); image 2 (train) = image 5 (train)" in note
    assert "= image 6 (test). The numbers are optimistic" in note
    assert same_pixels(prepared, np.full(6, "train")) == []


def test_images_that_are_mostly_missing_are_not_trained_with():
    gap, little = np.ones((40, 40), np.float32), np.ones((40, 40), np.float32)
    gap[:21], little[:19] = np.nan, np.nan
    some = from_arrays([gap, little], ["flat", "steep"], names=["gap", "little"])
    both = Dataset((*striped().examples, *some.examples), "both")
    prepared = run(prepare(both, LITE0, recipe()))
    assert prepared.skipped.to_numpy().tolist() == [
        ["gap", "52% of its pixels are missing (NaN or infinite)"]
    ]
