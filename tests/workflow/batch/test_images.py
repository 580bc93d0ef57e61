from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow.batch.images import as_known, folder_of, images_of, of_same
from napari_visual_ccc.workflow.batch.work import RESULTS
from tests import closed_folder

needs_links = pytest.mark.skipif(os.name == "nt", reason="links of Windows need a permission")


def names(source, **options):
    return [image.name for image in images_of(source, **options)]


def test_folders_tables_patterns_and_lists_give_images(folder, tmp_path):
    everything = ["a.tif", "b.tif", "below/a.tif", "c.tif", "d.png"]
    assert names(folder) == everything
    assert names(f"{folder}/**/*.tif") == ["a.tif", "b.tif", "below/a.tif", "c.tif"]
    assert names([folder / "c.tif", str(folder / "a.tif"), folder / "c.tif"]) == ["c.tif", "a.tif"]
    assert names([folder / "below", folder / "b.tif"]) == ["below/a.tif", "b.tif"]
    table = tmp_path / "list.csv"
    table.write_text("Path;label\nimages/b.tif;x\nimages\\below\\a.tif;y\nimages/gone.tif;y\n")
    assert names(table) == ["b.tif", "below/a.tif", "gone.tif"]
    assert names(folder / "a.tif") == ["a.tif"]


def test_what_there_is_not_is_said(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        images_of(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no file matches"):
        images_of(f"{folder}/*.dm4")
    with pytest.raises(ValueError, match="no image"):
        images_of([])
    table = tmp_path / "list.csv"
    table.write_text("where,label\na.tif,x\n")
    with pytest.raises(ValueError, match="no column 'path'"):
        images_of(table)


def test_results_within_the_folder_are_no_images(folder, discs_of):
    discs_of(folder / "out" / "results" / "a.tif")
    assert "out/results/a.tif" in names(folder)
    assert not any(name.startswith("out") for name in names(folder, without=folder / "out"))


def test_the_key_changes_with_the_file_alone(folder):
    before = images_of(folder)[0].key
    assert images_of(folder)[0].key == before
    path = folder / "a.tif"
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 10**9))
    assert images_of(folder)[0].key != before
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert images_of(folder)[0].key == before
    # the text of a microscope beside it belongs to it
    path.with_suffix(".txt").write_text("$CM_MAG 1000")
    assert images_of(folder)[0].key.startswith(f"{before}|a.txt|")
    path.with_suffix(".txt").unlink()
    path.write_bytes(path.read_bytes() + b" ")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert images_of(folder)[0].key != before


def test_images_of_one_stem_have_titles_of_their_own(tmp_path):
    for name in ("a.tif", "A.png", "b c.tif", "b_c.tif", "more/a.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    titles = {image.name: image.title for image in images_of(tmp_path)}
    assert titles["more/a.tif"] == "a"
    inside = [title.casefold() for name, title in titles.items() if "/" not in name]
    assert len(set(inside)) == 4
    assert titles["a.tif"] == "a.tif"


def test_names_stay_when_files_are_added(folder, tmp_path, discs_of):
    for day in ("day1", "day2"):
        discs_of(tmp_path / "s" / day / "a.tif")
    pattern = str(tmp_path / "s" / "*" / "*.tif")
    assert names(pattern) == ["day1/a.tif", "day2/a.tif"]
    first, both = (sorted((tmp_path / "s").glob(one)) for one in ("day1/*", "*/*"))
    assert names(first) == ["a.tif"]
    known = {str(first[0]): "a.tif"}
    assert [one.name for one in as_known(images_of(both), known)] == ["a.tif", "day2/a.tif"]
    # what ledgers have of patterns of before, and two files of one name
    assert [one.name for one in as_known(images_of(pattern), known)] == ["a.tif", "day2/a.tif"]
    known = {str(one): "a.tif" for one in both} | {str(tmp_path / "gone"): "day2/a.tif"}
    assert [one.name for one in as_known(images_of(both), known)] == ["a.tif", "day2/a.tif"]
    (alone,) = images_of(both[1:])
    assert [one.name for one in as_known([alone, *images_of(first)], known)][:1] == ["a.tif"]
    assert len({one.name for one in as_known([alone, *images_of(first)], {})}) == 2


def test_a_row_may_name_no_file_but_no_folder(folder, tmp_path):
    table = tmp_path / "list.csv"
    table.write_text(f"path\nimages/a.tif\n{'x' * 300}.tif\n{'x' * 300}/a.tif\n")
    one, other, third = images_of(table)
    assert other.key.endswith("|0|0")
    assert third.key.endswith("|0|0")
    assert one.key.startswith("images/a.tif|")
    table.write_text("path\nimages/a.tif\n.\n")
    with pytest.raises(ValueError, match="is a folder; a row is one image"):
        images_of(table)


@needs_links
@pytest.mark.parametrize("kind", ["list", "table", "pattern", "folder"])
def test_all_that_is_written_lies_in_the_folder_of_the_results(
    kind, tmp_path, discs_of, monkeypatch
):
    here = tmp_path / "here"
    for name in ("in/a.tif", "y/b.tif", "elsewhere/c/d.tif", "here/e.tif"):
        discs_of(tmp_path / name)
    # a link that .. goes up from: below what it leads to
    (here / "link").symlink_to(tmp_path / "elsewhere" / "c")
    (here / "list.csv").write_text("path\n../y/b.tif\nlink/../c/d.tif\n./e.tif\n")
    source, expected = {
        "list": (
            ["../in/a.tif", "../here/../y/b.tif", "e.tif", "link/../c/d.tif"],
            ["in/a.tif", "y/b.tif", "here/e.tif", "elsewhere/c/d.tif"],
        ),
        "table": ("list.csv", ["y/b.tif", "elsewhere/c/d.tif", "here/e.tif"]),
        "pattern": ("[h-l]*/../[iy]*/*.tif", ["in/a.tif", "y/b.tif"]),
        "folder": ("link/../../y", ["b.tif"]),
    }[kind]
    monkeypatch.chdir(tmp_path if kind == "pattern" else here)
    precious = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    # where names with .. led to
    for place in (here / "y", tmp_path / "y"):
        place.mkdir(exist_ok=True)
        kept = place / "b_threshold.yaml"
        kept.write_text("precious")
        precious[kept] = b"precious"
    out = here / "deep" / "out"
    result = ccc.batch(source, "threshold", out)
    assert list(result.tables["images"]["image"]) == expected
    assert result.facts["failed"] == 0
    outside = {path for path in tmp_path.rglob("*") if path.is_file() and out not in path.parents}
    assert {path: path.read_bytes() for path in outside} == precious
    for name in expected:
        (written,) = (out / RESULTS / name).parent.glob("*_threshold.png")
        assert written.stem == f"{Path(name).stem}_threshold"


@needs_links
def test_a_name_that_leaves_the_folder_of_the_results_is_refused(tmp_path):
    results = tmp_path / "out" / RESULTS
    assert folder_of("day/a.tif", results) == results / "day"
    for name in ("../a.tif", "x/../../y/a.tif", "/y/a.tif"):
        with pytest.raises(ValueError, match="its results would lie outside of"):
            folder_of(name, results)
    results.mkdir(parents=True)
    (results / "away").symlink_to(tmp_path)
    (results / "near").symlink_to(results)
    with pytest.raises(ValueError, match="outside"):
        folder_of("away/a.tif", results)
    assert folder_of("near/a.tif", results) == results / "near"
    # the results may be on another disk
    (tmp_path / "disk").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "disk")
    assert folder_of("day/a.tif", tmp_path / "linked") == tmp_path / "linked" / "day"


def test_names_of_ledgers_that_leave_the_folder_are_not_kept(folder):
    images = images_of(folder)
    known = {str(folder / "a.tif"): "../../y/a.tif", str(folder / "b.tif"): "known.tif"}
    assert [one.name for one in as_known(images, known)][:2] == ["a.tif", "known.tif"]
    assert as_known(images, {str(folder / "a.tif"): "/y/a.tif"})[0].name == "a.tif"


@needs_links
def test_a_file_counts_once_however_it_is_spelled(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    # a link that comes before the file that it leads to, and folders with two names
    (folder / "0.tif").symlink_to("a.tif")
    (tmp_path / "other").symlink_to(folder)
    spelled = ["a.tif", str(folder / "a.tif"), "../images/a.tif", "below/../a.tif", "b.tif"]
    for source in (spelled, [*spelled, "0.tif", "../other/a.tif"]):
        found = images_of(source)
        assert [one.name for one in found] == ["a.tif", "b.tif"]
        assert [one.again for one in found] == [len(source) - 2, 0]
        again = as_known(found, {})
        assert of_same(again) == (
            f"{len(source) - 2} more paths of the same files, as of a.tif: each file counts once",
        )
    (folder / "list.csv").write_text("path\na.tif\n../other/a.tif\n")
    assert names(folder / "list.csv") == ["a.tif"]
    assert names(f"{tmp_path}/*/a.tif") == ["images/a.tif"]
    assert names(folder) == ["a.tif", "b.tif", "below/a.tif", "c.tif", "d.png"]
    assert of_same(images_of("b.tif")) == ()
    result = ccc.batch(folder, "threshold", tmp_path / "out", layers="none", thumbnails=False)
    assert (result.facts["done"], result.facts["failed"]) == (4, 1)
    assert result.notes[-1].startswith("1 more path of the same files, as of a.tif")
    # a link in the place of its file, and another name of the folder: nothing is done anew
    for source in (["0.tif", "b.tif", "below/a.tif", "c.tif"], tmp_path / "other"):
        again = ccc.batch(source, "threshold", tmp_path / "out", layers="none", thumbnails=False)
        assert (again.facts["done"], again.facts["before"]) == (0, 4)


@needs_links
def test_links_that_lead_nowhere_and_closed_folders_are_failures(folder, tmp_path):
    (folder / "loop.tif").symlink_to("loop.tif")
    (folder / "gone.tif").symlink_to("nowhere.tif")
    (folder / "loop").symlink_to("loop")
    closed_folder.put_into(folder)
    out = tmp_path / "out"
    result = ccc.batch(folder, "threshold", out, layers="none", thumbnails=False)
    failures = pd.read_csv(out / "failures.csv").set_index("image")["problem"]
    assert result.facts["done"] == 4
    assert list(failures.index[:3]) == ["d.png", "gone.tif", "loop.tif"]
    assert failures["loop.tif"] == "no such file; it is a link that leads nowhere"
    assert failures["gone.tif"] == "no such file; it is a link that leads nowhere"
    assert "File name too long" in failures.iloc[3]
    assert failures.index[3].startswith("xxx")
    assert len(failures) == 4
    table = tmp_path / "list.csv"
    table.write_text("path\nimages/loop.tif\nimages/a.tif\nimages/loop/a.tif\n")
    assert [one.key[-4:] == "|0|0" for one in images_of(table)] == [True, False, True]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
def test_pipes_among_images_are_failures(folder, tmp_path):
    names = ("p.tif", "p.png", "p1.ome.tif", "p2.ome.tif", "p.map", "p.npy", "p.hspy", "p.zarr")
    for name in names:
        os.mkfifo(folder / name)
    os.mkfifo(folder / "a.txt")
    os.mkfifo(folder / "p.csv")
    result = ccc.batch(folder, "threshold", tmp_path / "out", layers="none", thumbnails=False)
    failed = result.tables["failures"].set_index("image")["problem"]
    assert set(failed.index) == {*names, "d.png"}
    assert all("is no file, but a pipe, a socket" in failed[name] for name in names)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
def test_a_pipe_is_waited_for_at_no_door(folder, tmp_path):
    for name in ("list.csv", "p.yaml", "p.safetensors", "points.csv"):
        os.mkfifo(tmp_path / name)
    image, out = folder / "a.tif", tmp_path / "out"
    assert ccc.batch(tmp_path / "list.csv", "threshold", out).facts["failed"] == 1
    with pytest.raises(FileNotFoundError, match=r"p\.yaml"):
        ccc.batch(image, tmp_path / "p.yaml", tmp_path / "o")
    with pytest.raises(FileNotFoundError, match=r"p\.safetensors"):
        ccc.batch(image, "classify", out, {"model": tmp_path / "p.safetensors"})
    for number, (name, further) in enumerate((
        ("region_table", {"intensity": tmp_path / "points.csv"}),
        ("sam_masks", {"prompts": tmp_path / "points.csv"}),
    )):  # fmt: skip
        result = ccc.batch(image, name, tmp_path / f"o{number}", further=further)
        assert (result.facts["done"], result.facts["failed"]) == (0, 1)
    # in the folder of further inputs
    ccc.batch(image, "threshold", tmp_path / "labels", thumbnails=False)
    for name in ("p.tif", "p.ome.tif", "q.ome.tif"):
        os.mkfifo(folder / name)
    labels, grey = tmp_path / "labels" / "results", {"intensity": folder}
    paired = ccc.batch(labels, "region_table", tmp_path / "p", further=grey)
    assert paired.facts["done"] == 1


def test_a_folder_is_no_image_by_its_name_alone(folder, tmp_path):
    place = tmp_path / "session.zarr"
    shutil.copytree(folder, place)
    assert names(place) == names(folder)
    store = tmp_path / "one.zarr"
    zarr.save_array(str(store), np.zeros((8, 8), np.uint8))
    assert names(store) == ["one.zarr"]
