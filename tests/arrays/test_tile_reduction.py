import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.arrays.tile_reduction import map_tiles, tile_corners


def test_tiles_are_equal_parts_in_the_order_of_their_corners():
    assert tile_corners((1024, 1025)) == [(0, 0), (0, 512)]
    assert tile_corners((50, 10), side=20) == [(0, 0), (16, 0), (33, 0)]


@pytest.mark.parametrize("chunks", [None, (50, 60), (7, 60), (13, 11)])
@pytest.mark.parametrize("halo", [0, 2])
def test_tiles_with_their_halo_are_the_image_on_zeros(rng, chunks, halo):
    image, other = rng.integers(1, 9, (2, 50, 60))
    padded, beside = (np.pad(one, halo) for one in (image, other))
    images = (image, other) if chunks is None else (da.from_array(image, chunks), other)
    found = list(map_tiles(lambda *tiles: tiles, *images, halo=halo, side=20))
    corners = tile_corners(image.shape, side=20)
    for (y, x), (tile, second) in zip(corners, found, strict=True):
        height, width = tile.shape
        np.testing.assert_array_equal(tile, padded[y : y + height, x : x + width])
        np.testing.assert_array_equal(second, beside[y : y + height, x : x + width])
    inside = sum((t.shape[0] - 2 * halo) * (t.shape[1] - 2 * halo) for t, _ in found)
    assert inside == image.size


def test_every_chunk_is_computed_once():
    computed = []

    def chunk(block_info=None):
        computed.append(block_info[None]["chunk-location"])
        return np.ones((10, 30))

    image = da.map_blocks(chunk, chunks=((10,) * 5, (30, 30)), dtype=float, meta=np.empty((0, 0)))
    assert sum(map_tiles(np.sum, image, halo=3, side=20)) > image.size
    assert len(computed) == len(set(computed)) == 10
