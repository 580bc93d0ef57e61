from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.batch.job import (
    about_of,
    absolute_job,
    key_of,
    make_job,
    prepared,
    title_of,
)
from napari_visual_ccc.workflow.batch.run import Settings
from napari_visual_ccc.workflow.record import read_record
from napari_visual_ccc.workflow.save import NOTHING, Formats
from tests.models import saved


def job(tmp_path, operation="threshold", choices=None, **more):
    return make_job(operation, choices, tmp_path, formats=NOTHING, **more)


def test_the_key_is_of_what_results_depend_on(tmp_path):
    plain = key_of(job(tmp_path))
    assert key_of(job(tmp_path / "elsewhere")) == plain
    assert key_of(job(tmp_path, choices={"method": "otsu"})) == plain
    others = [
        job(tmp_path, choices={"method": "li"}),
        job(tmp_path, "particles"),
        job(tmp_path, spacing=2),
        job(tmp_path, spacing=2, unit="um"),
        job(tmp_path, keep_info_bar=True),
        replace(job(tmp_path), formats=replace(NOTHING, layers="imagej")),
    ]
    assert len({plain, *map(key_of, others)}) == 7


def test_lengths_of_a_record_count_with_their_unit(tmp_path):
    def recorded(unit):
        parameters = {"min_diameter": 50.0}
        step = {"operation": "label_objects", "parameters": parameters, "lengths": unit}
        return about_of(job(tmp_path, {"steps": [step]}))

    nm, um, bare = map(recorded, ("nm", "µm", ""))
    assert len({nm["key"], um["key"], bare["key"]}) == 3
    assert {key for key, one in nm["choices"].items() if one != um["choices"][key]} == {
        "unit of lengths"
    }


def test_the_ledger_says_what_the_batch_is(tmp_path):
    given = job(tmp_path, "kmeans", {"clusters": 4}, spacing=2)
    about = about_of(given)
    assert about["key"] == key_of(given)
    assert about["title"] == "kmeans"
    assert about["choices"]["clusters"] == 4
    assert about["choices"]["pixel size"] == [2.0, 2.0]
    assert "napari-visual-ccc" in about["versions"]


def test_a_model_counts_by_its_content(tmp_path):
    path = saved(tmp_path)
    before = key_of(job(tmp_path, "classify", {"model": path}))
    moved = path.rename(tmp_path / "moved.safetensors")
    assert key_of(job(tmp_path, "classify", {"model": moved})) == before
    moved.write_bytes(moved.read_bytes() + b" ")
    assert key_of(job(tmp_path, "classify", {"model": moved})) != before


def test_what_was_drawn_on_one_image_is_not_replayed_on_others(tmp_path, discs):
    step = {"operation": "threshold", "inputs": {"image": "a"}}
    record = read_record({"steps": [step], "source": {"name": "a"}})
    assert title_of(job(tmp_path, record)) == "threshold"
    drawn = step | {"drawn": {"prompts": {"points": [[1, 2]]}}}
    with pytest.raises(ValueError, match="drawn on one image"):
        job(tmp_path, read_record({"steps": [drawn], "source": {"name": "a"}}))


def test_further_inputs_are_files_of_their_names(tmp_path):
    labels = tmp_path / "labels.tif"
    ccc.write(ccc.threshold(np.eye(8) * 9), labels)
    with pytest.raises(ValueError, match="takes no 'labels'"):
        job(tmp_path, further={"labels": labels})
    with pytest.raises(FileNotFoundError, match=r"gone\.tif"):
        job(tmp_path, "region_table", further={"intensity": tmp_path / "gone.tif"})
    found = job(tmp_path, "region_table", further={"intensity": labels})
    assert found.further == {"intensity": labels}


def test_paths_of_a_job_travel_absolute_and_names_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, here = saved(tmp_path), tmp_path / "here"
    here.mkdir()
    for name in ("labels.tif", "folder"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(here)
    given = make_job(
        "region_table", {}, Path("../out"), further={"intensity": "../labels.tif"}, formats=NOTHING
    )
    found = absolute_job(given)
    assert (found.output, found.further) == (
        tmp_path / "out", {"intensity": tmp_path / "labels.tif"}
    )  # fmt: skip
    choices = {"model": Path("..", model.name), "folder": "../folder"}
    further = {"example": "../labels.tif"}
    similar = absolute_job(job(tmp_path, "find_similar", choices, further=further))
    assert similar.parameters["model"] == model
    assert similar.parameters["folder"] == tmp_path / "folder"
    # of a model of the hub, which has been fetched
    named = absolute_job(job(tmp_path, "sam_masks", {"model": "facebook/sam-vit-base"}))
    assert named.parameters["model"] == Path("facebook/sam-vit-base")
    # what is read back from a record is text
    recorded = {"model": f"../{model.name}", "decision": "here"}
    step = {"operation": "classify", "parameters": recorded}
    made = make_job({"steps": [step]}, None, Path("out"), formats=NOTHING)
    (travelled,) = absolute_job(made).record.steps
    assert travelled.parameters["model"] == str(model)
    assert travelled.parameters["decision"] == "here"


def test_prepared_takes_all_parameters_of_batch(tmp_path):
    known = signature.parameters_of(ccc.batch)
    chosen = {key: one.default for key, one in known.items() if key != "report"}
    job, how = prepared("threshold", tmp_path / "all.csv", {"method": "li"}, chosen)
    assert (job.name, job.parameters["method"]) == ("threshold", "li")
    assert job.formats == Formats("ome-tiff", "none", "png", "none")
    assert job.output == tmp_path / "all_files"
    assert Settings(**how) == Settings(table=tmp_path / "all.csv")
