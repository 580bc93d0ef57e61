"""Metadata of a micrograph as plain values; files with it are tested with their writers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.io.header import header, restore


@pytest.fixture
def stack(rng) -> Micrograph:
    data = rng.integers(0, 60_000, (3, 8, 9)).astype(np.uint16)
    metadata = {"facts": {"voltage_kv": 5.0}, "original": {"x": 1}, "mask": np.zeros(3)}
    return Micrograph(
        data, (2.0, 3.0), "nm", axes=(Axis("z", 5.0, "nm"),), info_bar=InfoBar(bottom=2),
        metadata=metadata,
    )  # fmt: skip


def test_a_header_is_json_and_restores_what_a_format_lacks(stack):
    stored = json.loads(json.dumps(header(stack, np.uint16)))
    # a format that knows numbers and nothing else
    bare = Micrograph(stack.data, (2.0, 3.0), "nm", axes=(Axis("z", 5.0, "nm"),))
    image = restore(bare, stored)
    np.testing.assert_array_equal(image.data, stack.data)
    assert (image.spacing, image.unit, image.axes) == ((2.0, 3.0), "nm", stack.axes)
    assert image.info_bar == InfoBar(bottom=2)
    assert image.metadata == {"facts": {"voltage_kv": 5.0}}
    assert image.notes == ()


def test_colours_axes_and_types_come_back(rng):
    colour = Micrograph(rng.integers(0, 255, (2, 8, 9, 3)).astype(np.uint8))
    stored = header(colour, bool, colour_axis=1, stored=np.uint8)
    moved = Micrograph(np.moveaxis(colour.data, -1, 1))
    image = restore(moved, stored)
    assert image.data.dtype == bool
    np.testing.assert_array_equal(image.data, colour.data.astype(bool))


def test_the_pixel_size_of_another_program_is_used_and_noted(stack):
    stored = header(stack, np.uint16)
    resized = Micrograph(stack.data, (4.0, 6.0), "nm", axes=stack.axes)
    image = restore(resized, stored)
    assert image.spacing == (4.0, 6.0)
    assert image.notes == ("another program has changed the pixel size: the new one is used",)


@pytest.mark.parametrize(
    "stored", ["a note", None, {}, {"plane": [8, 9], "leading": []}, {"plane": 3}], ids=str
)
def test_anything_but_a_fitting_header_is_ignored(stack, stored):
    assert restore(stack, stored) is stack


def test_a_header_of_other_pixels_is_ignored(stack):
    cropped = Micrograph(stack.data[:, :4])
    assert restore(cropped, header(stack, np.uint16)) is cropped
