"""Levels of a pyramid, written in one pass."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.layers import LabelsLayer
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io.write import images as export
from napari_visual_ccc.io.write.layers import micrograph_of
from tests.io.write.helpers import OME, path_of, read, write

zarr = pytest.importorskip("zarr", minversion="3")


@pytest.mark.parametrize("kind", OME)
@pytest.mark.parametrize("lazy", [False, True])
def test_levels_halve_and_keep_the_mean(tmp_path, rng, small_pyramids, kind, lazy):
    data = rng.integers(0, 255, (2, 1025, 1301)).astype(np.uint8)
    image = Micrograph(
        da.from_array(data, chunks=(2, 300, 500)) if lazy else data, (2.0, 3.0), "nm"
    )
    path = write(image, path_of(tmp_path, kind), format=kind)
    if kind == "ome-tiff":
        with tifffile.TiffFile(path) as tif:
            levels = [level.asarray() for level in tif.series[0].levels]
            assert tif.pages[0].is_tiled
    else:
        found = read(path)
        levels = [found.data, *found.levels]
    assert [level.shape for level in levels] == [
        (2, 1025, 1301), (2, 513, 651), (2, 257, 326), (2, 129, 163),
    ]  # fmt: skip
    np.testing.assert_array_equal(levels[0], data)
    expected = data[:, :1024, :1300].reshape(2, 512, 2, 650, 2).mean(axis=(2, 4)).round()
    np.testing.assert_array_equal(levels[1][:, :512, :650], expected)
    np.testing.assert_array_equal(levels[1][:, -1, 0], data[:, -1, :2].mean(axis=1).round())


def test_labels_are_never_mixed(tmp_path, small_pyramids):
    data = np.zeros((700, 640), np.int32)
    data[:, 1::2], data[:, ::2] = 9, 5
    layer = micrograph_of(LabelsLayer(data), Micrograph(None, (1.0, 1.0), "nm"))
    found = read(write(layer, tmp_path / "a.zarr"))
    assert set(np.unique(found.levels[0])) == {5}
    assert found.metadata["labels"] is True
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    told = group.attrs["ome"]["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    assert told == [{"type": "scale", "scale": [2.0, 2.0]}]


@pytest.mark.parametrize("kind", [*OME, "imagej"])
def test_every_chunk_is_computed_once_and_progress_is_told(tmp_path, small_pyramids, kind):
    seen = []

    def block(chunk, block_info=None):
        if block_info:
            seen.append(tuple(block_info[0]["chunk-location"]))
        return chunk + 1

    source = da.zeros((4, 700, 650), dtype=np.uint8, chunks=(2, 300, 250))
    image = Micrograph(source.map_blocks(block, dtype=np.uint8, meta=np.empty((0,) * 3, np.uint8)))
    told = []
    run(export.write_image(image, path_of(tmp_path, kind), format=kind), told.append)
    assert sorted(seen) == sorted(np.ndindex(2, 3, 3))
    assert [one.done for one in told] == list(range(1, len(told) + 1))
    assert {one.total for one in told} == {len(told)}
    assert len(told) >= 6
