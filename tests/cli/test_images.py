"""What is known of images, and napari started with them."""

from __future__ import annotations

import io
import json
import sys
import tempfile

import numpy as np
import pytest
import tifffile
from PIL import Image

import napari_visual_ccc as ccc
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.workflow.files.write import write


@pytest.fixture
def folder(tmp_path, discs):
    """A calibrated plane, a stack that this package wrote, colours without a pixel size."""
    tifffile.imwrite(
        tmp_path / "a.tif", discs, imagej=True, resolution=(2.0, 2.0), metadata={"unit": "nm"}
    )
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((8, 6, 3), np.uint8), photometric="rgb")
    return tmp_path


def test_info_states_size_pixel_size_and_where_it_comes_from(folder, discs, capsys):
    assert main(["info", str(folder / "a.tif"), str(folder / "c.tif")]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    height, width = discs.shape
    assert rows[0] == [str(folder / "a.tif")]
    said = [" ".join(row) for row in rows]
    assert f"Pixels {width} × {height} (width × height), {discs.dtype}" in said
    assert "Pixel size 0.5 nm (from: ImageJ)" in said
    assert f"Field of view {width / 2:g} × {height / 2:g} nm" in said
    assert "Pixels 6 × 8 (width × height), uint8, 3 colours" in said
    assert "Pixel size none in the file; give it with --spacing" in said


def test_info_as_json_has_axes_bar_and_facts_of_the_microscope(tmp_path, capsys):
    image = Micrograph(
        np.zeros((3, 40, 60), np.uint8), (2.0, 2.0), "nm", axes=(Axis("z", 5.0, "nm"),),
        metadata={"facts": {"voltage_kv": 15.0}}, info_bar=InfoBar(bottom=4),
    )  # fmt: skip
    path = write(image, tmp_path / "stack.ome.tif")
    assert main(["info", str(path), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["images"]
    assert (found["width"], found["height"], found["dtype"]) == (60, 40, "uint8")
    assert found["axes"] == [{"name": "z", "size": 3, "step": 5.0, "unit": "nm"}]
    assert found["pixel_size"] == {"y": 2.0, "x": 2.0, "unit": "nm", "from": "OME"}
    assert found["info_bar"] == {"top": 0, "bottom": 4, "left": 0, "right": 0, "from": "file"}
    assert found["facts"] == {"voltage_kv": 15.0}
    assert main(["info", str(path)]) == 0
    said = capsys.readouterr().out
    assert "Axis z                3, 5 nm apart" in said
    assert "4 px at the bottom (stated by the file)" in said
    assert "Voltage (kV)          15" in said


def test_info_goes_through_a_folder_and_past_what_is_no_image(folder, capsys):
    (folder / "b.tif").write_bytes(b"II*\0broken")
    assert main(["info", str(folder), str(folder / "nothing.tif"), "--json"]) == 1
    said = capsys.readouterr()
    found = json.loads(said.out)["images"]
    assert [one["image"].rpartition("/")[2] for one in found] == [
        "a.tif", "b.tif", "c.tif", "nothing.tif",
    ]  # fmt: skip
    assert ["problem" in one for one in found] == [False, True, False, True]
    assert f"visual-ccc: {folder / 'b.tif'}" in said.err
    assert "nothing.tif: no such file" in said.err


def test_info_without_an_image_is_that_of_the_installation(capsys):
    assert main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"]["classes"] == ["cube", "octahedron", "sphere"]
    assert "particles" in found["operations"]["segment"]


def test_open_refuses_what_is_not_there_and_a_machine_without_a_screen(folder, capsys, monkeypatch):
    assert main(["open", str(folder / "nothing.tif")]) == 1
    assert "nothing.tif: no such file" in capsys.readouterr().err
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert main(["open", str(folder / "a.tif")]) == 1
    assert "there is no screen" in capsys.readouterr().err


# an image on standard input ----------------------------------------------------------------------


@pytest.fixture
def piped(monkeypatch):
    def pipe(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return pipe


def encoded(image, kind):
    file = io.BytesIO()
    if kind == "tif":
        tifffile.imwrite(file, image)
    else:
        Image.fromarray(image).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_a_piped_image_gives_the_result_of_its_file(piped, kind, tmp_path, discs, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    piped(encoded(discs, kind))
    assert main(["threshold", "-", "-o", str(tmp_path), "--figures", "none"]) == 0
    labels = ccc.read(tmp_path / "stdin_threshold.ome.tif").data
    np.testing.assert_array_equal(labels, ccc.threshold(discs).labels)
    assert not list(place.glob("visual-ccc-*"))


def test_info_reads_it(piped, capsys, discs):
    piped(encoded(discs, "png"))
    assert main(["info", "-", "--json"]) == 0
    (known,) = json.loads(capsys.readouterr().out)["images"]
    assert (known["height"], known["width"]) == discs.shape


@pytest.mark.parametrize("words", [["threshold", "-"], ["info", "-"]])
def test_what_is_no_image_is_refused(piped, capsys, words):
    piped(b"no image at all")
    assert main(words) == 2
    assert "no PNG, TIFF or JPEG" in capsys.readouterr().err


def test_it_is_given_once(piped, capsys, discs):
    piped(encoded(discs, "png"))
    assert main(["threshold", "-", "-"]) == 2
    assert "give it once" in capsys.readouterr().err
