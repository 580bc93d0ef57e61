from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc.core.dataset import from_arrays
from tests.lens_images import planted
from tests.models import saved

SPOT = (60, 90)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("models"), "visualcnn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("images")
    for number in range(4):
        # faint noise, and a strong pattern in one of the images
        imsave(place / f"noise {number}.png", planted([], seed=number))
    imsave(place / "planted.png", planted([SPOT], seed=9))
    return place


@pytest.fixture(scope="module")
def found(folder, tiny):
    return ccc.common_patterns(folder, model=tiny, layer="features.8", channels=5, iterations=4)


def test_the_planted_pattern_excites_channels_most(found):
    first = found.table[found.table["place"] == 1]
    assert len(first) == 5
    apart = np.abs(first[["y_px", "x_px"]].to_numpy() - SPOT).max(axis=1)
    there = (first["file"] == "planted.png").to_numpy() & (apart <= 12)
    # a channel would have its first patch there by chance in one of a hundred and fifty cases
    assert there.sum() >= 2


def test_a_channel_has_nine_patches_and_few_of_one_image(found):
    for channel, some in found.table.groupby("channel", sort=False):
        assert len(some) == len(found.patches[channel]) == 9
        assert some["file"].value_counts().max() <= 3
        # equal activations are ordered by their surroundings
        assert some["activation"].is_monotonic_decreasing
        assert some["place"].tolist() == list(range(1, 10))
    assert found.data.shape == (5 * 66 - 2, 10 * 66 - 2)
    assert list(found.maximised) == list(found.patches)
    assert list(found.tables["channels"]["channel"][:5]) == list(found.patches)


def test_classes_have_their_crops(found, tiny):
    assert sum(one.crops for one in found.classes.values()) > 0
    assert list(found.tables["classes"]["class"]) == list(found.classes)
    data = from_arrays([planted(seed=k) for k in range(2)], ["sphere", "alloy"])
    labelled = ccc.common_patterns(data, model=tiny, channels=2, iterations=0)
    assert set(labelled.classes) == {"sphere", "alloy"}
    assert labelled.classes["sphere"].maximised is None


def test_regions_have_the_grey_range_of_their_micrograph(tiny):
    # a dark half of a micrograph and a bright one; both regions alone would fill their range
    whole = np.concatenate([planted([SPOT], seed=9) // 4, 190 + planted([SPOT], seed=9) // 4])
    regions = [whole[:120], whole[120:]]
    labels, options = ["sphere", "alloy"], {"model": tiny, "channels": 2, "iterations": 0}
    alone = ccc.common_patterns(from_arrays(regions, labels), **options)
    found = ccc.common_patterns(from_arrays(regions, labels, wholes=[whole] * 2), **options)
    dark, bright = (found.classes[label].mean.mean() for label in labels)
    assert bright - dark > 100
    assert abs(np.subtract(*(alone.classes[label].mean.mean() for label in labels))) < 20
    assert set(found.table["file"]) == {"image 1", "image 2"}
    shown = {label: found.classes[label].top for label in labels}
    assert all(len(one) for one in shown.values())


def test_files_that_cannot_be_read_are_noted_and_none_is_an_error(tiny, folder, tmp_path):
    imsave(tmp_path / "one.png", planted())
    (tmp_path / "broken.png").write_bytes(b"no picture")
    some = ccc.common_patterns(tmp_path, model=tiny, channels=1, iterations=0)
    assert any("broken.png" in note for note in some.notes)
    (tmp_path / "one.png").unlink()
    with pytest.raises((ValueError, OSError)):
        ccc.common_patterns(tmp_path, model=tiny)


def test_missing_pixels_have_no_patterns(tiny, tmp_path):
    image = planted([SPOT], seed=9).astype(np.float32)
    image[:, :70] = np.nan
    np.save(tmp_path / "gap.npy", image)
    some = ccc.common_patterns(tmp_path, model=tiny, layer="features.8", channels=3, iterations=0)
    assert len(some.table)
    assert (some.table["x_px"] > 70).all()
    assert any(note.startswith("gap.npy: ") for note in some.notes)
    assert sum(one.crops for one in some.classes.values()) > 0
