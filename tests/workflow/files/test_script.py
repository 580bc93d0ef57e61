from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tifffile

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow.files.script import to_script
from tests.workflow.test_recipe import CHAIN, recorded


def test_a_record_becomes_a_script_that_gives_the_same(discs, tmp_path):
    image = tmp_path / "discs.tif"
    tifffile.imwrite(image, discs)
    result, record = recorded(discs, CHAIN, path=str(image))
    script = tmp_path / "again.py"
    text = to_script(record) + "\nimport numpy as np\nnp.save('again.npy', result_3.labels)\n"
    script.write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), result.labels)


def test_a_script_takes_the_slice_or_level_that_the_record_is_of(discs, tmp_path):
    stack = np.stack([255 - discs, discs])
    tifffile.imwrite(tmp_path / "stack.tif", stack)
    path = str(tmp_path / "stack.tif")
    plane = {"operation": "kmeans", "parameters": {"sigma": 1.0}, "plane": [1]}
    record = {"steps": [plane], "source": {"path": path}}
    found = {}
    exec(to_script(record), found)
    np.testing.assert_array_equal(found["result_1"].labels, ccc.kmeans(discs).labels)
    with tifffile.TiffWriter(tmp_path / "p.ome.tif") as tif:
        size = {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
                "PhysicalSizeY": 2.0, "PhysicalSizeYUnit": "nm"}  # fmt: skip
        tif.write(discs, subifds=1, metadata={"axes": "YX", **size})
        tif.write(discs[::2, ::2], subfiletype=1)
    path = str(tmp_path / "p.ome.tif")
    step = {"operation": "kmeans", "parameters": {"sigma": 1.0}, "level": 2.0}
    exec(to_script({"steps": [step], "source": {"path": path}}), found)
    expected = ccc.kmeans(discs[::2, ::2], spacing=(4.0, 4.0), unit="nm")
    np.testing.assert_array_equal(found["result_1"].labels, expected.labels)
    assert found["result_1"].table.equals(expected.table)
    with pytest.raises(ValueError, match="an earlier step created"):
        to_script({"steps": [{"operation": "denoise"}, step], "source": {"path": path}})
