from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.autoencoder.anomaly import anomaly_map
from napari_visual_ccc.engine.autoencoder.images import from_images
from napari_visual_ccc.engine.autoencoder.train_autoencoder import train_autoencoder
from napari_visual_ccc.nets import checkpoint
from tests.stripes import CHOICES, images, stripes


def trained(**more):
    return run(train_autoencoder(images(), **{**CHOICES, "tiles": 12, **more}))


def same_weights(one, two) -> bool:
    states = one.model.net.state_dict(), two.model.net.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_it_learns_and_says_what_it_was_tested_with(stripes_model):
    _, result = stripes_model
    card = result.model.card
    assert result.history["loss"].iloc[-1] < result.history["loss"].iloc[0]
    assert (card.task, card.classes, card.architecture) == (
        "reconstruction", [], "autoencoder:2x2",
    )  # fmt: skip
    assert card.pixel_size_nm == [2, 2]
    assert card.anomaly.tiles == result.facts["held_out_tiles"] == 18
    assert card.anomaly.tile_px == 32
    assert result.notes[0] == "held out: images of other specimens or files"
    assert result.images["name"].isin(["image 3", "image 5"]).all()


def test_an_interrupted_training_continues_to_the_same_weights(tmp_path):
    state = tmp_path / "training.state"
    steps = train_autoencoder(images(), **{**CHOICES, "tiles": 12, "epochs": 2, "state": state})
    for progress in steps:
        if progress.note == "epochs":
            # as a killed process: what follows the first epoch is lost
            steps.close()
            break
    assert state.exists()
    assert same_weights(trained(state=state, epochs=2), trained(epochs=2))


def test_a_stopped_training_is_finished_with_its_best_epoch(tmp_path):
    state = tmp_path / "training.state"
    with pytest.raises(ValueError, match="no trained epoch to finish"):
        trained(state=state, finish=True)
    first = trained(state=state, epochs=1)
    assert same_weights(trained(state=state, epochs=1, finish=True), first)
    with pytest.raises(ValueError, match="other images or settings"):
        trained(state=state, epochs=1, similarity=0.5)


def test_a_variational_one_with_similarity_in_the_loss():
    result = trained(variational=True, similarity=0.5, epochs=1)
    assert result.model.card.architecture == "variational-autoencoder:2x2"
    assert np.isfinite(result.history["validation_loss"]).all()


def test_without_a_validation_part_there_is_no_threshold(tmp_path):
    result = trained(validation=0.0, epochs=1)
    assert result.model.card.anomaly is None
    assert "no threshold" in result.notes[0]
    assert "PSNR and SSIM are of the training tiles" in result.notes[1]
    assert set(result.summary["part"]) == set(result.images["part"]) == {"train"}
    path = tmp_path / "model.safetensors"
    checkpoint.save(result.model, path)
    with pytest.raises(ValueError, match=r"no image was held out in its training \(validation=0\)"):
        run(anomaly_map(stripes(0), model=path))


@pytest.mark.parametrize("validation", [0.0, 0.3])
def test_the_test_part_is_reported_apart(validation):
    data = images(4)
    parts = ("train", "train", "train" if validation else "validation", "test")
    examples = (replace(one, part=part) for one, part in zip(data.examples, parts, strict=True))
    data = replace(data, examples=tuple(examples))
    choices = {"tiles": 16, "epochs": 1, "validation": validation}
    result = run(train_autoencoder(data, **{**CHOICES, **choices}))
    assert result.summary["part"].tolist() == ["test", "test", "validation", "validation"]
    assert result.images["part"].tolist() == ["test", "validation"]
    assert result.images["name"][0] == "image 4"
    assert result.facts["test_tiles"] > 0
    # the threshold is of the validation part alone
    assert result.model.card.anomaly.tiles == result.facts["held_out_tiles"]
    assert any("the test images were not trained with" in note for note in result.notes)


def test_what_is_not_used_is_named():
    data = images(3)
    more = from_images([np.zeros((5, 5))], names=["tiny"])
    both = replace(data, examples=(*data.examples, *more.examples))
    result = run(train_autoencoder(both, **{**CHOICES, "tiles": 12, "epochs": 1}))
    assert result.notes[-1] == "not used: tiny (smaller than a tile of 32 px)"


def test_small_images_and_few_held_out_tiles_are_named(tmp_path):
    data = from_images([np.eye(20, 32), np.eye(20, 32)], names=["a", "b"])
    result = run(train_autoencoder(data, **{**CHOICES, "tiles": 12, "epochs": 1}))
    assert result.facts["held_out_tiles"] == 1
    assert "1 held-out tile supports a share of 0.500 at most" in result.notes
    assert result.notes[-1] == (
        "smaller than a tile of 32 px and continued by reflection: a (20 x 32 px); b (20 x 32 px)"
    )
    file = tmp_path / "few.safetensors"
    checkpoint.save(result.model, file)
    found = run(anomaly_map(np.eye(64, 64), model=file, min_diameter=1))
    assert found.facts["usual"] == 0.5


def test_impossible_tiles_are_refused():
    with pytest.raises(ValueError, match="choose a multiple of 16"):
        trained(tile=40)
    with pytest.raises(ValueError, match="choose 128 or more"):
        trained(depth=5)
