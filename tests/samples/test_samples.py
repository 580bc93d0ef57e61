from __future__ import annotations

import hashlib

import numpy as np
import pytest

from napari_visual_ccc import samples
from napari_visual_ccc.widgets.plugin import samples as plugin_samples


@pytest.mark.parametrize("name", samples.NAMES)
def test_samples_open_as_layers_with_their_masks(name):
    image, *masks = getattr(plugin_samples, name)()
    data, options, kind = image
    assert kind == "image"
    assert data.ndim == 2
    assert options["name"] == name
    assert options["metadata"]["licence"] in ("MIT", "CC BY 4.0")
    assert masks
    for labels, about, what in masks:
        assert what == "labels"
        assert labels.shape == data.shape
        assert labels.any()
        assert about.get("scale") == options.get("scale")


@pytest.mark.parametrize("name", samples.NAMES)
def test_pixels_are_those_of_the_source(name, data):
    from skimage.io import imread

    about = samples.facts(name)
    found = samples.load(name).data
    assert hashlib.sha256(found.tobytes()).hexdigest() == about["sha256"]
    original = imread(data / about["original"])
    np.testing.assert_array_equal(found, original[: len(found)])


def test_pixel_size_is_given_where_the_source_states_it():
    sizes = {name: samples.load(name).spacing for name in samples.NAMES}
    assert sizes.pop("nanoparticles") == pytest.approx((1.325, 1.325))
    assert set(sizes.values()) == {None}


def test_what_ships_is_small():
    files = [f for f in samples.FOLDER.rglob("*") if f.is_file()]
    images = sum(f.stat().st_size for f in files if f.suffix == ".png")
    assert images < 5e6
    assert sum(f.stat().st_size for f in files) < 8e6


def test_every_sample_and_model_is_attributed():
    text = (samples.FOLDER / "README.md").read_text(encoding="utf-8")
    for name in samples.NAMES:
        assert f"`{name}`" in text
        assert samples.facts(name)["licence"] in text
    assert "nanoshapes.safetensors" in text


def test_an_unknown_sample_is_refused():
    with pytest.raises(ValueError, match="superalloy"):
        samples.load("moon")
