from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow.batch.job import about_of, make_job
from napari_visual_ccc.workflow.batch.keep.others import held, lost, others
from napari_visual_ccc.workflow.batch.ledger import NAME, Ledger
from napari_visual_ccc.workflow.save import NOTHING

BARE = {"layers": "none", "thumbnails": False}
NAMES = {"a.tif", "b.tif", "below/a.tif", "c.tif"}


def entry(file, name=None, problem=""):
    return {"name": name or file.name, "path": str(file), "problem": problem, "files": []}


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "out" / NAME, {"key": "k"}) as made:
        yield made


@pytest.fixture
def images(tmp_path):
    """Images that are done, the last of them once more after it had changed."""
    place = tmp_path / "in"
    place.mkdir()
    for name in "abz":
        (place / name).write_text(name)
    return place


def keys_of(place, z="z|2", names="abz"):
    return {z if name == "z" else name: place / name for name in names}


def done(ledger, place):
    ledger.add("z|1", entry(place / "z"))
    for key, path in keys_of(place).items():
        ledger.add(key, entry(path))


@pytest.mark.parametrize("how", ["moved", "moved deeper", "copied", "renamed above"])
def test_an_image_that_had_changed_is_no_other_one_wherever_its_folder_is(
    ledger, images, tmp_path, how
):
    done(ledger, images)
    now = tmp_path / {"moved deeper": "x/in", "renamed above": "y/in"}.get(how, "now")
    now.parent.mkdir(exist_ok=True)
    if how == "copied":
        shutil.copytree(images, now)
    else:
        images.rename(now)
    assert others(ledger, keys_of(now)) == {}
    assert lost(ledger, keys_of(now)) == []
    # it failed the last time, and came back as it was
    ledger.add("z|3", entry(now / "z", problem="damaged"))
    for z in ("z|1", "z|3"):
        assert others(ledger, keys_of(now, z)) == {}


def test_images_that_changed_or_went_in_a_folder_that_moved_are_known(ledger, images, tmp_path):
    done(ledger, images)
    now = images.rename(tmp_path / "now")
    assert others(ledger, keys_of(now, "z|3")) == {}
    # not given, but there
    assert lost(ledger, keys_of(now, names="ab")) == [str(images / "z")]
    (now / "z").unlink()
    assert lost(ledger, keys_of(now, names="ab")) == []
    assert others(ledger, keys_of(now, names="ab")) == {"z": images / "z"}
    # what alone was given has the place of nothing
    assert len(lost(ledger, {"other": tmp_path / "elsewhere" / "a"})) == 3


def test_images_of_another_folder_are_others_though_they_have_the_same_names(
    ledger, images, tmp_path
):
    done(ledger, images)
    other = {f"{name}|0": tmp_path / "other" / name for name in "abz"}
    assert set(others(ledger, other)) == set("abz")
    assert len(lost(ledger, other)) == 3
    # one image of the copy is another one, and the former one is still there
    copy = keys_of(shutil.copytree(images, tmp_path / "copy"), "z|3")
    assert lost(ledger, copy) == [str(images / "z")]
    # a later state of an image that is not given
    assert list(others(ledger, keys_of(images, names="ab"))) == ["z"]


@pytest.mark.parametrize("how", ["images moved", "output moved", "both moved", "images copied"])
@pytest.mark.parametrize("touched", ["before", "after"])
def test_a_batch_goes_on_where_its_folders_were_moved_or_copied(
    folder, tmp_path, discs_of, how, touched
):
    (folder / "d.png").unlink()
    out, images = tmp_path / "out", folder

    def touch():
        discs_of(images / "below" / "a.tif", radius=11)
        os.utime(images / "c.tif", ns=(1, 1))

    ccc.batch(images, "threshold", out, **BARE)
    if touched == "before":
        touch()
        assert ccc.batch(images, "threshold", out, **BARE).facts["done"] == 2
    if "copied" in how:
        images = Path(shutil.copytree(images, tmp_path / "copy"))
    elif how != "output moved":
        images = images.rename(tmp_path / "now")
    if how in ("output moved", "both moved"):
        out = out.rename(tmp_path / "moved")
    if touched == "after":
        touch()
        if how == "images copied":
            with pytest.raises(FileExistsError, match="2 other images"):
                ccc.batch(images, "threshold", out, **BARE)
            return
    for before in (4 if touched == "before" else 2, 4):
        found = ccc.batch(images, "threshold", out, **BARE)
        assert (found.facts["before"], found.facts["failed"]) == (before, 0)
        assert not any("no longer" in note for note in found.notes)
        assert set(found.tables["threshold"]["image"]) == NAMES


def about(tmp_path, operation="kmeans", choices=None, **more):
    made = about_of(make_job(operation, choices, tmp_path, formats=NOTHING, **more))
    return json.loads(json.dumps(made))


def test_what_another_batch_is_of_is_said(tmp_path):
    three, four = (about(tmp_path, choices={"clusters": count}) for count in (3, 4))
    assert held(four, three) == "results of kmeans with other choices (clusters 3, now 4)"
    other = about(tmp_path, "threshold")
    assert held(other, three) == "results of kmeans, not of threshold"
    more = about(tmp_path, choices={"clusters": 3}, spacing=2, keep_info_bar=True)
    assert held(more, three) == (
        "results of kmeans with other choices (pixel size none, now [2.0, 2.0], unit of pixel size "
        "none, now nm, keep_info_bar off, now on)"
    )
    # some of a later version, and of an earlier one that wrote no choices
    old = {**three, "versions": {"napari-visual-ccc": "0.0.1"}}
    own = three["versions"]["napari-visual-ccc"]
    made = f"made by version 0.0.1 (this is {own})"
    assert held(three, old) == f"results of kmeans {made}"
    assert held(four, old) == (f"results of kmeans with other choices (clusters 3, now 4), {made}")
    bare = {key: three[key] for key in ("key", "title", "versions")}
    assert held(four, bare) == "results of kmeans with other choices"
    assert held(four, {"key": "k"}) == "results of another batch, not of kmeans"


def test_choices_that_are_files_and_many_of_them_are_said_in_short(tmp_path):
    known = {"choices": {}, "title": "t", "versions": {}}
    now = known | {"choices": {"model": "a" * 64, "b": 1, "c": [1], "d": {"e": None}, "f": True}}
    assert held(now, known) == (
        "results of t with other choices (model none, now a file aaaaaaaa, b none, now 1, "
        "c none, now [1] and 2 more)"
    )
    before = known | {"choices": {**now["choices"], "model": "b" * 64, "f": "\ud800"}}
    assert "a file bbbbbbbb, now a file aaaaaaaa, f \\ud800, now on" in held(now, before)


def test_steps_of_a_record_are_numbered(tmp_path):
    def record(sigma):
        steps = [
            {"operation": "denoise", "parameters": {"method": sigma}},
            {"operation": "threshold", "parameters": {"method": "otsu"}},
        ]
        return about(tmp_path, {"steps": steps})

    assert held(record("median"), record("gaussian")) == (
        "results of denoise, threshold with other choices (step 1 denoise method gaussian, now "
        "median)"
    )
