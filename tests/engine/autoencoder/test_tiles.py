from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.autoencoder.images import from_drawn, from_images
from napari_visual_ccc.engine.autoencoder.known import MARGIN
from napari_visual_ccc.engine.autoencoder.tiles import TEST, TRAIN, VALIDATION, cut_tiles
from napari_visual_ccc.engine.autoencoder.train_autoencoder import _network_input
from napari_visual_ccc.nets.training.recipe import AutoencoderRecipe

CHOICES = {
    "latent": 2, "depth": 2, "variational": False, "divergence": 0.0, "similarity": 0.0,
    "tile": 16, "tiles": 20, "info_bar": "leave out", "validation": 0.25, "flips": True,
    "brightness": 0.0, "noise": 0.0, "epochs": 1, "batch_size": 4, "learning_rate": 0.0,
    "patience": 3, "seed": 0, "device": "cpu", "state": None, "finish": False, "licence": "",
}  # fmt: skip


def cut(data, **more):
    recipe = AutoencoderRecipe(**{**CHOICES, **more})
    return run(cut_tiles(data, _network_input(recipe), recipe))


def ramp(shape=(64, 160)):
    """Grey levels that tell the column."""
    return np.broadcast_to(np.arange(shape[1], dtype=np.float32), shape)


def test_other_images_are_held_out_where_there_are_several():
    found = cut(from_images([ramp()] * 4))
    held_out = set(found.image_index[found.of(VALIDATION)])
    assert len(held_out) == 1
    assert not held_out & set(found.image_index[found.of(TRAIN)])
    assert found.images["part"].tolist().count("validation") == 1
    assert len(found.tiles) == 20
    assert found.tiles.shape[1:] == (16, 16)
    assert found.windows.shape[1:] == (16 + 2 * MARGIN, 16 + 2 * MARGIN)


def test_a_strip_of_a_single_image_is_held_out_away_from_the_rest():
    found = cut(from_images([ramp()]))
    columns = found.tiles.astype(float)[:, 0] * 160
    train, held_out = columns[found.of(TRAIN)], columns[found.of(VALIDATION)]
    assert held_out.min() - train.max() > 16
    assert found.images["part"].tolist() == ["both"]


def test_images_of_one_group_are_held_out_as_images():
    found = cut(from_images([ramp()] * 3, groups=["one specimen"] * 3))
    assert found.held_out == "other images of the same specimen"
    assert set(found.images["part"]) == {"train", "validation"}


def test_a_stack_gives_tiles_of_every_slice():
    levels = np.stack([ramp(), ramp()[:, ::-1]])
    found = cut(from_images([levels]), tiles=8)
    rising = np.sign(np.diff(found.tiles[:, 0, [0, -1]].astype(float), axis=1))
    assert set(rising.ravel()) == {-1, 1}


def test_the_info_bar_is_left_out_unless_it_is_kept():
    image = np.random.default_rng(0).integers(0, 100, (96, 96)).astype(np.uint8)
    image[64:] = 255
    data = from_images([Micrograph(image, info_bar=InfoBar(bottom=32))] * 2)
    assert cut(data, validation=0.5).tiles.min(axis=(1, 2)).max() < 0.5
    assert cut(data, validation=0.5, info_bar="keep").tiles.min(axis=(1, 2)).max() == 1


def test_what_cannot_be_used_is_listed():
    found = cut(from_images([ramp(), ramp(), np.zeros((5, 5))], names=["a", "b", "small"]))
    assert found.skipped.to_dict("records") == [
        {"name": "small", "reason": "smaller than a tile of 16 px"}
    ]
    stack = np.stack([ramp(), np.full((64, 160), np.nan)])
    found = cut(from_images([stack, ramp()], names=["stack", "b"]))
    assert found.skipped["name"].tolist() == ["stack (1,)"]
    with pytest.raises(ValueError, match="too few pixels for tiles of 16 px"):
        cut(from_images([np.zeros((16, 16))]))


def test_the_same_seed_cuts_the_same_tiles():
    data = from_images([ramp()] * 3)
    one, two, other = cut(data), cut(data), cut(data, seed=1)
    assert np.array_equal(one.windows, two.windows)
    assert one.digest == two.digest
    assert not np.array_equal(one.windows, other.windows)


def divided(parts, images=None):
    images = images or [ramp()] * len(parts)
    data = from_images(images, names=[f"{k} {part}" for k, part in enumerate(parts)])
    examples = (replace(one, part=part) for one, part in zip(data.examples, parts, strict=True))
    return replace(data, examples=tuple(examples))


def test_a_test_part_stays_one():
    found = cut(divided(["train", "validation", "test"]), validation=0)
    assert found.images["part"].tolist() == ["train", "validation", "test"]
    assert [len(found.of(part)) > 0 for part in (TRAIN, VALIDATION, TEST)] == [True] * 3
    assert set(found.image_index[found.of(TEST)]) == {2}


def test_without_a_validation_part_one_is_taken_of_the_training_part():
    found = cut(divided(["train", "train", "train", "test"]))
    assert sorted(found.images["part"]) == ["test", "train", "train", "validation"]
    assert found.held_out == "images of other specimens or files"
    found = cut(divided(["train", "test"]))
    assert found.images["part"].tolist() == ["both", "test"]
    found = cut(divided(["train", "test"]), validation=0)
    assert found.images["part"].tolist() == ["train", "test"]
    with pytest.raises(ValueError, match="no image is in the part train"):
        cut(divided(["test", "test"]))


def test_the_usable_one_of_two_images_is_divided():
    found = cut(from_images([ramp(), np.zeros((5, 5))], names=["good", "small"]))
    assert found.images["part"].tolist() == ["both", "not used"]
    assert found.skipped.to_dict("records") == [
        {"name": "small", "reason": "smaller than a tile of 16 px"}
    ]
    held_out = divided(["train", "validation"], [ramp(), np.full((64, 160), np.nan)])
    assert cut(held_out).images["part"].tolist() == ["both", "not used"]
    with pytest.raises(ValueError, match=r"; empty: image has no finite pixel.*; small: smaller"):
        cut(from_images([np.full((64, 64), np.nan), np.zeros((5, 5))], names=["empty", "small"]))


def test_an_image_too_small_to_be_divided_is_called_that():
    with pytest.raises(ValueError, match="small to train with and to hold out tiles of 48 px"):
        cut(from_images([np.eye(30)]), tile=48)
    # two and a half tiles can be divided: half a tile to train with is continued
    found = cut(from_images([ramp((48, 120))]), tile=48)
    assert found.continued == ["image 1 (48 x 24 px)"]
    assert (len(found.of(TRAIN)), len(found.of(VALIDATION))) == (1, 1)


def test_small_images_give_no_more_tiles_than_their_area_and_are_not_all_that_is_held_out():
    small = np.eye(30, dtype=np.float32)
    for order in (0, 1):
        images = [small, ramp((400, 400))][:: 1 - 2 * order]
        found = cut(from_images(images), tile=48)
        counts = np.bincount(found.image_index, minlength=2)
        assert counts[order] == 1
        assert counts[1 - order] == 20 + 5
        assert set(found.image_index[found.of(VALIDATION)]) == {1 - order}
        assert found.continued == [f"image {1 + order} (30 x 30 px)"]
    for seed in range(4):
        found = cut(from_images([small] * 3 + [ramp()] * 2), tile=48, seed=seed)
        assert set(found.image_index[found.of(VALIDATION)]) < {3, 4}
    # there are only small ones: 30 x 100 px are two tiles
    found = cut(from_images([np.eye(30, 100)] * 2), tile=48)
    assert (len(found.of(TRAIN)), len(found.of(VALIDATION))) == (2, 2)


def test_a_stack_gives_its_share_in_all():
    stack = np.stack([ramp()] * 40)
    assert len(cut(from_images([stack] * 4), tiles=40).tiles) == 40
    single = cut(from_images([stack]), tiles=20)
    assert (len(single.of(TRAIN)), len(single.of(VALIDATION))) == (20, 5)


def test_tiles_have_no_missing_pixels_and_their_grey_levels_are_of_known_ones(rng):
    image = rng.random((160, 320)).astype(np.float32)
    gaps = image.copy()
    gaps[:60], gaps[70, ::40] = np.nan, np.inf
    found = cut(from_images([gaps] * 2), tiles=200)
    inner = found.known(np.arange(len(found.tiles)))[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    # gaps of one pixel are filled
    assert inner.mean() > 0.99
    assert inner.mean(axis=(1, 2)).min() >= 0.98
    # the median, in 60 of 160 rows, would move the percentiles
    below = (found.tiles == 0).mean()
    assert 0.003 < below < 0.008
    with pytest.raises(ValueError, match="no tile of 16 px without missing pixels"):
        cut(from_images([np.where(np.eye(160, dtype=bool) | (image[:, :160] < 0.2), np.nan, 1)]))


def test_whole_images_give_the_tiles_that_they_gave_before():
    found = cut(from_images([ramp()] * 3))
    assert found.gaps == {}
    assert found.known(np.arange(2)).all()


def test_drawn_regions_have_the_grey_range_of_their_image(rng):
    grey = rng.normal(60, 8, (200, 240)).astype(np.float32)
    grey[:, 160:] = 220
    grey[190:] = 0
    drawn = np.zeros(grey.shape, int)
    drawn[:150, :150] = 1
    drawn[10, 10] = 0
    image = Micrograph(grey, name="tem", info_bar=InfoBar(bottom=10))
    found = cut(from_drawn(image, drawn))
    low, high = np.percentile(grey[:190], (0.5, 99.5))
    values = found.tiles.astype(float) * (high - low) + low
    assert values.mean() == pytest.approx(60, abs=1.5)
    assert values.std() == pytest.approx(8, abs=1)
