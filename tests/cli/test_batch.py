from __future__ import annotations

import pandas as pd
import pytest
import tifffile

from napari_visual_ccc.cli.main import main


@pytest.fixture
def folder(tmp_path, discs):
    place = tmp_path / "images"
    place.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(place / f"{name}.tif", discs)
    return place


def test_a_batch_has_the_flags_of_the_operation_and_a_rerun_is_no_failure(folder, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["batch", "threshold", str(folder), "--method", "li", "-o", str(out)]
    words += ["--spacing", "2", "--no-thumbnails", "--format", "none", "--workers", "2"]
    assert main(words) == 0
    assert "2 of 2 images done" in capsys.readouterr().out
    table = pd.read_csv(out / "threshold.csv")
    assert list(table["image"].unique()) == ["a.tif", "b.tif"]
    assert (table["area_nm2"] == 4 * table["pixels"]).all()
    assert main(words) == 0
    assert "2 of 2 images done (2 of them before)" in capsys.readouterr().out
    # a record in place of the operation
    assert (
        main(["batch", str(out / "batch.yaml"), f"{folder}/*.tif", "-o", str(tmp_path / "two")])
        == 0
    )
    again = pd.read_csv(tmp_path / "two" / "threshold.csv")
    pd.testing.assert_frame_equal(again, table)
    assert (tmp_path / "two" / "results" / "a_threshold.png").is_file()


def test_what_failed_is_listed(folder, tmp_path, capsys):
    (folder / "c.png").write_bytes(b"no image")
    assert main(["batch", "threshold", str(folder), "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "c.png: " in said.out
    assert said.err.splitlines()[-1] == "visual-ccc: 1 of 3 images failed"
    assert list(pd.read_csv(tmp_path / "out" / "failures.csv")["image"]) == ["c.png"]


def test_help_names_operations_images_and_workers(capsys):
    assert main(["batch", "--help"]) == 0
    assert "particles" in capsys.readouterr().out
    assert main(["batch", "threshold", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for word in ("--scheduler", "--min-diameter", "the column path", "goes on where it ended"):
        assert word in text
    assert main(["batch", "nonsense", "x"]) == 2
    assert main(["batch", "threshold", "nowhere", "-o", "out"]) == 1
    assert "nowhere: no such file" in capsys.readouterr().err
