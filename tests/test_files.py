from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_visual_ccc import files, formats
from napari_visual_ccc.results import ImageResult, LabelsResult


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(20, 30), (3, 20, 30), (2, 3, 20, 30)])
def test_results_come_back_with_pixel_size_and_record(tmp_path, rng, dtype, shape):
    data = (rng.random(shape) * 100).astype(dtype)
    result = LabelsResult(data) if np.dtype(dtype).kind in "ui" else ImageResult(data)
    record = {"source": {"name": "x"}, "steps": [{"operation": "otsu"}], "note": 'µ "<&>'}
    path = tmp_path / "r.ome.tif"
    files.write_layer(result, path, spacing=(2.0, 1.5), unit="nm", record=record)
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, data)
    assert found.spacing == (2.0, 1.5)
    assert found.unit == "nm"
    assert found.metadata["visual_ccc"] == record


def test_a_coarse_map_says_how_coarse_it_is_and_where_it_lies(tmp_path):
    files.write_layer(
        ImageResult(np.zeros((4, 5), np.float32), stride=8), tmp_path / "c.ome.tif",
        spacing=(2.0, 2.0), unit="nm",
    )  # fmt: skip
    assert formats.read(tmp_path / "c.ome.tif").spacing == (16, 16)
    with tifffile.TiffFile(tmp_path / "c.ome.tif") as tif:
        assert 'PositionX="7.0"' in tif.ome_metadata


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    files.write_text("one", path)
    with pytest.raises(FileExistsError, match="--force"):
        files.write_text("two", path)
    assert path.read_text() == "one"
    files.write_text("two", path, force=True)
    assert path.read_text() == "two"


def test_a_failed_write_leaves_what_was_there_and_no_half_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.written(path, force=True) as part:
        part.write_text("ha")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["a.txt"]


def test_stacks_of_many_axes_are_written_as_one(tmp_path, rng):
    data = rng.integers(0, 9, (2, 2, 2, 2, 5, 6)).astype(np.uint8)
    files.write_layer(LabelsResult(data), tmp_path / "r.ome.tif")
    np.testing.assert_array_equal(formats.read(tmp_path / "r.ome.tif").data, data.reshape(-1, 5, 6))
