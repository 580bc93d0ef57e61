from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.classification.windows import run_on_crop
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.nets.card import read_card
from napari_visual_ccc.nets.models.published import VisualCNN
from napari_visual_ccc.nets.training.checkpoints import current_of
from napari_visual_ccc.workflow.models import (
    check_companions,
    companions,
    describe_model,
    import_visual_ccc,
    save_model,
    save_weights,
)


def tiles(name, count=12):
    image = samples.load(name).data
    corners = [(y, x) for y in range(0, 448, 64) for x in range(0, 448, 64)][:count]
    return [image[y : y + 64, x : x + 64] for y, x in corners]


def metals():
    return from_arrays(
        [*tiles("superalloy"), *tiles("powder")], ["superalloy"] * 12 + ["powder"] * 12,
        names=[f"tile {k}" for k in range(24)], groups=[f"S{k // 2}" for k in range(24)],
        name="metals",
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained():
    return ccc.train(metals(), flips=False, device="cpu")


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_model_is_written_with_its_split_and_report(trained, tmp_path):
    written = save_model(trained, tmp_path / "new" / "metals.safetensors")
    assert [path.name for path in written] == [
        "metals.safetensors", "metals_split.csv", "metals_report.html", "metals_report.json",
        "metals_history.csv", "metals_architecture.txt", "metals_figures",
    ]  # fmt: skip
    assert files(tmp_path / "new") == sorted(path.name for path in written)
    split = pd.read_csv(written[1])
    assert split["name"].tolist() == [f"tile {k}" for k in range(24)]
    assert split["group"].nunique() == 12
    page = written[2].read_text(encoding="utf-8")
    assert "superalloy" in page
    assert "<script" not in page
    assert 'src="http' not in page
    numbers = json.loads(written[3].read_text(encoding="utf-8"))
    assert numbers["images"] == 24
    assert numbers["independent_groups"] == 12
    assert numbers["confusion"] == trained.evaluation.confusion.tolist()
    assert numbers["summary"]["accuracy"]["value"] == trained.evaluation.value("accuracy")


def test_a_written_model_says_what_it_said_before(trained, tmp_path):
    path = tmp_path / "metals.safetensors"
    save_weights(trained, path)
    card = read_card(path)
    assert card.name == "metals"
    assert card.classes == ["powder", "superalloy"]
    assert card.training_data["by_class"] == {"powder": 12, "superalloy": 12}
    assert card.training_data["groups"] == 12
    loaded = checkpoint.load_model(path, torch.device("cpu"))
    for name, value in trained.model.net.state_dict().items():
        assert torch.equal(loaded.net.state_dict()[name], value), name
    for name in ("superalloy", "powder"):
        shown = tiles(name)[3]
        before, after = (
            run(run_on_crop(model, shown, None, False))[0] for model in (trained.model, loaded)
        )
        np.testing.assert_array_equal(after, before)
        found = ccc.classify(shown, model=path)
        assert found.label == name
        assert found.windows == 1
        assert len(found.similar) == 5
        assert found.similar[0]["name"] == ("tile 3" if name == "superalloy" else "tile 15")


def test_the_model_is_named_after_its_file(trained, tmp_path):
    path, *others = save_model(trained, tmp_path / "steel v1.2")
    assert path.name == "steel v1.2.safetensors"
    assert read_card(path).name == "steel v1.2"
    assert [one.name for one in others] == [
        "steel v1.2_split.csv", "steel v1.2_report.html", "steel v1.2_report.json",
        "steel v1.2_history.csv", "steel v1.2_architecture.txt", "steel v1.2_figures",
    ]  # fmt: skip
    # a linear layer has no checkpoints
    assert list(companions(path).values())[:-1] == others


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
def test_a_name_that_is_not_utf_8_loses_no_training(trained, tmp_path):
    """The card, the page and the library of the format take UTF-8 alone."""
    path = save_model(trained, tmp_path / os.fsdecode(b"m\xff.safetensors"))[0]
    assert path.exists() and read_card(path).name == "m\\udcff"
    model = ccc.load_model(path)
    image = metals().examples[0].read()
    assert ccc.classify(image, model=model).target == ccc.classify(image, model=path).target


BESIDE = [
    "m.safetensors", "m_split.csv", "m_report.html", "m_report.json", "m_history.csv",
    "m_architecture.txt",
]  # fmt: skip


@pytest.mark.parametrize("there", BESIDE)
def test_none_is_written_where_one_is_there(trained, tmp_path, there):
    (tmp_path / there).write_text("precious")
    with pytest.raises(FileExistsError, match=f"{there} already exists"):
        save_model(trained, tmp_path / "m.safetensors")
    assert files(tmp_path) == [there]
    assert (tmp_path / there).read_text() == "precious"


def test_each_is_replaced_where_that_is_wanted(trained, tmp_path):
    for there in BESIDE:
        (tmp_path / there).write_text("precious")
    assert len(save_model(trained, tmp_path / "m.safetensors", force=True)) == 7
    for there in BESIDE:
        assert (tmp_path / there).read_bytes() != b"precious"
    assert len(files(tmp_path)) == 7


# models of others ---------------------------------------------------------------------------------


@pytest.fixture
def theirs(tmp_path):
    """What Visual-CCC writes when it is done."""
    torch.manual_seed(0)
    net = VisualCNN(3)
    path = tmp_path / "theirs.pth"
    names = {"Alloys": 0, "Dendrites": 1, "Spheroids": 2}
    task = "multiclass image classification"
    torch.save({"model_state_dict": net.state_dict(), "class_map": names, "task": task}, path)
    return path


def test_weights_of_visual_ccc_become_a_model_that_classifies(theirs, tmp_path):
    path = import_visual_ccc(theirs, tmp_path / "ours.safetensors")
    assert path == tmp_path / "ours.safetensors"
    card = read_card(path)
    assert card.classes == ["Alloys", "Dendrites", "Spheroids"]
    assert card.architecture == "visualcnn"
    assert card.layers
    image = samples.load("superalloy").data[:96, :96]
    found = ccc.classify(image, model=path)
    assert found.classes == ("Alloys", "Dendrites", "Spheroids")
    assert found.probabilities.sum() == pytest.approx(1)
    assert ccc.explain(image, model=path, smooth="off").target in found.classes


def test_an_import_makes_its_folder(theirs, tmp_path):
    path = import_visual_ccc(theirs, tmp_path / "new" / "ours.safetensors")
    assert path.is_file()


def test_an_import_replaces_nothing_unless_told(theirs, tmp_path):
    out = tmp_path / "ours.safetensors"
    out.write_text("precious")
    with pytest.raises(FileExistsError, match=r"ours\.safetensors already exists"):
        import_visual_ccc(theirs, out)
    assert out.read_text() == "precious"
    import_visual_ccc(theirs, out, force=True)
    assert read_card(out).name == "theirs"


def test_names_can_be_given_to_weights_without_any(tmp_path):
    torch.save(VisualCNN(2).state_dict(), tmp_path / "plain.pth")
    with pytest.raises(ValueError, match=r"plain\.pth: .*give their 2 names"):
        import_visual_ccc(tmp_path / "plain.pth", tmp_path / "ours.safetensors")
    import_visual_ccc(tmp_path / "plain.pth", tmp_path / "ours.safetensors", classes=["a", "b"])
    assert read_card(tmp_path / "ours.safetensors").classes == ["a", "b"]


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("packed", [True, False])
def test_code_in_weights_is_not_run(tmp_path, packed):
    content = {"model_state_dict": Bomb(tmp_path / "ran")}
    path = tmp_path / "bad.pth"
    if packed:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=r"bad\.pth: not weights of Visual-CCC"):
        import_visual_ccc(path, tmp_path / "ours.safetensors")
    assert files(tmp_path) == ["bad.pth"]


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pth: no such file"):
        import_visual_ccc(tmp_path / "none.pth", tmp_path / "ours.safetensors")


def test_what_was_learnt_does_not_depend_on_the_run(trained):
    again = ccc.train(metals(), flips=False, device="cpu")
    np.testing.assert_array_equal(again.evaluation.probabilities, trained.evaluation.probabilities)
    assert again.split.equals(trained.split)


def test_only_an_offer_can_be_fetched():
    """A name alone downloads nothing; what a fetch does is tested beside the hub."""
    with pytest.raises(TypeError, match="give what look_up_model returned"):
        ccc.fetch_model("facebook/sam2.1-hiera-tiny")


# checkpoints and layers ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network():
    return ccc.train(
        metals(), model="simple-cnn", input_px=32, epochs=4, batch_size=8, checkpoints=1,
        split="holdout", validation=0.3, test=0.3, device="cpu",
    )  # fmt: skip


@pytest.fixture(scope="module")
def network_files(network, tmp_path_factory):
    """Folder of the files of the network, to be copied."""
    folder = tmp_path_factory.mktemp("network")
    *_, last = save_model(network, folder / "metals")
    assert last == folder / "metals_checkpoints"
    return folder


def test_checkpoints_are_model_files_beside_the_model(network, network_files, tmp_path):
    path = shutil.copytree(network_files, tmp_path, dirs_exist_ok=True) / "metals.safetensors"
    folder = tmp_path / "metals_checkpoints"
    cards = {one.name: read_card(one) for one in sorted(folder.iterdir())}
    assert len(cards) == len(network.checkpoints)
    for name, card in cards.items():
        kept = card.checkpoint
        assert name == f"epoch_{kept.epoch:04d}_validation_loss_{kept.value:#.4g}.safetensors"
        assert card.name == f"metals, epoch {kept.epoch}"
        found = ccc.classify(tiles("powder")[0], model=folder / name)
        assert found.probabilities.sum() == pytest.approx(1)
    history = pd.read_csv(tmp_path / "metals_history.csv")
    assert history["learning_rate"].is_monotonic_decreasing
    assert history["learning_rate"][0] > 0
    assert len(history) == 4
    # another training leaves no checkpoint of this one, and nothing else is removed
    (folder / "notes.txt").touch()
    save_model(replace(network, checkpoints=network.checkpoints[:1]), path, force=True)
    assert len(files(folder)) == 2
    assert "notes.txt" in files(folder)


@pytest.mark.parametrize("replace_it", ["import", "weights"])
def test_the_checkpoints_of_a_model_that_is_replaced_are_not_taken_for_its_own(
    network, network_files, theirs, tmp_path, replace_it
):
    path = shutil.copytree(network_files, tmp_path, dirs_exist_ok=True) / "metals.safetensors"
    assert current_of(path).exists()
    if replace_it == "import":
        import_visual_ccc(theirs, path, force=True)
    else:
        save_weights(network, path)
    with pytest.raises(ValueError, match="no checkpoints beside it"):
        current_of(path)
    assert not (tmp_path / "metals_checkpoints").exists()


@pytest.mark.parametrize("folder", ["m_figures", "m_checkpoints"])
def test_a_folder_that_is_there_is_not_written_into(network, tmp_path, folder):
    (tmp_path / folder).mkdir()
    with pytest.raises(FileExistsError, match=f"{folder} already exists"):
        save_model(network, tmp_path / "m")
    assert files(tmp_path) == [folder]


def test_the_layers_of_a_model_are_a_table_and_a_file(network, network_files):
    found = describe_model(network_files / "metals.safetensors")
    assert found.table.equals(network.architecture)
    assert found.facts["parameters"] == found.facts["trained"] == found.table["parameters"].sum()
    assert found.facts["operating_point"]["chosen_on"] == "validation part"
    assert (network_files / "metals_architecture.txt").read_text("utf-8") == found.facts["text"]


def test_an_autoencoder_is_saved_with_its_report(stripes_model, tmp_path):
    _, result = stripes_model
    files = save_model(result, tmp_path / "mine")
    assert [one.name for one in files] == [
        "mine.safetensors", "mine_split.csv", "mine_report.html", "mine_report.json",
        "mine_history.csv", "mine_architecture.txt",
    ]  # fmt: skip
    described = describe_model(files[0])
    assert described.facts["architecture"] == "autoencoder:2x2"
    assert "reconstructs its input" in described.facts["text"]
    assert "mine: reconstruction of held-out tiles" in files[2].read_text(encoding="utf-8")


def test_a_model_that_cannot_be_written_is_told_before_the_training(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"m\.safetensors: could not be written"):
        check_companions(tmp_path / "file" / "m.safetensors", force=False)
    check_companions(tmp_path / "new" / "m.safetensors", force=False)
    assert not list((tmp_path / "new").iterdir())
