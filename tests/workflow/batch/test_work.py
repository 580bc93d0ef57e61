from __future__ import annotations

import errno
import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow.batch import work as module
from napari_visual_ccc.workflow.batch.images import images_of
from napari_visual_ccc.workflow.batch.work import Report, columns_of, is_whole, work
from napari_visual_ccc.workflow.files.run_on_file import FileJob
from napari_visual_ccc.workflow.save import NOTHING, Formats


@pytest.fixture
def images(folder):
    return {image.name: image for image in images_of(folder)}


def test_a_report_has_the_tables_and_the_files(images, folder, tmp_path):
    job = FileJob("threshold", {}, tmp_path / "out", formats=Formats("ome-tiff", "none", "none"))
    report = work(job, images["below/a.tif"])
    expected = ccc.threshold(ccc.read(folder / "below" / "a.tif")).table
    assert report.problem == ""
    pd.testing.assert_frame_equal(
        pd.DataFrame(next(iter(report.tables.values()))), expected, check_dtype=False
    )
    assert report.files == [
        "results/below/a_threshold.ome.tif", "results/below/a_threshold.yaml"
    ]  # fmt: skip
    assert all((tmp_path / "out" / file).is_file() for file in report.files)
    assert (report.spacing, report.unit) == ([2.0, 2.0], "nm")
    # it travels and is kept as JSON
    assert Report(**json.loads(json.dumps(asdict(report)))) == report
    # a run that ended before it was written down left files: they are replaced
    assert work(job, images["below/a.tif"]).problem == ""


def test_a_damaged_image_and_a_bug_are_problems_of_the_image(images, tmp_path, monkeypatch):
    job = FileJob("threshold", {}, tmp_path, formats=NOTHING)
    assert "cannot be read" in work(job, images["d.png"]).problem
    monkeypatch.setattr(module, "run_on_file", lambda *_: iter(()).missing)
    assert "AttributeError" in work(job, images["a.tif"]).problem


def test_errors_of_a_network_drive_are_tried_again(images, tmp_path, monkeypatch):
    job, real, failures = (
        FileJob("threshold", {}, tmp_path, formats=NOTHING),
        module.run_on_file,
        [],
    )

    def fails(code, times):
        def run_on_file(*given):
            if len(failures) < times:
                failures.append(code)
                raise ValueError("cannot be read") from OSError(code, "drive")
            return (yield from real(*given))

        failures.clear()
        monkeypatch.setattr(module, "run_on_file", run_on_file)
        monkeypatch.setattr(module, "_PAUSES", (0.0, 0.0))
        return work(job, images["a.tif"])

    assert fails(errno.EIO, 2).problem == ""
    assert fails(errno.EIO, 9).problem == "cannot be read"
    assert len(failures) == 3
    assert fails(errno.ENOENT, 1).problem == "cannot be read"
    with pytest.raises(ValueError, match="cannot be read"):
        fails(errno.ENOSPC, 1)


def test_values_of_columns_are_exact_and_plain():
    table = pd.DataFrame({
        "i": np.array([1, 2], np.uint64), "f": [0.1, np.nan], "s": np.array([0.1, 2], np.float32),
        "t": ["a", None], "b": [True, False], "m": [1, "x"],
    })  # fmt: skip
    found = columns_of(table)
    assert found["i"] == [1, 2]
    assert found["f"][0] == 0.1 and np.isnan(found["f"][1])
    assert found["s"] == [0.1, 2.0]
    assert found["b"] == [True, False]
    assert found["t"][0] == "a"
    assert json.loads(json.dumps(found))["m"] == [1, "x"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5}, {"tables": 3}, {"tables": {"": [1]}}, {"tables": {"": {"a": [1], "b": []}}},
        {"notes": [1]}, {"spacing": "x"}, {"unit": 1}, {"seconds": "a"}, {"result": None},
    ],
)  # fmt: skip
def test_a_damaged_entry_of_a_ledger_is_told_from_a_whole_one(change):
    entry = {"name": "a", "path": "a", **asdict(Report(tables={"": {"a": [1]}}, spacing=[1.0]))}
    assert is_whole(entry)
    assert not is_whole(entry | change)
    assert not is_whole({key: value for key, value in entry.items() if key not in change})


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_folder_that_was_moved_is_not_made_again(images, tmp_path, monkeypatch, when):
    out = tmp_path / "out"
    job = FileJob("threshold", {}, out, formats=Formats("ome-tiff", "none", "none"))
    ledger, real = out / "batch.jsonl", module.run_on_file
    out.mkdir()
    ledger.write_text("")
    assert work(job, images["a.tif"], ledger=ledger).problem == ""

    def moved_meanwhile(*given):
        out.rename(tmp_path / "moved")
        return (yield from real(*given))

    if when == "before":
        out.rename(tmp_path / "moved")
    else:
        monkeypatch.setattr(module, "run_on_file", moved_meanwhile)
    report = work(job, images["below/a.tif"], ledger=ledger)
    assert report == Report("the folder of the results was moved or removed")
    assert not out.exists()
    assert (tmp_path / "moved" / "results" / "a_threshold.ome.tif").is_file()
