"""Auditing, training and testing from the command line, on tiles of real micrographs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import signal

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
from skimage.io import imsave

from napari_visual_ccc import samples
from napari_visual_ccc.cli import terminal, training
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.nets.card import read_card
from napari_visual_ccc.nets.models.published import VisualCNN
from napari_visual_ccc.workflow.operations import OPERATIONS as CATALOGUE
from tests.channels import image, write_files
from tests.models import saved
from tests.stripes import stripes, with_disc

FILES = [
    "metals.safetensors", "metals_architecture.txt", "metals_figures", "metals_history.csv",
    "metals_report.html", "metals_report.json", "metals_split.csv",
]  # fmt: skip
SINGLE = [name for name in FILES if name != "metals_figures"]


def test_every_operation_on_data_sets_and_folders_has_a_command_that_writes():
    taken = {name: one.takes for name, one in CATALOGUE.items() if not one.takes_arrays}
    assert set(training.OPERATIONS) == set(taken)
    assert set(training._WRITERS) == {name for name, takes in taken.items() if takes == "dataset"}


def tile(name, number):
    y, x = divmod(number, 7)
    return samples.load(name).data[64 * y :, 64 * x :][:64, :64]


def write_tiles(folder, count=12):
    """Two classes of PNG and TIFF: one of 16 bit, one in colour, one cut off, one no image."""
    for name in ("superalloy", "powder"):
        (folder / name).mkdir(parents=True)
        for k in range(count):
            pixels, path = tile(name, k), folder / name / f"S{k // 2}_{k}.png"
            if k == 1:
                tifffile.imwrite(path.with_suffix(".tif"), pixels.astype(np.uint16) * 150 + 999)
            elif k == 2:
                imsave(path, np.stack([pixels] * 3, axis=-1), check_contrast=False)
            else:
                imsave(path, pixels, check_contrast=False)
    whole = (folder / "powder" / "S0_0.png").read_bytes()
    (folder / "powder" / "S9_99.png").write_bytes(whole[:500])
    (folder / "powder" / "notes.txt").write_text("no image")
    return folder


def quiet(words):
    """Run a command outside a test, where nobody listens."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main([str(word) for word in words]) == 0
    return said.getvalue()


@pytest.fixture(scope="module")
def metals(tmp_path_factory):
    return write_tiles(tmp_path_factory.mktemp("data") / "metals")


GROUP = ["--group", r"^(S\d+)_"]


@pytest.fixture(scope="module")
def trained(metals, tmp_path_factory):
    """The model file, and what was said when it was trained."""
    path = tmp_path_factory.mktemp("models") / "new" / "metals"
    said = quiet(["train", metals, *GROUP, "--no-flips", "--device", "cpu", "-o", path])
    return path.with_suffix(".safetensors"), said


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def sentence(capsys, *parts):
    """Insist on one line on stderr that says so."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("visual-ccc: ")
    for part in parts:
        assert part in lines[0]


# train --------------------------------------------------------------------------------------------


def test_training_writes_model_split_and_report_and_says_how_good_it_is(trained):
    path, said = trained
    assert names(path.parent) == FILES
    for name in FILES:
        assert str(path.parent / name) in said
    assert "accuracy " in said
    assert "thresholds chosen on: cross-validation; rates of every fold" in said
    card = read_card(path)
    assert card.classes == ["powder", "superalloy"]
    assert card.architecture == "lite0-linear"
    assert card.window_px == 64
    assert card.training_data["by_class"] == {"powder": 12, "superalloy": 12}
    numbers = json.loads((path.parent / "metals_report.json").read_text(encoding="utf-8"))
    assert numbers["images"] == 24
    assert numbers["summary"]["accuracy"]["value"] >= 0.9
    assert "metals" in (path.parent / "metals_report.html").read_text(encoding="utf-8")


def test_the_split_lists_every_image_that_was_used_with_its_group(trained, metals):
    split = pd.read_csv(trained[0].parent / "metals_split.csv")
    there = [
        path.relative_to(metals).as_posix()
        for path in metals.rglob("*.*")
        if path.name not in ("S9_99.png", "notes.txt")
    ]
    assert sorted(split["name"]) == sorted(there)
    assert (split["label"] == split["name"].str.split("/").str[0]).all()
    assert (split["group"] == split["name"].str.extract(r"(S\d+)_")[0]).all()
    assert split["part"].unique().tolist() == ["cross-validated"]


def test_files_that_cannot_be_used_are_in_the_report(trained):
    numbers = json.loads((trained[0].parent / "metals_report.json").read_text(encoding="utf-8"))
    assert {row["name"] for row in numbers["skipped"]} == {"powder/S9_99.png", "powder/notes.txt"}


def test_skipped_files_are_counted_among_all_that_were_found(trained):
    # 24 images, one cut off and one that is no image
    assert "2 of 26 files were skipped" in trained[1]


def test_nothing_is_overwritten_without_force(metals, tmp_path, capsys):
    for name in SINGLE:
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("precious")
        assert main(["train", str(metals), "-o", str(folder / "metals.safetensors")]) == 1
        sentence(capsys, name, "already exists", "--force")
        assert names(folder) == [name]
        assert (folder / name).read_text() == "precious"


def test_force_replaces_all_files(metals, tmp_path):
    for name in SINGLE:
        (tmp_path / name).write_text("old")
    words = ["train", metals, *GROUP, "--no-flips", "--split", "leave-one-group-out", "--force"]
    quiet([*words, "-o", tmp_path / "metals.safetensors"])
    assert names(tmp_path) == FILES
    assert all((tmp_path / name).read_bytes() != b"old" for name in SINGLE)
    card = read_card(tmp_path / "metals.safetensors")
    assert card.metrics["tested_by"] == "leave-one-group-out"
    assert card.metrics["groups"] == 6


def test_a_holdout_keeps_groups_apart(metals, tmp_path):
    words = ["train", metals, *GROUP, "--no-flips", "--split", "holdout", "--test", "0.35"]
    quiet([*words, "-o", tmp_path / "metals"])
    split = pd.read_csv(tmp_path / "metals_split.csv")
    assert set(split["part"]) == {"train", "test"}
    assert (split.groupby("group")["part"].nunique() == 1).all()


def test_a_network_is_trained_and_goes_on_from_its_state(metals, tmp_path, capsys):
    words = ["train", metals, *GROUP, "--model", "simple-cnn", "--input-px", "32", "--split"]
    words += ["holdout", "--validation", "0.3", "--test", "0.3", "--device", "cpu"]
    words += ["--state", tmp_path / "state.pt"]
    quiet([*words, "--epochs", "2", "-o", tmp_path / "metals"])
    logged = [line for line in capsys.readouterr().err.splitlines() if "loss" in line]
    assert [line.split(",")[0] for line in logged] == [f"metals: epochs {k} of 2" for k in (1, 2)]
    assert "validation loss" in logged[0]
    assert (tmp_path / "state.pt").exists()
    numbers = json.loads((tmp_path / "metals_report.json").read_text(encoding="utf-8"))
    assert [row["epoch"] for row in numbers["history"]] == [1, 2]
    quiet([*words, "--epochs", "4", "--force", "-o", tmp_path / "metals"])
    longer = json.loads((tmp_path / "metals_report.json").read_text(encoding="utf-8"))
    assert [row["epoch"] for row in longer["history"]] == [1, 2, 3, 4]
    assert longer["history"][:2] == numbers["history"]
    assert read_card(tmp_path / "metals.safetensors").input_px == 32
    kept = names(tmp_path / "metals_checkpoints")
    assert 3 <= len(kept) <= 4
    assert kept[-1].startswith("epoch_0004_validation_loss_")
    words = ["evaluate", metals, *GROUP, "--model", tmp_path / "metals.safetensors"]
    words += ["--checkpoint", "current", "--no-tta", "-o", tmp_path / "out"]
    said = quiet(words)
    assert "tpr_low" in said
    (answer,) = json.loads(quiet([*words, "--force", "--json"]))["results"]
    assert str(tmp_path / "out" / "metals_images.csv") in answer["files"]
    assert answer["facts"]["operating_point"]["chosen_on"] == "validation part"
    last = json.loads((tmp_path / "out" / "metals_report.json").read_text(encoding="utf-8"))
    assert last["operating_point"]["chosen_on"] == "validation part"


# evaluate, examine, classify ----------------------------------------------------------------------


def test_a_trained_model_is_tested_on_other_tiles(trained, tmp_path, capsys):
    for name in ("superalloy", "powder"):
        (tmp_path / "others" / name).mkdir(parents=True)
        for k in range(14, 20):
            imsave(tmp_path / "others" / name / f"{k}.png", tile(name, k), check_contrast=False)
    words = ["evaluate", str(tmp_path / "others"), "--model", str(trained[0])]
    out = tmp_path / "out"
    assert main([*words, "-o", str(out)]) == 0
    assert names(out) == [
        "others_figures", "others_images.csv", "others_report.html", "others_report.json",
    ]  # fmt: skip
    table = pd.read_csv(out / "others_images.csv")
    assert len(table) == 12
    assert (table["label"] == table["predicted"]).mean() >= 0.75
    assert "accuracy " in capsys.readouterr().out
    assert main([*words, "-o", str(out)]) == 1
    sentence(capsys, "already exists", "--force")
    assert main([*words, "-o", str(out), "--force"]) == 0


def test_a_model_is_not_tested_on_classes_that_it_does_not_know(metals, tmp_path, capsys):
    words = ["evaluate", str(metals), "--model", str(saved(tmp_path))]
    assert main([*words, "-o", str(tmp_path / "out")]) == 1
    sentence(capsys, "has no class 'powder'", "dendrite, sphere, alloy")
    assert names(tmp_path / "out") == []


def test_examine_lists_classes_duplicates_and_what_cannot_be_used(metals, tmp_path, capsys):
    data = tmp_path / "metals"
    data.mkdir()
    for file in metals.rglob("*.*"):
        (data / file.parent.name).mkdir(exist_ok=True)
        (data / file.parent.name / file.name).write_bytes(file.read_bytes())
    imsave(data / "powder" / "S7_7.png", tile("superalloy", 4), check_contrast=False)
    (data / "powder" / "S7_8.png").write_bytes((data / "powder" / "S3_7.png").read_bytes())
    out = tmp_path / "out"
    assert main(["audit_dataset", str(data), *GROUP, "-o", str(out)]) == 0
    assert names(out) == [
        "metals_audit.html", "metals_classes.csv", "metals_duplicates.csv", "metals_formats.csv",
        "metals_properties.csv", "metals_skipped.csv",
    ]  # fmt: skip
    formats = pd.read_csv(out / "metals_formats.csv")
    assert formats[["format", "dtype", "channels", "images"]].to_numpy().tolist() == [
        ["PNG", "uint8", 1, 22],
        ["PNG", "uint8", 3, 2],
        ["TIF", "uint16", 1, 2],
    ]
    assert "data:image/png;base64," in (out / "metals_audit.html").read_text(encoding="utf-8")
    counts = pd.read_csv(out / "metals_classes.csv").set_index("class")
    assert counts["images"].to_dict() == {"powder": 14, "superalloy": 12}
    assert counts["groups"].to_dict() == {"powder": 7, "superalloy": 6}
    pairs = pd.read_csv(out / "metals_duplicates.csv")
    assert set(zip(pairs["name"], pairs["other"], strict=True)) == {
        ("powder/S7_7.png", "superalloy/S2_4.png"),
        ("powder/S3_7.png", "powder/S7_8.png"),
    }
    assert pairs["leaks"].all()
    skipped = pd.read_csv(out / "metals_skipped.csv")
    assert sorted(skipped["name"]) == ["powder/S9_99.png", "powder/notes.txt"]
    said = capsys.readouterr().out
    assert "near-duplicates are in different groups" in said
    assert "2 files cannot be used" in said
    assert main(["audit_dataset", str(data), *GROUP, "-o", str(out)]) == 1
    sentence(capsys, "--force")


def test_a_trained_model_classifies_from_the_command_line(trained, tmp_path, capsys):
    for name in ("superalloy", "powder"):
        imsave(tmp_path / f"{name}.png", tile(name, 20), check_contrast=False)
        words = ["classify", str(tmp_path / f"{name}.png"), "--model", str(trained[0])]
        assert main([*words, "-o", str(tmp_path / "out")]) == 0
        said = capsys.readouterr().out
        assert said.splitlines()[0].partition(": ")[2].startswith(name)
    table = pd.read_csv(tmp_path / "out" / next(n for n in names(tmp_path / "out") if "csv" in n))
    assert set(table["class"]) == {"superalloy", "powder"}


# wrong use ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "DATA", "-o", "OUT", "--frobnicate"], "No such option '--frobnicate'"),
        (["evaluate", "DATA", "--frobnicate"], "No such option"),
        (["audit_dataset", "DATA", "--frobnicate"], "No such option"),
        (["import", "DATA", "-o", "OUT", "--frobnicate"], "No such option"),
        (["train", "DATA"], "'-o' / '--output'"),
        (["train", "-o", "OUT"], "DATA"),
        (["import", "DATA"], "'-o' / '--output'"),
        (["train", "DATA", "-o", "OUT", "--model", "resnet"], "is not one of"),
        (["train", "DATA", "-o", "OUT", "--epochs", "0"], "between 1 and 1000"),
        (["train", "DATA", "-o", "OUT", "--test", "0.9"], "between 0 and 0.5"),
        (["audit_dataset", "DATA", "--similarity", "2"], "between 0.5 and 1.0"),
    ],
)
def test_wrong_options_are_told_with_code_2(metals, tmp_path, words, said, capsys):
    places = {"DATA": str(metals), "OUT": str(tmp_path / "m.safetensors")}
    assert main([places.get(word, word) for word in words]) == 2
    assert said in capsys.readouterr().err
    assert names(tmp_path) == []


@pytest.mark.parametrize("command", ["train", "audit_dataset"])
def test_one_class_is_a_sentence_and_no_file(command, tmp_path, capsys):
    (tmp_path / "shapes" / "cube").mkdir(parents=True)
    imsave(tmp_path / "shapes" / "cube" / "1.png", tile("powder", 0), check_contrast=False)
    assert main([command, str(tmp_path / "shapes"), "-o", str(tmp_path / "out")]) == 1
    sentence(capsys, "shapes: two or more classes", "found cube", "folder of its own")
    assert names(tmp_path) == ["shapes"]


@pytest.mark.parametrize("command", ["train", "evaluate", "audit_dataset"])
def test_data_that_is_not_there_is_a_sentence(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "none"), "-o", str(tmp_path / "out")]) == 1
    sentence(capsys, "none: no such folder or table")


def test_images_that_cannot_be_read_leave_a_class_empty(tmp_path, capsys):
    for name in ("cube", "rod"):
        (tmp_path / "shapes" / name).mkdir(parents=True)
        (tmp_path / "shapes" / name / "1.png").write_bytes(b"no image")
    imsave(tmp_path / "shapes" / "cube" / "2.png", tile("powder", 0), check_contrast=False)
    assert main(["train", str(tmp_path / "shapes"), "-o", str(tmp_path / "m")]) == 1
    sentence(capsys, "images of two classes are needed, 1 could be used", "cannot be read")
    assert names(tmp_path) == ["shapes"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--group", "("], "not a regular expression"),
        (["--group", r"S\d"], "no (group)"),
        (["--other", "timm:resnet18"], "choose the model 'other'"),
        (["--model", "other"], "name the other model"),
        (["--window-unit", "nm"], "a window in nm needs its size"),
        (["--window-unit", "nm", "--window", "50"], "no pixel size"),
        (["--split", "holdout", "--test", "0", "--validation", "0"], "no image is held out"),
        (["--use-pixel-size"], "no image has a pixel size"),
    ],
)
def test_choices_that_contradict_each_other_or_the_images_are_a_sentence(
    metals, tmp_path, options, said, capsys
):
    assert main(["train", str(metals), *options, "-o", str(tmp_path / "m")]) == 1
    sentence(capsys, said)
    assert names(tmp_path) == []


def test_a_holdout_of_too_few_specimens_is_a_sentence(metals, tmp_path, capsys):
    # all images of one specimen
    words = ["train", str(metals), "--group", "^(S)", "--split", "holdout"]
    assert main([*words, "-o", str(tmp_path / "m")]) == 1
    sentence(capsys, "too few groups")
    assert names(tmp_path) == []


# import -------------------------------------------------------------------------------------------


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_hostile_file_is_a_sentence_and_not_run(tmp_path, capsys):
    torch.save({"model_state_dict": Bomb(tmp_path / "ran")}, tmp_path / "packed.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    (tmp_path / "text.pth").write_text("no weights")
    for name in ("packed.pth", "plain.pth", "text.pth"):
        assert main(["import", str(tmp_path / name), "-o", str(tmp_path / "m.safetensors")]) == 1
        sentence(capsys, f"{name}: not weights of Visual-CCC")
    assert names(tmp_path) == ["packed.pth", "plain.pth", "text.pth"]


def test_weights_of_visual_ccc_are_imported_and_classify(tmp_path, capsys):
    torch.manual_seed(0)
    torch.save(VisualCNN(2).state_dict(), tmp_path / "theirs.pth")
    words = ["import", str(tmp_path / "theirs.pth"), "-o", str(tmp_path / "m.safetensors")]
    assert main(words) == 1
    sentence(capsys, "does not name its classes")
    assert main([*words, "--classes", "rod", "cube"]) == 0
    assert str(tmp_path / "m.safetensors") in capsys.readouterr().out
    assert main([*words, "--classes", "rod", "cube"]) == 1
    sentence(capsys, "--force")
    imsave(tmp_path / "tile.png", tile("powder", 0), check_contrast=False)
    words = ["classify", str(tmp_path / "tile.png"), "--model", str(tmp_path / "m.safetensors")]
    assert main([*words, "-o", str(tmp_path / "out")]) == 0
    assert "rod" in capsys.readouterr().out


def test_one_class_is_enough_to_test_with(trained, tmp_path, capsys):
    place = tmp_path / "unseen" / "powder"
    place.mkdir(parents=True)
    for k in range(3):
        imsave(place / f"{k}.png", tile("powder", k + 20), check_contrast=False)
    words = ["evaluate", str(tmp_path / "unseen"), "--model", str(trained[0])]
    assert main([*words, "-o", str(tmp_path / "out")]) == 0
    assert "accuracy" in capsys.readouterr().out


def test_files_of_channels_are_one_image_on_the_command_line(channel_model, rng, tmp_path, capsys):
    for label in "ab":
        for number in range(2):
            write_files(tmp_path / "data" / label, image(label, rng), f"n{number}")
    data, out, model = str(tmp_path / "data"), str(tmp_path / "out"), str(channel_model)
    assert main(["audit_dataset", data, "--channels", "SE,BSE", "-o", out]) == 0
    counts = pd.read_csv(tmp_path / "out" / "data_classes.csv")
    assert counts["images"].tolist() == [2, 2]
    # the channels are those of the model
    assert main(["evaluate", data, "--model", model, "-o", out]) == 0
    assert len(pd.read_csv(tmp_path / "out" / "data_images.csv")) == 4
    path = tmp_path / "data" / "b" / "n0_SE.tif"
    assert main(["explain", str(path), "--model", model, "-o", out]) == 0
    assert (tmp_path / "out" / "n0_SE_explain_b.ome.tif").exists()
    path.with_name("n0_BSE.tif").unlink()
    capsys.readouterr()
    assert main(["classify", str(path), "--model", model, "-o", out]) == 1
    sentence(capsys, "the channel BSE of n0_SE.tif is missing")


def test_common_patterns_of_a_folder_become_a_page_a_sheet_and_tables(tmp_path, capsys):
    from skimage.io import imsave

    from tests.lens_images import planted
    from tests.models import saved

    place = tmp_path / "session"
    place.mkdir()
    imsave(place / "one.png", planted())
    model = saved(tmp_path, "visualcnn")
    words = ["common_patterns", str(place), "--model", str(model), "--channels", "1"]
    words += ["--iterations", "1", "-o", str(tmp_path / "out")]
    assert main(words) == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {
        "session_patterns.csv", "session_patterns.html", "session_patterns.png",
        "session_patterns_channels.csv", "session_patterns_classes.csv",
    } <= written  # fmt: skip
    assert main(words) == 1
    assert "already exists" in capsys.readouterr().err


def test_an_autoencoder_from_a_folder_finds_a_disc(stripes_model, tmp_path, capsys):
    folder = tmp_path / "usual"
    folder.mkdir()
    for k in range(4):
        imsave(folder / f"{k}.png", stripes(k), check_contrast=False)
    small = ["--latent", "2", "--depth", "2", "--tile", "32", "--tiles", "16", "--epochs", "1"]
    model = tmp_path / "own.safetensors"
    assert main(["train_autoencoder", str(folder), "-o", str(model), *small]) == 0
    assert "held out: images of other specimens or files" in capsys.readouterr().out
    assert read_card(model).task == "reconstruction"
    assert main(["train_autoencoder", str(folder), "-o", str(model), *small]) == 1
    assert "already exists" in capsys.readouterr().err
    imsave(tmp_path / "new.png", with_disc(stripes(9))[0], check_contrast=False)
    out = tmp_path / "out"
    words = ["anomaly_map", str(tmp_path / "new.png"), "--model", str(stripes_model[0])]
    assert main([*words, "--score", "residual", "-o", str(out)]) == 0
    written = {one.name for one in out.iterdir()}
    assert {f"new_anomaly_map_{name}.ome.tif" for name in ("anomaly", "anomalies")} <= written
    assert main(["classify", str(tmp_path / "new.png"), "--model", str(model)]) == 1
    assert "an autoencoder, which names no classes" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes")
@pytest.mark.parametrize(("presses", "code"), [(1, 0), (2, 130)])
def test_ctrl_c_keeps_what_is_learnt_and_a_second_one_ends_at_once(
    metals, tmp_path, capsys, presses, code, monkeypatch
):
    left = [presses]

    def pressed(title):
        def report(progress):
            if 0 < left[0] < presses or (left[0] == presses and "epoch 3" in progress.note):
                left[0] -= 1
                os.kill(os.getpid(), signal.SIGINT)

        return report

    monkeypatch.setattr(terminal, "_bar", pressed)
    words = ["train", metals, *GROUP, "--model", "simple-cnn", "--input-px", "32", "--split"]
    words += ["holdout", "--validation", "0.3", "--test", "0.3", "--device", "cpu"]
    words += ["--epochs", "5", "-o", tmp_path / "half"]
    assert main([str(word) for word in words]) == code
    said = capsys.readouterr()
    assert "stopping, the best network so far is tested and written" in said.err
    assert (tmp_path / "half.safetensors").exists() == (presses == 1)
    assert ("stopped by hand after 2 of 5 epochs" in said.out) == (presses == 1)
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
