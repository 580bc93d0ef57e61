from __future__ import annotations

import os

import pytest

from napari_visual_ccc.workflow.batch.images import as_known, images_of


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
