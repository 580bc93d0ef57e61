from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.core.layers import PointsLayer, ShapesLayer
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.io.read.coordinates import read_coordinates, read_prompts
from napari_visual_ccc.io.write.layers import write_layer

LABEL = pd.DataFrame({"label": [1, 0]})
SOURCE = Micrograph(np.zeros((20, 30)), name="copper")


def test_points_are_read_as_they_were_written(tmp_path):
    layer = PointsLayer(np.array([[1.5, 2], [3, 4]]), features=LABEL)
    write_layer(layer, tmp_path / "a.csv", SOURCE, record={})
    found = read_coordinates(tmp_path / "a.csv")
    assert isinstance(found, PointsLayer)
    np.testing.assert_array_equal(found.data, layer.data)
    assert list(found.features["label"]) == [1, 0]


def test_shapes_are_read_as_they_were_written(tmp_path):
    box = np.array([[1, 2], [1, 9], [5, 9], [5, 2.5]])
    layer = ShapesLayer([box, box[:3] + 1], kinds=("rectangle", "polygon"), features=LABEL)
    write_layer(layer, tmp_path / "a.csv", SOURCE, record={})
    found = read_coordinates(tmp_path / "a.csv")
    assert isinstance(found, ShapesLayer)
    assert found.kind_of_each == ("rectangle", "polygon")
    for one, other in zip(found.data, layer.data, strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(found.features["label"]) == [1, 0]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "axis-0,axis-1\n1,here\n", "axis-0,axis-1\n1,\n"])
def test_other_tables_are_refused(text, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.csv: (no columns|a position)"):
        read_coordinates(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_coordinates(tmp_path / "none.csv")


def test_a_table_that_cannot_be_read_is_named_once(tmp_path):
    path = tmp_path / "a.csv"
    for content, reason in ((b"", "is empty"), (b"\x93\0\0\x81" * 9, "cannot be read as a table")):
        path.write_bytes(content)
        with pytest.raises(ValueError) as error:
            read_coordinates(path)
        assert str(error.value).startswith(f"{path}: {reason}")
        assert str(error.value).count(path.name) == 1


def test_prompts_are_points_or_an_image(tmp_path):
    (tmp_path / "a.CSV").write_text("axis-0,axis-1\n1,2\n")
    np.testing.assert_array_equal(read_prompts(tmp_path / "a.CSV").data, [[1, 2]])
    np.save(tmp_path / "labels.npy", np.eye(9, dtype=np.uint8))
    assert isinstance(read_prompts(tmp_path / "labels.npy"), Micrograph)
