"""What is found in the pixels of an image, or of a bounded part of it."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.widgets.checks import pixels
from napari_visual_ccc.widgets.checks.pixels import Plane, check


@pytest.fixture(scope="module")
def image():
    return samples.load("superalloy").data


def test_a_plane_has_the_quality_that_the_operation_finds(image):
    found = run(check(Plane(image)))
    (row,) = ccc.image_quality(image).table.to_dict("records")
    assert dict(found.row) == row
    assert (found.bar, found.part, found.problem) == (InfoBar(), "", "")
    assert found.limits["blurred"] == 9.0


def test_the_info_bar_is_left_out(image):
    with_bar = np.concatenate([image, np.zeros((60, image.shape[1]), image.dtype)])
    with_bar[-50:-30, 20:200] = 255
    found = run(check(Plane(with_bar, bar=InfoBar(bottom=60))))
    assert found.row["detail_px"] == run(check(Plane(image))).row["detail_px"]
    assert found.bar == InfoBar(bottom=60)


def test_of_a_large_plane_the_middle_is_assessed(image, monkeypatch):
    monkeypatch.setattr(pixels, "MOST", image.size - 1)
    monkeypatch.setattr(pixels, "SIDE", 256)
    read = []

    def seen(block, block_info=None):
        if block.size:
            read.append(block_info[0]["chunk-location"])
        return block

    lazy = da.from_array(image, chunks=64)
    lazy = lazy.map_blocks(seen, dtype=image.dtype, meta=np.empty((0, 0), image.dtype))
    plane = Plane(lazy, (3,), chunk_bytes=64 * 64)
    found = run(check(plane))
    assert found.part == "the middle 256 × 256 px of slice 3"
    assert found.bar is None
    assert dict(found.row) == dict(run(check(Plane(image[128:384, 128:384], bar=InfoBar()))).row)
    # nothing else was read
    assert set(read) == {(y, x) for y in range(2, 6) for x in range(2, 6)}


def test_a_plane_in_one_huge_chunk_is_not_read(image):
    found = run(check(Plane(da.from_array(image), chunk_bytes=1 << 40)))
    assert found.problem == "too large to be assessed at once"
    assert not found.row


@pytest.mark.parametrize("levels", [2, 8])
def test_a_mask_is_no_micrograph(levels):
    mask = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) % levels
    assert "few grey levels" in run(check(Plane(mask))).problem
    # an image of one grey level is empty
    assert run(check(Plane(np.zeros((64, 64))))).flags == ["empty: all pixels have one grey level"]


def test_an_image_without_a_finite_pixel_has_a_sentence():
    assert "no finite pixel" in run(check(Plane(np.full((64, 64), np.nan)))).problem
