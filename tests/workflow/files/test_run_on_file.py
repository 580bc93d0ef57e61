from __future__ import annotations

import numpy as np
import pytest
import tifffile

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.workflow.files.run_on_file import FileJob, run_on_file, run_on_folder
from napari_visual_ccc.workflow.save import Formats

ALONE = Formats(figures="none")


@pytest.fixture
def folder(tmp_path, discs):
    images = tmp_path / "images"
    (images / "more").mkdir(parents=True)
    tifffile.imwrite(images / "a.tif", discs)
    tifffile.imwrite(images / "more" / "a.tif", discs[::-1])
    (images / "b.png").write_bytes(b"no image")
    return images


def test_an_image_is_read_segmented_and_written(folder, tmp_path, discs):
    job = FileJob("threshold", {"method": "li"}, tmp_path / "out", formats=ALONE)
    done = run(run_on_file(job, folder / "a.tif"))
    expected = ccc.threshold(discs, method="li")
    np.testing.assert_array_equal(done.result.labels, expected.labels)
    (labels,) = [file for file in done.files if file.suffix == ".tif"]
    np.testing.assert_array_equal(ccc.read(labels).data, expected.labels)
    with pytest.raises(FileExistsError):
        run(run_on_file(job, folder / "a.tif"))


def test_every_image_of_a_folder_is_done_though_one_has_a_fault(folder, tmp_path):
    job = FileJob("threshold", {}, tmp_path / "out", formats=Formats("ome-tiff", "csv", "none"))
    notes = []
    result = run(run_on_folder(job, folder), notes.append)
    table = result.table.set_index("name")
    assert list(table.index) == ["a.tif", "b.png", "more/a.tif"]
    assert table.loc["a.tif", "problem"] == table.loc["more/a.tif", "problem"] == ""
    assert "b.png" in table.loc["b.png", "problem"]
    assert "%" in table.loc["a.tif", "result"]
    assert result.notes[0] == "2 of 3 images done"
    assert {note.total for note in notes} == {3}
    # images of one name in two folders do not meet
    assert (tmp_path / "out" / "more" / "a_threshold.yaml").is_file()
    assert (tmp_path / "out" / "a_threshold.yaml").is_file()
