from __future__ import annotations

import numpy as np
import pytest
import tifffile

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.workflow.files.run_on_file import FileJob, run_on_file
from napari_visual_ccc.workflow.save import NOTHING, Formats

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


def test_the_steps_of_a_record_are_replayed_and_recorded(folder, tmp_path, discs):
    first = FileJob("threshold", {"method": "li"}, tmp_path / "out", formats=ALONE)
    done = run(run_on_file(first, folder / "a.tif"))
    again = FileJob("threshold", {}, tmp_path / "two", formats=NOTHING, record=done.record)
    other = run(run_on_file(again, folder / "more" / "a.tif"))
    np.testing.assert_array_equal(
        other.result.labels, ccc.threshold(discs[::-1], method="li").labels
    )
    assert other.files == []
    assert other.record.source.path == str(folder / "more" / "a.tif")
    assert other.record.last.parameters == done.record.last.parameters
    assert not (tmp_path / "two").exists()


def test_pictures_of_a_result_are_no_labels_and_said_as_an_image(folder, tmp_path):
    formats = Formats(overlays="filled")
    done = run(
        run_on_file(FileJob("threshold", {}, tmp_path / "out", formats=formats), folder / "a.tif")
    )
    pictures = [file for file in done.files if file.suffix == ".png"]
    assert len(pictures) == 2
    measured = FileJob("region_table", {}, tmp_path / "two", formats=NOTHING)
    for picture in pictures:
        message = f"{picture.name} is a picture of a result.*use a_threshold.ome.tif"
        with pytest.raises(ValueError, match=message):
            run(run_on_file(measured, picture))
        with pytest.raises(ValueError, match=message):
            ccc.region_table(ccc.read(picture))
        again = FileJob("threshold", {}, tmp_path / "three", formats=NOTHING)
        assert picture.name in run(run_on_file(again, picture)).notes[0]
    labels = next(file for file in done.files if file.name.endswith(".ome.tif"))
    overlay = next(file for file in pictures if file.name.endswith("_overlay.png"))
    beside = FileJob(
        "region_table", {}, tmp_path / "four", further={"intensity": overlay}, formats=NOTHING
    )
    assert overlay.name in run(run_on_file(beside, labels)).notes[0]
