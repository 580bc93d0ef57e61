"""Tiled equals whole: random images in random chunks and tiles."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays import lazy as arrays_lazy
from napari_visual_ccc.arrays import tile_reduction as tiles
from napari_visual_ccc.arrays import tiling as arrays_tiling
from napari_visual_ccc.arrays.reduction import computed, map_pieces
from napari_visual_ccc.core.progress import run

SOME = settings(
    max_examples=settings.default.max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def chunked(draw, min_size=30, largest=90):
    """A textured image, and the same as dask in chunks of random sizes."""
    shape = [draw(st.integers(min_size, largest)) for _ in range(2)]
    kind = draw(st.sampled_from([np.uint8, np.uint16, np.int32, np.float32]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    image = ndimage.gaussian_filter(rng.normal(size=shape), 1.5) * 300
    image = (image + rng.normal(size=shape) * 8 + 120).clip(0, 255).astype(kind)
    if kind == np.float32 and draw(st.booleans()):
        image[rng.random(shape) < 0.01] = np.nan
    return image, da.from_array(image, chunks=tuple(draw(_sizes(n)) for n in shape))


@st.composite
def _sizes(draw, length):
    sizes = []
    while sum(sizes) < length:
        sizes.append(draw(st.integers(1, length - sum(sizes))))
    return tuple(sizes)


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of numpy arrays that are as small as can be."""
    monkeypatch.setattr(arrays_tiling, "_LEAST_PIXELS", 200)
    monkeypatch.setattr(arrays_tiling, "_COLUMNS", 23)


def whole_and_tiled(operation, pair, layer, monkeypatch, **choices):
    image, lazy = pair
    with monkeypatch.context() as untiled:
        untiled.setattr(arrays_tiling, "_LEAST_PIXELS", 1 << 30)
        untiled.setattr(arrays_tiling, "_COLUMNS", 1 << 30)
        whole = layer(operation(image, **choices))
    found = layer(operation(lazy, **choices))
    assert isinstance(found, da.Array)
    return whole, np.asarray(found), layer(operation(image, **choices))


@SOME
@given(chunked(), st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from([2, 3]))
def test_otsu(small_tiles, monkeypatch, pair, sigma, classes):
    for found in _others(ccc.threshold, pair, monkeypatch, sigma=sigma, classes=classes):
        np.testing.assert_array_equal(*found)


def _others(operation, pair, monkeypatch, **choices):
    whole, lazy, tiled = whole_and_tiled(
        operation, pair, lambda r: r.layers[0].array, monkeypatch, **choices
    )
    return (lazy, whole), (tiled, whole)


@SOME
@given(chunked(), st.integers(2, 5))
def test_kmeans(small_tiles, monkeypatch, pair, clusters):
    for found in _others(ccc.kmeans, pair, monkeypatch, clusters=clusters):
        np.testing.assert_array_equal(*found)


@SOME
@given(
    chunked(),
    st.sampled_from(["contrast", "homogeneity", "correlation", "entropy", "asm"]),
    st.sampled_from([3, 5, 15]),
)
def test_texture(small_tiles, monkeypatch, pair, feature, window):
    for found in _others(ccc.glcm_features, pair, monkeypatch, feature=feature, window=window):
        if feature in ("contrast", "homogeneity", "correlation"):
            np.testing.assert_array_equal(*found)
        else:
            # logarithms are added up as the window rolls down
            np.testing.assert_allclose(*found, atol=1e-12)


@SOME
@given(chunked())
def test_edge_density(small_tiles, monkeypatch, pair):
    for found in _others(ccc.edge_density, pair, monkeypatch):
        np.testing.assert_array_equal(*found)


@settings(SOME, max_examples=settings.default.max_examples // 7)
@pytest.mark.parametrize("method", ["gaussian", "median", "total variation", "non-local means"])
@given(pair=chunked())
def test_filters(small_tiles, monkeypatch, method, pair):
    for found in _others(ccc.denoise, pair, monkeypatch, method=method):
        # vectorised code rounds the last columns of a tile in another order
        np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-4)


@SOME
@given(chunked(), st.sampled_from([1024, 40]))
def test_region_tables(monkeypatch, pair, tile):
    image, lazy = pair
    labels = ndimage.label(image > 120)[0]
    if not labels.any():
        return
    with monkeypatch.context() as smaller:
        smaller.setattr(tiles, "_TILE", tile)
        whole = ccc.region_table(labels, image).table
        found = ccc.region_table(da.from_array(labels, chunks=lazy.chunks), lazy).table
    assert found.equals(whole)


# on disk ------------------------------------------------------------------------------------------


def test_what_is_large_and_on_disk_stays_there(tmp_path, monkeypatch, discs):
    monkeypatch.setattr(arrays_lazy, "_READ_BYTES", discs.nbytes - 1)
    file = np.memmap(tmp_path / "image.raw", np.uint8, "w+", shape=discs.shape)
    file[:] = discs
    found = ccc.threshold(file)
    assert isinstance(found.labels, da.Array)
    target = np.memmap(tmp_path / "labels.raw", np.uint8, "w+", shape=discs.shape)
    assert run(computed(found.labels, target)) is target
    np.testing.assert_array_equal(target, ccc.threshold(discs).labels)


def test_a_zarr_array_takes_a_result_chunk_by_chunk(tmp_path, discs):
    import zarr

    target = zarr.create_array(
        tmp_path / "out.zarr", shape=discs.shape, chunks=(50, 64), dtype="u1"
    )
    found = ccc.kmeans(da.from_array(discs, chunks=(33, 47)))
    run(computed(found.labels, target))
    np.testing.assert_array_equal(target[:], ccc.kmeans(discs).labels)


# one pass over chunks -----------------------------------------------------------------------------


def test_every_chunk_is_read_once(rng):
    image, reads = rng.normal(size=(60, 80)), []

    def read(block_info=None):
        place = block_info[None]["array-location"]
        reads.append(tuple(place))
        return image[tuple(slice(*side) for side in place)]

    lazy = da.map_blocks(read, chunks=((17, 43), (20, 20, 40)), dtype=float, meta=np.empty((0, 0)))
    halo = da.map_overlap(lambda b: b, lazy, depth=3, boundary="none", meta=np.empty((0, 0)))
    found = [answer for _, answer in sorted(map_pieces(lambda *given: given, halo))]
    assert len(reads) == len(set(reads)) == 6
    for place, part in found:
        np.testing.assert_array_equal(part, image[place])
    assert [place[0].start for place, _ in found] == [0, 0, 0, 17, 17, 17]


def test_an_error_of_a_chunk_comes_through():
    def broken(block):
        raise OSError("chunk 3 is damaged")

    lazy = da.zeros((40, 40), chunks=10).map_blocks(broken, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(OSError, match="chunk 3 is damaged"):
        list(map_pieces(lambda _, part: part.sum(), lazy))


def test_leaving_half_way_stops_the_rest():
    asked = []
    lazy = da.zeros((1000, 10), chunks=(10, 10))
    answers = map_pieces(lambda place, part: asked.append(place), lazy)
    next(answers)
    answers.close()
    assert len(asked) < 50
