from __future__ import annotations

import dask.array as da
import numpy as np

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.lazy import as_array_or_dask
from napari_visual_ccc.arrays.reduction import computed
from napari_visual_ccc.core.progress import run


def test_what_is_large_and_on_disk_stays_there(tmp_path, discs):
    file = np.memmap(tmp_path / "image.raw", np.uint8, "w+", shape=discs.shape)
    file[:] = discs
    assert isinstance(as_array_or_dask(file, file.nbytes), np.ndarray)
    found = ccc.threshold(as_array_or_dask(file, file.nbytes - 1))
    assert isinstance(found.labels, da.Array)
    target = np.memmap(tmp_path / "labels.raw", np.uint8, "w+", shape=discs.shape)
    assert run(computed(found.labels, target)) is target
    np.testing.assert_array_equal(target, ccc.threshold(discs).labels)
