from __future__ import annotations

import codecs
import json
import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_visual_ccc as ccc
from napari_visual_ccc.cli import many, terminal
from napari_visual_ccc.cli.main import main


@pytest.fixture
def folder(tmp_path, discs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, image in (("a", discs), ("b", np.flipud(discs)), ("below/c", discs)):
        path = Path("images", f"{name}.tif")
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, image)
    return Path("images")


def test_a_folder_becomes_one_table_of_particles(folder, capsys, discs):
    (folder / "bad.png").write_bytes(b"none")
    words = ["particles", "images", "-o", "t.csv", "--spacing", "2", "--jobs", "1", "--excel"]
    assert main(words) == 1
    told = capsys.readouterr()
    assert "4 images of images are taken one by one" in told.err
    assert "3 of 4 images done" in told.out
    assert "bad.png" in told.out
    table = pd.read_csv("t.csv")
    assert list(table["image"].unique()) == ["a.tif", "b.tif", "below/c.tif"]
    expected = ccc.region_table(ccc.particles(discs, 2.0, "nm"), discs, unit="nm").table
    own = table[table["image"] == "a.tif"]
    for column in ("area_nm2", "feret_max_nm", "circularity", "intensity_mean"):
        np.testing.assert_allclose(own[column], expected[column])
    by_image = pd.read_csv("t_summary_by_image.csv").set_index(["image", "measure"])
    row = by_image.loc["a.tif", "area_nm2"]
    assert (row["n"], row["unit"]) == (len(expected), "nm2")
    assert row["d50"] == pytest.approx(expected["area_nm2"].median())
    total = pd.read_csv("t_summary.csv").set_index("measure").loc["area_nm2"]
    assert (total["images"], total["n"]) == (3, len(table))
    # one encoding; the copy for Excel is apart
    assert not Path("t.csv").read_bytes().startswith(codecs.BOM_UTF8)
    assert Path("t_excel.csv").read_bytes() == codecs.BOM_UTF8 + Path("t.csv").read_bytes()
    assert not Path("t_files", "results").exists()
    # what is wrong is said to those who want to hear nothing else
    assert main([*words, "-q"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("visual-ccc: images/bad.png: ")
    # what is done is not done again
    (folder / "bad.png").unlink()
    assert main([*words, "--skip-existing"]) == 0
    assert "3 of 3 images done (3 of them before)" in capsys.readouterr().out


def test_a_table_of_something_else_is_not_replaced(folder, capsys):
    Path("t.csv").write_text("mine")
    words = ["phases", "images", "--no-recursive", "-o", "t.csv"]
    assert main(words) == 1
    assert "t.csv already exists" in capsys.readouterr().err
    assert Path("t.csv").read_text() == "mine"
    assert main([*words, "--force"]) == 0
    table = pd.read_csv("t.csv")
    assert list(table["image"].unique()) == ["a.tif", "b.tif"]
    assert "area_percent" in table


def test_images_of_intensity_are_paired_by_name(folder, capsys, discs):
    Path("masks").mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(Path("masks", f"{name}_mask.tif"), (discs > 128).astype(np.uint8))
    words = ["measure", "masks", "--intensity", "images", "-o", "m.csv"]
    assert main(words) == 0, capsys.readouterr()
    table = pd.read_csv("m.csv")
    assert list(table["image"].unique()) == ["a_mask.tif", "b_mask.tif"]
    means = table.groupby("image")["intensity_mean"].mean()
    assert means["a_mask.tif"] != means["b_mask.tif"]


def test_a_folder_is_a_stack_where_it_is_asked_for(folder, capsys):
    words = ["threshold", "images", "--as-stack", "--format", "none", "--figures", "none"]
    assert main([*words, "-o", "out"]) == 0
    assert "slices" in capsys.readouterr().out
    assert main([*words, "-o", "t.csv"]) == 0
    assert list(pd.read_csv("t.csv")["image"].unique()) == ["images"]
    # a pattern that the shell did not expand, into a folder
    assert main(["threshold", "images/*.tif", "-o", "more"]) == 0
    assert list(pd.read_csv("more/threshold.csv")["image"].unique()) == ["a.tif", "b.tif"]


def test_files_with_results_are_left_out_if_asked_for(folder, capsys):
    words = ["threshold", "images/a.tif", "images/b.tif", "-o", "out", "--figures", "none"]
    assert main([*words[:2], *words[3:]]) == 0
    assert main(words) == 1
    assert main([*words[:2], *words[3:], "--skip-existing"]) == 0
    assert "a.tif: done before" in capsys.readouterr().out
    # results of 0.1.0 have the name of the layer in theirs
    Path("out/a_threshold.ome.tif").rename("out/a_threshold_Otsu.ome.tif")
    assert main([*words, "--skip-existing"]) == 0
    assert not Path("out/a_threshold.ome.tif").exists()


def test_a_folder_is_answered_as_json(folder, capsys):
    table = Path("json.csv")
    assert main(["threshold", str(folder), "-o", str(table), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (result,) = found["results"]
    assert str(table) in result["files"]
    rows = pd.read_csv(table)
    assert len(result["tables"]["threshold"]) == len(rows)
    assert result["facts"]["done"] == rows["image"].nunique()


def test_paths_are_said_as_they_were_typed(tmp_path, monkeypatch):
    here = tmp_path / "a"
    here.mkdir()
    monkeypatch.chdir(here)
    file = str(here / "b.tif")
    assert many.as_typed(f"{file}: no ({file}), '{file}'") == "b.tif: no (b.tif), 'b.tif'"
    for other in (f"in {here}", f"x{file}", str(tmp_path / "b.tif"), f"in {here}{os.sep} and"):
        assert many.as_typed(other) == other
    monkeypatch.chdir(here.anchor)
    assert many.as_typed(f"no: {file}") == f"no: {file}"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_leaves_tables_and_one_line(folder, capsys, monkeypatch, name):
    number = getattr(signal, name)

    def report(progress):
        if progress.done == 2:
            signal.raise_signal(number)

    monkeypatch.setattr(terminal, "bar", lambda *_: report)
    before = signal.signal(number, signal.default_int_handler)
    try:
        assert main(["phases", "images", "-o", "t.csv", "--jobs", "1", "--excel"]) == 130
    finally:
        signal.signal(number, before)
    said = capsys.readouterr().err.splitlines()
    assert "taken one by one" in said[0]
    assert said[1:] == [
        "visual-ccc: interrupted: 2 of 3 images are done and in the tables; the same command goes "
        "on where it ended"
    ]
    table = pd.read_csv("t.csv")
    assert table["image"].nunique() == 2
    assert Path("t_excel.csv").read_bytes() == codecs.BOM_UTF8 + Path("t.csv").read_bytes()


def test_copies_for_excel_are_not_replaced_either(folder, capsys):
    Path("t_excel.csv").write_text("mine")
    words = ["phases", "images", "-o", "t.csv", "--excel"]
    assert main(words) == 1
    assert "t_excel.csv already exists" in capsys.readouterr().err
    assert Path("t_excel.csv").read_text() == "mine"
    assert not Path("t_files").exists()
    assert main(words[:-1]) == 0
    # nothing is left to compute, but a file is missing and one is in its place
    assert main(words) == 1
    assert Path("t_excel.csv").read_text() == "mine"
