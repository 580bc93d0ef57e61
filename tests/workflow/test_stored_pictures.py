"""One picture gives the same numbers, whichever way it is stored."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

import napari_visual_ccc as ccc
from tests import discs

IMAGEJ = "ImageJ=1.54f\nunit=nm\nmin=0.0\nmax=255.0\n"
SIZE = {"description": IMAGEJ, "resolution": (0.5, 0.5), "resolutionunit": "none", "metadata": None}


def grey_and_opacity(place, grey):
    tifffile.imwrite(
        place / "a.tif", np.stack([grey, np.full_like(grey, 255)], -1), photometric="minisblack",
        extrasamples=["unassalpha"],
    )  # fmt: skip
    return place / "a.tif"


def inks(place, grey):
    Image.fromarray(grey).convert("CMYK").save(place / "a.tif")
    return place / "a.tif"


def colours_in_inks(place, grey):
    tinted = np.stack([grey, grey * 0.7, grey * 0.5], -1).astype(np.uint8)
    key = 255 - tinted.max(-1, keepdims=True)
    separate = np.concatenate([255 - tinted - key, key], -1)
    tifffile.imwrite(place / "a.tif", separate, photometric="separated", compression="zlib")
    return place / "a.tif"


def inverted_palette(place, grey, name="a.tif"):
    picture = Image.fromarray(255 - grey)
    picture.putpalette([255 - level for level in range(256) for _ in range(3)])
    picture.save(place / name)
    return place / name


def inverted_palette_in_png(place, grey):
    return inverted_palette(place, grey, "a.png")


def marked_ends(place, grey):
    """With the table HiLo of ImageJ: 0 is blue, 255 is red."""
    table = np.repeat(np.arange(256, dtype=np.uint16)[None], 3, 0)
    table[:, 0], table[:, 255] = (0, 0, 255), (255, 0, 0)
    bright = np.where(discs.numbers() == 3, 255, grey).astype(np.uint8)
    tifffile.imwrite(place / "a.tif", bright, photometric="palette", colormap=table * 257, **SIZE)
    return place / "a.tif"


def green_table(place, grey):
    table = np.zeros((3, 256), np.uint16)
    table[1] = np.arange(256) * 257
    tifffile.imwrite(place / "a.tif", grey, photometric="palette", colormap=table, **SIZE)
    return place / "a.tif"


def behind_a_preview(place, grey):
    with tifffile.TiffWriter(place / "a.tif") as file:
        file.write(grey[::4, ::4], subfiletype=1)
        file.write(grey)
    return place / "a.tif"


PICTURES = [
    pytest.param(grey_and_opacity, marks=pytest.mark.case("S01")),
    pytest.param(inks, marks=pytest.mark.case("S13")),
    pytest.param(colours_in_inks, marks=pytest.mark.case("E13")),
    pytest.param(inverted_palette, marks=pytest.mark.case("S14")),
    pytest.param(inverted_palette_in_png, marks=pytest.mark.case("S14")),
    pytest.param(marked_ends, marks=pytest.mark.case("S15")),
    pytest.param(green_table, marks=pytest.mark.case("E15")),
    pytest.param(behind_a_preview, marks=pytest.mark.case("S25")),
]


@pytest.mark.parametrize("store", PICTURES)
def test_a_picture_has_the_same_objects_whichever_way_it_is_stored(tmp_path, store):
    found = ccc.threshold(ccc.read(store(tmp_path, discs.grey())))
    assert found.labels.shape == (96, 128)
    table = found.table.set_index("name")
    assert table["area_percent"]["objects"] == pytest.approx(discs.PERCENT, abs=0.3)
    objects = np.asarray(found.labels) == table["label"]["objects"]
    assert (objects == (discs.numbers() > 0)).mean() > 0.99


def map_with_a_table(place, numbers):
    colours = np.random.default_rng(3).integers(0, 256, (3, 256)).astype(np.uint16)
    colours[:, 0] = 0
    tifffile.imwrite(
        place / "a.tif", numbers, photometric="palette", colormap=colours * 257, **SIZE
    )
    return place / "a.tif"


def map_of_floats(place, numbers):
    tifffile.imwrite(
        place / "a.tif", numbers.astype(np.float32), imagej=True, resolution=(0.5, 0.5),
        metadata={"unit": "nm"},
    )  # fmt: skip
    return place / "a.tif"


def colours_of_a_map(place, numbers):
    table = np.random.default_rng(4).integers(0, 256, (6, 3)).astype(np.uint8)
    table[0] = 0
    tifffile.imwrite(place / "a.tif", table[numbers], photometric="rgb", **SIZE)
    return place / "a.tif"


MAPS = [
    pytest.param(map_with_a_table, marks=pytest.mark.case("S02b")),
    pytest.param(map_of_floats, marks=pytest.mark.case("S21")),
    colours_of_a_map,
]


@pytest.mark.parametrize("store", MAPS)
def test_labels_have_the_same_areas_whichever_way_they_are_stored(tmp_path, store):
    table = ccc.region_table(ccc.read(store(tmp_path, discs.numbers()))).table
    assert sorted(table["area_nm2"]) == [4 * area for area in sorted(discs.AREAS)]


@pytest.mark.parametrize(
    "channels", [1, pytest.param(3, marks=pytest.mark.case("S02a")), 4], ids=str
)
def test_objects_of_a_mask_are_the_same_whichever_way_it_is_stored(tmp_path, channels):
    mask = np.where(discs.numbers() > 0, 255, 0).astype(np.uint8)
    picture = mask if channels == 1 else np.stack([mask] * 3 + [mask | 255] * (channels - 3), -1)
    Image.fromarray(picture).save(tmp_path / "a.png")
    table = ccc.label_objects(ccc.read(tmp_path / "a.png")).table
    assert sorted(table["pixels"]) == sorted(discs.AREAS)
