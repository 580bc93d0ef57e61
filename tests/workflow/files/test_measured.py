from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers import LabelsLayer
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.workflow.files.measured import with_measures


def test_objects_get_the_columns_of_region_table(discs):
    found = ccc.particles(discs, 2.0, "nm")
    wide = run(with_measures("particles", found, {"image": discs}, (2.0, 2.0), "nm"))
    expected = ccc.region_table(found.labels, discs, 2.0, "nm").table
    columns = [one for one in wide.table.columns if one != "pixels"]
    pd.testing.assert_frame_equal(wide.table[columns], expected)
    assert list(wide.table["pixels"]) == list(found.table["pixels"])
    np.testing.assert_array_equal(wide.labels, found.labels)


def test_labels_have_no_intensity_and_no_object_is_no_error(discs):
    mask = discs > 128
    found = ccc.label_objects(mask)
    wide = run(with_measures("label_objects", found, {"labels": mask}, None, "px"))
    assert "feret_max_px" in wide.table
    assert "intensity_mean" not in wide.table
    none = Result((LabelsLayer(np.zeros((8, 8), np.int32)),))
    assert run(with_measures("label_objects", none, {}, None, "px")) is none


def test_a_lazy_stack_without_a_table_gets_one(discs):
    stack = da.from_array(np.stack([discs, discs[::-1]]), chunks=(1, -1, -1))
    found = ccc.particles(stack)
    assert not found.tables
    wide = run(with_measures("particles", found, {"image": stack}, None, "px"))
    measured = wide.table["area_px2"].sort_values()
    once = ccc.particles(stack.compute()).table["pixels"].sort_values()
    np.testing.assert_allclose(measured, once)
