"""PNG, JPEG and BMP."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_visual_ccc.io import read as formats
from tests.io.read.made import (
    cut,
)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp"])
def test_other_images_are_read(tmp_path, rng, name):
    image = np.full((20, 30), 100, np.uint8)
    Image.fromarray(image).save(tmp_path / name)
    np.testing.assert_allclose(formats.read(tmp_path / name).data, image, atol=2)


def test_16_bit_png_keeps_its_levels(tmp_path, ramp16):
    Image.fromarray(ramp16).save(tmp_path / "a.png")
    np.testing.assert_array_equal(formats.read(tmp_path / "a.png").data, ramp16)


def test_a_truncated_png_is_named(tmp_path, rng):
    path = tmp_path / "half.png"
    Image.fromarray(rng.integers(0, 255, (60, 50)).astype(np.uint8)).save(path)
    cut(path)
    with pytest.raises(ValueError, match=r"half\.png: cannot be read"):
        formats.read(path)


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_png_keeps_its_levels(tmp_path, rng, channels):
    import cv2

    image = rng.integers(0, 65535, (20, 30, channels)).astype(np.uint16)
    order = [2, 1, 0, 3][:channels]
    cv2.imwrite(str(tmp_path / "deep.png"), image[..., order])
    np.testing.assert_array_equal(formats.read(tmp_path / "deep.png").data, image)
    path = tmp_path / "deep.png"
    cut(path)
    with pytest.raises(ValueError, match=r"deep\.png"):
        formats.read(path)
