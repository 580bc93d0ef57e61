from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.io.datasets import unlabelled
from napari_visual_ccc.workflow.run import execute
from tests import closed_folder


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
    assert table.loc["d.png", "problem"].startswith("cannot be read")


@pytest.mark.case("S23")
@pytest.mark.parametrize(
    ("name", "axes"),
    [("tczyx.ome.tif", "TCZYX"), ("z.ome.tif", "ZYX"), ("plain.tif", None), ("array.npy", None),
     ("one.ome.zarr", "TCZYX")],
)  # fmt: skip
def test_a_single_slice_with_axes_of_length_one_is_classified(tmp_path, name, axes):
    image = samples.load("nanoparticles").data[96:160, 96:160]
    place = tmp_path / "images"
    place.mkdir()
    stack = image[(None,) * (len(axes or "..YX") - 2)]
    if name.endswith(".npy"):
        np.save(place / name, stack)
    elif name.endswith(".zarr"):
        group = zarr.open_group(place / name, mode="w", zarr_format=2)
        group.create_array("0", data=stack)
        kinds = {"T": "time", "C": "channel"}
        axis_list = [{"name": a.lower(), "type": kinds.get(a, "space")} for a in axes]
        scale = [{"type": "scale", "scale": [1.0] * 5}]
        group.attrs["multiscales"] = [
            {"version": "0.4", "axes": axis_list,
             "datasets": [{"path": "0", "coordinateTransformations": scale}]}
        ]  # fmt: skip
    else:
        tifffile.imwrite(place / name, stack, metadata={"axes": axes} if axes else None)
    alone = ccc.classify(image)
    row = ccc.classify_folder(place).table.iloc[0]
    assert (row["problem"], row["verdict"]) == ("", alone.verdict)
    assert row["probability"] == pytest.approx(float(alone.probabilities.max()))
    assert main(["classify_folder", str(place), "-o", str(tmp_path / "out")]) == 0


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


def test_images_with_missing_pixels_are_named(tmp_path):
    whole = samples.load("nanoparticles").data[96:160, 96:160]
    gap = whole.astype(np.float32)
    gap[:16] = np.nan
    np.save(tmp_path / "whole.npy", whole)
    np.save(tmp_path / "gap.npy", gap)
    notes = ccc.classify_folder(tmp_path).notes
    assert "pixels are missing (NaN or infinite) in 1 of the images: gap.npy 25.0%" in notes


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folder as a file")
def test_a_folder_that_cannot_be_looked_into_is_a_row(tmp_path):
    place = tmp_path / "images"
    place.mkdir()
    tifffile.imwrite(place / "a.tif", np.arange(64 * 64, dtype=np.uint8).reshape(64, 64))
    closed_folder.put_into(place)
    assert [one.name for one in unlabelled(place)] == ["a.tif"]
    for run in (ccc.image_quality_folder, ccc.classify_folder):
        first, second = run(place).table.itertuples(index=False)
        assert (first.name, first.problem) == ("a.tif", "")
        assert second.name.startswith("xxx")
        assert "File name too long" in second.problem


def entries_in(state):
    """Names of the images that a ledger has a line of, one for each time that they were done."""
    (ledger,) = state.glob("*/batch.jsonl")
    lines = map(json.loads, ledger.read_text(encoding="utf-8").splitlines())
    return [one["name"] for one in lines if "image" in one]


@pytest.mark.parametrize("name", ["classify_folder", "image_quality_folder"])
def test_a_folder_goes_on_where_it_ended(folder, tmp_path, name):
    state = tmp_path / "state"
    whole = getattr(ccc, name)(folder).table
    steps = execute(name, {"folder": folder}, {"state": state})
    # as by Cancel, or a kill: the ledger has what is done
    next(one for one in steps if one.note.startswith("images") and one.done)
    steps.close()
    done = entries_in(state)
    assert 1 <= len(done) < 4
    pd.testing.assert_frame_equal(getattr(ccc, name)(folder, state=state).table, whole)
    # an image that failed is tried again, and no other
    getattr(ccc, name)(folder, state=state)
    times = Counter(entries_in(state))
    assert times.pop("d.png") >= 2
    assert set(times.values()) == {1}
    assert sorted(times) == ["a.png", "below/b.tif", "c.png"]


def test_one_state_keeps_other_folders_and_choices_apart(folder, tmp_path):
    state = tmp_path / "state"
    ccc.classify_folder(folder, state=state)
    ccc.classify_folder(folder, state=state, coverage=0.5)
    ccc.classify_folder(folder / "below", state=state)
    assert len(list(state.glob("*/batch.jsonl"))) == 3


def test_nothing_is_left_without_a_state(folder, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    ccc.image_quality_folder(folder)
    assert not list(place.iterdir())


def test_the_same_command_goes_on(folder, tmp_path):
    out = tmp_path / "out"
    words = ["image_quality_folder", str(folder), "-o", str(out)]
    assert main(words) == 1
    (folder / "d.png").unlink()
    assert main([*words, "--force"]) == 0
    times = Counter(entries_in(out / "images_quality_files"))
    assert times == {"a.png": 1, "below/b.tif": 1, "c.png": 1, "d.png": 1}


def test_a_stack_has_a_row_a_slice(tmp_path):
    image = samples.load("nanoparticles").data
    np.save(tmp_path / "stack.npy", np.stack([image[:64, :64], image[96:160, 96:160]]))
    np.save(tmp_path / "one.npy", image[:64, :64])
    table = ccc.classify_folder(tmp_path).table
    assert table["name"].tolist() == ["one.npy", "stack.npy", "stack.npy"]
    assert table["index_0"].tolist()[1:] == [0, 1]
    assert table["verdict"][0] == table["verdict"][1]


def test_many_files_that_cannot_be_read_are_counted(tmp_path, capsys):
    place = tmp_path / "images"
    place.mkdir()
    for k in range(13):
        (place / f"{k:02}.png").write_bytes(b"no image")
    assert main(["image_quality_folder", str(place), "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "09.png" in said
    assert "10.png" not in said
    assert "and 3 more: see the column problem" in said


def test_a_wrong_choice_is_an_error_of_the_run(folder, tmp_path):
    with pytest.raises(NotADirectoryError, match=r"a\.png: is a file"):
        ccc.classify_folder(folder / "a.png")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ccc.classify_folder(folder, model=tmp_path / "nowhere.safetensors")
    with pytest.raises(ValueError, match="not used"):
        ccc.classify_folder(folder, thresholds="cube=0.4")


@pytest.mark.parametrize("name", ["classify_folder", "image_quality_folder"])
def test_a_folder_goes_on_where_a_folder_in_it_was_removed_or_renamed(folder, tmp_path, name):
    state = tmp_path / "state"
    getattr(ccc, name)(folder, state=state)
    (folder / "below").rename(folder / "renamed")
    table = getattr(ccc, name)(folder, state=state).table
    assert table["name"].tolist() == ["a.png", "c.png", "d.png", "renamed/b.tif"]
    shutil.rmtree(folder / "renamed")
    assert len(getattr(ccc, name)(folder, state=state).table) == 3
    assert Counter(entries_in(state))["a.png"] == 1


def test_slices_without_a_result_are_named(tmp_path):
    image = samples.load("nanoparticles").data[:64, :64].astype(np.float32)
    np.save(tmp_path / "stack.npy", np.stack([image, np.full_like(image, np.nan), image]))
    np.save(tmp_path / "plain.npy", image)
    result = ccc.classify_folder(tmp_path)
    assert result.table["index_0"].to_csv(index=False).split() == ["index_0", '""', "0", "2"]
    assert any(note.startswith("stack.npy: slice 1: no result:") for note in result.notes)


def test_links_to_an_image_of_the_folder_are_named(tmp_path):
    image = samples.load("nanoparticles").data[:64, :64]
    np.save(tmp_path / "a.npy", image)
    (tmp_path / "b.npy").symlink_to(tmp_path / "a.npy")
    for run in (ccc.classify_folder, ccc.image_quality_folder):
        result = run(tmp_path)
        assert len(result.table) == 1
        assert any("each file counts once" in note for note in result.notes)


# says when the first image is done
_SCRIPT = """
import sys
import napari_visual_ccc as ccc
def say(progress):
    if progress.done:
        print(progress.done, flush=True)
ccc.image_quality_folder(sys.argv[1], report=say)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGTERM")
def test_a_script_that_is_terminated_leaves_nothing(tmp_path):
    place, temporary = tmp_path / "images", tmp_path / "temporary"
    place.mkdir()
    temporary.mkdir()
    image = samples.load("superalloy").data
    for k in range(200):
        np.save(place / f"{k}.npy", image)
    words = [sys.executable, "-W", "ignore", "-c", _SCRIPT, str(place)]
    env = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as script:
        assert script.stdout.readline()
        script.terminate()
        script.stdout.read()
    assert script.returncode == 143
    assert not list(temporary.glob("visual-ccc-*"))
