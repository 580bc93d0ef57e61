from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.cli.main import main


@pytest.fixture
def folder(tmp_path):
    """Two crops, one of them in a folder below, a strange one and a broken one."""
    place = tmp_path / "images"
    (place / "below").mkdir(parents=True)
    image = samples.load("nanoparticles").data
    imsave(place / "a.png", image[96:160, 96:160], check_contrast=False)
    imsave(place / "below" / "b.tif", image[130:194, 150:214].astype(np.uint16) * 257)
    imsave(place / "c.png", samples.load("superalloy").data[:64, :64], check_contrast=False)
    (place / "d.png").write_bytes(b"no image")
    (place / "notes.txt").write_text("no image either")
    return place


def test_every_image_of_a_folder_gets_a_row(folder):
    table = ccc.classify_folder(folder).table.set_index("name")
    assert list(table.index) == ["a.png", "below/b.tif", "c.png", "d.png"]
    alone = ccc.classify(samples.load("nanoparticles").data[96:160, 96:160])
    assert table.loc["a.png", "verdict"] == alone.verdict
    assert table.loc["a.png", "probability"] == pytest.approx(float(alone.probabilities.max()))
    assert table.loc["c.png", "verdict"] == "unknown"
    assert "cannot be read" in table.loc["d.png", "problem"]


def test_the_command_line_writes_the_table_and_counts_what_failed(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["classify_folder", str(folder), "-o", str(out)]) == 1
    said = capsys.readouterr()
    assert "d.png" in said.err
    assert "1 unknown" in said.out
    lines = (out / "images_predictions.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5
    assert main(["classify_folder", str(folder), "-o", str(out)]) == 1
    assert "already exists" in capsys.readouterr().err


def test_a_folder_without_images_is_said_so(tmp_path):
    with pytest.raises(ValueError, match="no image that can be read"):
        ccc.classify_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ccc.classify_folder(tmp_path / "nowhere")


def test_a_folder_is_classified_at_the_operating_point(folder, tmp_path, capsys):
    words = ["classify_folder", str(folder), "--decision", "operating point", "-o", str(tmp_path)]
    assert main(words) == 1
    # told once, not for every image
    assert "no threshold for cube, octahedron, sphere" in capsys.readouterr().err
    limits = "cube=1, octahedron=1, sphere=0.001"
    assert main([*words, "--thresholds", limits]) == 1
    said = capsys.readouterr().out
    assert "2 sphere" in said
    assert "1 unknown" in said
