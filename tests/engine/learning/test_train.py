"""Training from labelled images to a model file, on real micrographs."""

from __future__ import annotations

import json
import os
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core import dataset as core_dataset
from napari_visual_ccc.core.progress import StopEarly, run
from napari_visual_ccc.engine.learning.train import train
from napari_visual_ccc.io import datasets as dataset
from napari_visual_ccc.nets.card import read_card
from napari_visual_ccc.report.architecture import architecture_text
from napari_visual_ccc.workflow.models import save_model, save_weights

SIDE = 64


def tiles(name: str, count: int, seed: int = 0) -> list[np.ndarray]:
    image = samples.load(name).data
    rng = np.random.default_rng(seed)
    corners = [tuple(rng.integers(0, n - SIDE) for n in image.shape[:2]) for _ in range(count)]
    return [image[y : y + SIDE, x : x + SIDE] for y, x in corners]


def two_classes(count: int = 10, seed: int = 0, **more) -> core_dataset.Dataset:
    images = [*tiles("superalloy", count, seed), *tiles("powder", count, seed)]
    labels = ["alloy"] * count + ["powder"] * count
    return core_dataset.from_arrays(images, labels, name="two", **more)


@pytest.fixture(scope="module")
def trained():
    return ccc.train(two_classes())


def test_few_images_are_enough_and_tested_by_cross_validation(trained):
    assert trained.evaluation.value("accuracy") >= 0.9
    assert trained.facts["part"] == "k-fold"
    assert len(trained.evaluation.images) == 20
    low, high = trained.evaluation.summary.loc[0, ["low", "high"]]
    # twenty images cannot prove much
    assert high - low > 0.05
    assert any("fewer than 30" in note for note in trained.notes)
    assert set(trained.split["part"]) == {"cross-validated"}


def test_the_card_describes_the_training(trained):
    card = trained.model.card
    assert card.classes == ["alloy", "powder"]
    assert card.view.as_dict() == {"kind": "window"}
    assert (card.window_px, card.input_px) == (64, 128)
    assert card.training_data["images"] == 20
    assert card.training_data["by_class"] == {"alloy": 10, "powder": 10}
    assert len(card.references) == 20
    assert 0.05 <= card.temperature <= 20
    assert len(card.conformal) == 20
    assert card.metrics["tested_by"] == "k-fold"
    assert "blocks.4" in card.layers
    json.dumps(card.as_dict())


def test_a_saved_model_classifies_new_images(trained, tmp_path):
    path, split, report, numbers, *_ = save_model(trained, tmp_path / "two")
    assert path.name == "two.safetensors"
    assert read_card(path).name == "two"
    assert split.read_text().splitlines()[0] == "name,label,group,part"
    assert "classified correctly" in report.read_text(encoding="utf-8")
    assert json.loads(numbers.read_text())["confusion"]
    new = two_classes(8, seed=9)
    found = ccc.evaluate(new, model=path)
    assert found.value("accuracy") >= 0.9
    one = ccc.classify(tiles("powder", 1, 33)[0], model=path)
    assert one.label == "powder"
    assert not one.unknown
    assert one.similar[0]["class"] == "powder"
    assert one.spread.shape == (2,)
    with pytest.raises(FileExistsError, match="two"):
        save_model(trained, tmp_path / "two")


def test_what_is_unlike_all_training_images_is_out_of_distribution(trained, tmp_path):
    path = tmp_path / "two.safetensors"
    save_weights(trained, path)
    noise = np.random.default_rng(0).normal(0, 1, (64, 64))
    found = ccc.classify(noise, model=path)
    assert found.unknown
    assert found.verdict == "unknown"
    assert "unlike the training images" in found.notes[0]


def test_the_same_seed_gives_the_same_model(trained):
    again = ccc.train(two_classes())
    np.testing.assert_array_equal(
        again.model.net.classifier.weight.numpy(), trained.model.net.classifier.weight.numpy()
    )
    np.testing.assert_array_equal(again.evaluation.confusion, trained.evaluation.confusion)


def test_no_group_is_in_two_parts():
    groups = [f"specimen {k // 4}" for k in range(20)] * 2
    data = two_classes(20, groups=groups)
    found = ccc.train(data, split="holdout", input_px=32)
    by_group = found.split.groupby("group")["part"].nunique()
    assert (by_group == 1).all()
    assert set(found.split["part"]) == {"train", "test"}
    assert (
        found.evaluation.independent
        == by_group[found.split["part"].eq("test").groupby(found.split["group"]).any()].size
    )


@pytest.mark.parametrize(
    "model", ["lite0-finetune", "visualcnn", "simple-cnn", "xception", "alexnet-1ch"]
)
def test_every_architecture_trains_is_saved_and_classifies(model, tmp_path):
    data = two_classes(4)
    small = {"alexnet-1ch": 64, "xception": 64}.get(model, 32)
    found = ccc.train(
        data, model=model, input_px=small, epochs=1, batch_size=12, split="holdout", test=0.3,
        validation=0.3, weights="random",
    )  # fmt: skip
    assert found.model.card.architecture == model
    assert "parameters: " in architecture_text(found.model.card, found.architecture)
    path = tmp_path / "net.safetensors"
    save_weights(found, path)
    image = tiles("powder", 1)[0][:96, :80]
    prediction = ccc.classify(image, model=path)
    assert prediction.probabilities.sum() == pytest.approx(1)
    heatmap = ccc.explain(image, model=path, target="alloy", signed=True)
    assert heatmap.data.shape == image.shape
    assert np.isfinite(heatmap.data).all()


@pytest.mark.parametrize("other", ["timm:test_vit", "timm:test_resnet"])
def test_any_model_of_timm_trains_and_explains(other, tmp_path):
    found = ccc.train(
        two_classes(6), model="other", other=other, weights="random", epochs=1, split="holdout",
        test=0.3, validation=0.3,
    )  # fmt: skip
    assert found.model.card.architecture == other
    assert "parameters: " in architecture_text(found.model.card, found.architecture)
    path = tmp_path / "net.safetensors"
    save_weights(found, path)
    image = tiles("powder", 1)[0]
    assert ccc.classify(image, model=path).probabilities.sum() == pytest.approx(1)
    for method in ("gradcam", "layercam", "eigencam", "ablationcam", "scorecam"):
        found = ccc.explain(image, model=path, target="alloy", method=method, signed=True)
        assert np.isfinite(found.data).all()
        assert np.abs(found.data).max() > 0


def test_cancelled_training_keeps_the_best_so_far(tmp_path):
    state = tmp_path / "training.state"
    choices = {
        "model": "visualcnn", "input_px": 32, "epochs": 50, "batch_size": 12, "split": "holdout",
        "test": 0.3, "validation": 0.3, "state": state,
    }  # fmt: skip
    steps = train(two_classes(10), **choices)
    epochs = 0
    for progress in steps:
        epochs += progress.note == "epochs"
        if epochs == 3:
            break
    steps.close()
    found = ccc.train(two_classes(10), **choices, finish=True)
    assert len(found.history) == 3
    assert found.evaluation.probabilities.shape[1] == 2


def test_a_window_in_nanometres_brings_images_to_one_scale(tmp_path):
    coarse = [(image, (4.0, 4.0)) for image in tiles("superalloy", 6)]
    fine = [(np.kron(image, np.ones((2, 2), np.uint8)), (2.0, 2.0)) for image in tiles("powder", 6)]
    images, sizes = zip(*(coarse + fine), strict=True)
    data = core_dataset.from_arrays(
        images, ["alloy"] * 6 + ["powder"] * 6, spacings=[(size, "nm") for size in sizes]
    )
    found = ccc.train(data, window=256, window_unit="nm", input_px=64)
    card = found.model.card
    assert card.view.as_dict() == {"kind": "physical", "window_nm": 256.0}
    assert card.pixel_size_nm == [2.0, 4.0]
    path = tmp_path / "scaled.safetensors"
    save_weights(found, path)
    notes = ccc.classify(coarse[0][0], (40.0, 40.0), "nm", model=path).notes
    assert any("far from the training images" in note for note in notes)
    notes = ccc.classify(coarse[0][0], model=path).notes
    assert any("no pixel size is known" in note for note in notes)


def test_the_pixel_size_separates_classes_that_look_alike(tmp_path):
    image = tiles("superalloy", 12)
    sizes = [1.0] * 6 + [50.0] * 6
    data = core_dataset.from_arrays(
        image, ["fine"] * 6 + ["coarse"] * 6, spacings=[((s, s), "nm") for s in sizes]
    )
    found = ccc.train(data, use_pixel_size=True, flips=False, input_px=64)
    path = tmp_path / "sized.safetensors"
    save_weights(found, path)
    new = tiles("superalloy", 1, seed=5)[0]
    assert ccc.classify(new, (1.0, 1.0), "nm", model=path).label == "fine"
    assert ccc.classify(new, (0.05, 0.05), "µm", model=path).label == "coarse"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"model": "other"}, "name the other model"),
        ({"other": "timm:resnet18"}, "choose the model 'other'"),
        ({"window_unit": "nm"}, "needs its size"),
        ({"window": 64.0, "window_unit": "nm"}, "no pixel size"),
        ({"split": "holdout", "validation": 0.0, "test": 0.0}, "no image is held out"),
        ({"model": "other", "other": "timm:resnet9000", "weights": "random"}, "timm has no model"),
        ({"use_pixel_size": True}, "no image has a pixel size"),
    ],
)
def test_choices_that_contradict_are_refused(choices, words):
    with pytest.raises(ValueError, match=words):
        ccc.train(two_classes(4), **choices)


def test_nanoshapes_crops_are_classified_on_micrographs_that_were_held_out(data):
    crops = dataset.load(data / "nanoshapes/crops/train", group=r"^(.*)_[^_]*_[^_]*$")
    some = core_dataset.Dataset(crops.examples[::12], crops.name)
    found = run(train(some))
    assert found.evaluation.value("accuracy") > 0.8
    assert found.evaluation.independent < 31


def test_epochs_are_logged_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    ccc.train(
        two_classes(6), model="visualcnn", input_px=32, epochs=2, batch_size=12, split="holdout",
        test=0.3, validation=0.3, log=tmp_path / "board",
    )  # fmt: skip
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    assert [event.step for event in board.Scalars("validation_loss")] == [1, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
def test_a_log_that_is_not_utf_8_is_refused_before_the_training(tmp_path):
    with pytest.raises(ValueError, match="TensorBoard takes no name that is no UTF-8"):
        ccc.train(
            two_classes(6), model="visualcnn", input_px=32, epochs=2, split="holdout", test=0.3,
            validation=0.3, log=tmp_path / os.fsdecode(b"board\xff"),
        )  # fmt: skip


def test_an_interrupted_cross_validation_is_continued_and_never_reported(tmp_path):
    state = tmp_path / "training.state"
    choices = {
        "model": "visualcnn", "input_px": 32, "epochs": 2, "batch_size": 12, "split": "k-fold",
        "state": state,
    }  # fmt: skip
    steps = train(two_classes(6), **choices)
    for progress in steps:
        if progress.note.startswith("cross-validation 4"):
            break
    steps.close()
    resumed = train(two_classes(6), **choices)
    phases = (one.note.split(",")[0] for one in resumed)
    assert next(one for one in phases if one.startswith("cross")) == "cross-validation 4 of 5"
    resumed.close()
    # what was learnt with other choices is no use
    other = train(two_classes(6), **{**choices, "epochs": 3})
    phases = (one.note.split(",")[0] for one in other)
    assert next(one for one in phases if one.startswith("cross")) == "cross-validation 1 of 5"
    other.close()
    with pytest.raises(ValueError, match="before the cross-validation was complete"):
        ccc.train(two_classes(6), **choices, finish=True)
    whole = ccc.train(two_classes(6), **{**choices, "state": None})
    again = ccc.train(two_classes(6), **choices)
    finished = ccc.train(two_classes(6), **choices, finish=True)
    for one in (again, finished):
        np.testing.assert_allclose(
            one.evaluation.probabilities, whole.evaluation.probabilities, atol=1e-5
        )


def test_the_state_of_other_images_is_refused(tmp_path):
    choices = {
        "model": "visualcnn", "input_px": 32, "epochs": 1, "batch_size": 12, "split": "holdout",
        "test": 0.3, "validation": 0.3, "state": tmp_path / "training.state",
    }  # fmt: skip
    ccc.train(two_classes(6), **choices)
    with pytest.raises(ValueError, match="other images or settings"):
        ccc.train(two_classes(6, seed=1), **choices)


@pytest.mark.parametrize("change", [{"class_weights": False}, {"flips": False}])
def test_the_state_of_other_choices_is_refused(tmp_path, change):
    choices = {
        "model": "visualcnn", "input_px": 32, "epochs": 1, "batch_size": 12, "split": "holdout",
        "test": 0.3, "validation": 0.3, "state": tmp_path / "training.state",
    }  # fmt: skip
    ccc.train(two_classes(6), **choices)
    with pytest.raises(ValueError, match="other images or settings"):
        ccc.train(two_classes(6), **{**choices, **change})


def test_training_goes_on_with_more_epochs(tmp_path):
    choices = {
        "model": "lite0-finetune", "input_px": 32, "batch_size": 12, "split": "holdout",
        "test": 0.3, "validation": 0.3, "state": tmp_path / "training.state", "patience": 50,
    }  # fmt: skip
    first = ccc.train(two_classes(6), epochs=2, **choices)
    second = ccc.train(two_classes(6), epochs=4, **choices)
    assert len(second.history) == 4
    np.testing.assert_allclose(second.history["loss"][:2], first.history["loss"])


def test_leaving_out_each_of_many_groups_is_refused_with_their_number():
    with pytest.raises(ValueError, match="would train 120 times"):
        ccc.train(two_classes(60), split="leave-one-group-out")


def test_a_missing_test_part_is_noted():
    found = ccc.train(
        two_classes(8), model="visualcnn", input_px=32, epochs=1, split="holdout", test=0.0,
        validation=0.3,
    )  # fmt: skip
    assert any("no test part" in note for note in found.notes)


def test_the_licence_is_on_the_card():
    found = ccc.train(two_classes(4), flips=False, licence="CC BY 4.0", input_px=32)
    assert found.model.card.licence == "CC BY 4.0"


@pytest.mark.parametrize("model", ["lite0-linear", "visualcnn"])
def test_a_class_of_which_nothing_can_be_read_is_left_out(model, tmp_path):
    data = two_classes(6)
    broken = core_dataset.from_arrays([np.full((8, 8), np.nan)] * 2, ["a", "b"]).examples
    both = core_dataset.Dataset((*data.examples, *broken[:1]), "three")
    assert len(both.classes) == 3
    epochs = {} if model == "lite0-linear" else {"epochs": 1}
    found = ccc.train(both, model=model, input_px=32, **epochs)
    assert found.model.card.classes == ["alloy", "powder"]
    assert "no finite pixel" in found.skipped.loc[0, "reason"]


def test_without_a_validation_part_nothing_is_called_calibrated(tmp_path):
    found = ccc.train(
        two_classes(6), model="visualcnn", input_px=32, epochs=1, split="holdout", test=0.3,
        validation=0.0,
    )  # fmt: skip
    path = tmp_path / "raw.safetensors"
    save_weights(found, path)
    notes = ccc.classify(tiles("powder", 1)[0], model=path).notes
    assert any("not calibrated" in note for note in notes)


@pytest.mark.parametrize("model", ["simple-cnn", "lite0-linear"])
def test_moves_are_part_of_the_training_and_of_its_recipe(model):
    moves = {"crop": 0.3, "rotation": 180.0, "shift": 0.1, "shear": 0.2}
    options = {"model": model, "input_px": 32, "split": "holdout", "test": 0.3}
    options |= {} if model == "lite0-linear" else {"epochs": 2}
    plain, moved = (ccc.train(two_classes(5), **options, **more) for more in ({}, moves))
    assert {name: moved.model.card.recipe["augment"][name] for name in moves} == moves
    assert (plain.evaluation.probabilities != moved.evaluation.probabilities).any()


def test_a_written_split_is_read_back_and_gives_the_same_parts(tmp_path):
    for name in ("superalloy", "powder"):
        for k, tile in enumerate(tiles(name, 6)):
            path = tmp_path / "data" / name / f"S{k // 2}_{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            imsave(path, tile, check_contrast=False)
    data = dataset.load(tmp_path / "data", group=r"^(S\d)_")
    options = {"model": "simple-cnn", "input_px": 32, "epochs": 1, "device": "cpu"}
    first = ccc.train(data, split="holdout", test=0.3, validation=0.3, seed=5, **options)
    model, split, *_ = save_model(first, tmp_path / "models" / "one")
    again = ccc.train(dataset.load(split), seed=5, **options)
    pd.testing.assert_frame_equal(
        again.split.drop(columns="path"), first.split.drop(columns="path")
    )
    assert again.model.card.training_data["sha256"] == first.model.card.training_data["sha256"]
    np.testing.assert_array_equal(again.evaluation.probabilities, first.evaluation.probabilities)
    tested = ccc.evaluate(dataset.load(split, min_classes=1), model=model)
    assert sorted(tested.images["name"]) == sorted(first.evaluation.images["name"])


@pytest.mark.parametrize(
    ("parts", "said"),
    [("test test val val", "two: the part train is missing; there is test, validation"),
     ("train train train train", "two: the part test is missing; add it, or choose another split"),
     ("test test test test", "two: the part train is missing; there is test")],
)  # fmt: skip
def test_a_missing_part_is_named(parts, said):
    data = two_classes(2, parts=parts.split())
    with pytest.raises(ValueError, match=said):
        ccc.train(data, model="simple-cnn")
    options = {key: one for key, one in SMALL.items() if key != "validation"}
    assert ccc.train(data, split="k-fold", **options).facts["part"] == "k-fold"


def files_of_one_name(folder, count=4):
    """Pictures 0.png, 1.png… of two classes in two folders, and a table of them."""
    rows = ["path,label,name"]
    for name in ("superalloy", "powder"):
        for k, tile in enumerate(tiles(name, count)):
            path = folder / name / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            imsave(path, tile, check_contrast=False)
            rows.append(f"{name}/{k}.png,{name},{k}.png")
    (folder / "list.csv").write_text("\n".join(rows))
    return folder / "list.csv"


SMALL = {"model": "simple-cnn", "input_px": 32, "epochs": 1, "device": "cpu", "validation": 0.3}


def test_a_split_of_images_of_one_name_leads_to_their_files(tmp_path):
    data = dataset.load(files_of_one_name(tmp_path / "data"))
    found = ccc.train(data, split="holdout", test=0.3, **SMALL)
    split = save_model(found, tmp_path / "models" / "one")[1]
    back = dataset.load(split)
    assert not back.skipped
    for one, other in zip(back.examples, data.examples, strict=True):
        assert one.label == other.label == one.path.parent.name
        np.testing.assert_array_equal(one.read().data, other.read().data)
    assert len(found.thumbnails) == 8


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
def test_a_path_that_is_not_utf_8_does_not_stop_a_training(tmp_path):
    files_of_one_name(tmp_path)
    (tmp_path / "list.csv").unlink()
    os.rename(tmp_path / "powder/0.png", os.fsencode(tmp_path / "powder") + b"/bad\xff.png")
    found = ccc.train(dataset.load(tmp_path), split="holdout", test=0.3, **SMALL)
    assert any("1 image, such as" in note and "are not UTF-8" in note for note in found.notes)
    split = save_model(found, tmp_path / "models" / "one")[1]
    assert dict(dataset.load(split).skipped) == {"powder/bad\\udcff.png": "no such file"}


def test_a_split_with_copies_of_an_image_trains_as_it_did(tmp_path):
    files_of_one_name(tmp_path)
    for k in (1, 2, 3):
        shutil.copy(tmp_path / "powder/0.png", tmp_path / f"powder/{k}.png")
    found = ccc.train(dataset.load(tmp_path / "list.csv"), split="holdout", test=0.3, **SMALL)
    (note,) = (one for one in found.notes if "the same pixels" in one)
    assert all(f"powder/{k}.png (" in note for k in range(4))
    split = save_model(found, tmp_path / "models" / "one")[1]
    assert note in ccc.train(dataset.load(split), **SMALL).notes


@pytest.mark.parametrize(("place", "tested_by"), [("2 of 5", "holdout"), ("4 of 5", "k-fold")])
def test_a_stopped_cross_validation_is_tested_and_reported(place, tested_by, tmp_path):
    choices = {"model": "visualcnn", "input_px": 32, "epochs": 1, "batch_size": 12}
    shares, left = [], [place]

    def report(progress):
        shares.append(progress.share)
        if left and progress.note.startswith(f"cross-validation {left[0]}"):
            left.clear()
            raise StopEarly

    result = run(train(two_classes(6), **choices, split="k-fold"), report)
    # the images are read, and then prepared
    learning = [one for one in shares[:-1] if one >= 0.13]
    assert len(learning) > 2
    assert learning == sorted(learning)
    number = int(place[0]) - 1
    (note,) = [one for one in result.notes if f"{number} of 5 folds are tested" in one]
    assert note in result.evaluation.notes
    assert result.evaluation.facts["part"] == tested_by
    assert result.model.card.metrics["images"] == len(result.evaluation.images) < 12
    ccc.save_model(result, tmp_path / "half.safetensors")
    assert "was stopped by hand" in (tmp_path / "half_report.html").read_text(encoding="utf-8")


def test_a_stopped_linear_probe_is_fitted_with_what_it_has():
    def stop(place):
        left = [place]

        def report(progress):
            if left and progress.note.startswith(left[0]):
                left.clear()
                raise StopEarly

        return run(train(two_classes(6), input_px=32), report)

    for place, note in (
        ("computing features, 3 of 4", "2 of 4 variations of the images are used"),
        ("penalty 2 of 4", "2 of 4 penalties were tried"),
    ):
        result = stop(place)
        assert f"stopped by hand: {note}" in result.notes
        assert len(result.evaluation.images) == 12
    for place in ("reading images", "computing features, 1"):
        with pytest.raises(StopEarly):
            stop(place)
