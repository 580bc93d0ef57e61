"""What a training makes, of stripes and tiny networks."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.evaluation.operating_point import rates, youden_thresholds
from napari_visual_ccc.engine.learning.learner import calibrate
from napari_visual_ccc.engine.learning.package import Training, evaluate_parts, package
from napari_visual_ccc.engine.learning.prepare import prepare
from napari_visual_ccc.engine.learning.split import partition
from napari_visual_ccc.engine.learning.train import _choose_learner, train
from napari_visual_ccc.nets.models.network import choose_network
from napari_visual_ccc.nets.training.recipe import TrainingRecipe
from tests.engine.learning.prepared import striped
from tests.mps import mps

SMALL = {"model": "simple-cnn", "input_px": 32, "batch_size": 8, "learning_rate": 3e-3}
SHARES = {"split": "holdout", "validation": 0.25, "test": 0.25}


@pytest.fixture(scope="module")
def held_out():
    """A network with training, validation and test part."""
    return ccc.train(striped(12), epochs=5, checkpoints=2, seed=1, **SMALL, **SHARES)


def test_the_validation_part_is_evaluated_beside_the_test(held_out):
    counts = held_out.split["part"].value_counts()
    assert len(held_out.validation.images) == counts["validation"]
    assert len(held_out.evaluation.images) == counts["test"]
    assert set(held_out.validation.images["name"]).isdisjoint(held_out.evaluation.images["name"])
    assert held_out.validation.facts["part"] == "validation part"
    # the same images as in the history, with the weights of the best epoch
    best = held_out.history.loc[held_out.history["validation_loss"].idxmin()]
    assert held_out.validation.value("accuracy") == pytest.approx(best["validation_accuracy"])


def test_thresholds_are_chosen_on_the_validation_part_and_reported_on_both(held_out):
    point = held_out.model.card.operating_point
    assert point.thresholds == youden_thresholds(held_out.validation)
    assert (point.chosen_on, point.rates_of) == ("validation part", "other images")
    for part, here in ((held_out.validation, True), (held_out.evaluation, False)):
        assert part.operating_point.equals(rates(part, point.thresholds))
        assert part.facts["operating_point"]["here"] == here


def test_every_checkpoint_is_a_calibrated_model_of_its_own(held_out):
    history = held_out.history.set_index("epoch")["validation_loss"]
    ranked = [(m.card.checkpoint.rank, m.card.checkpoint) for m in held_out.checkpoints]
    assert [rank for rank, _ in ranked if rank] == [1, 2]
    best = history.sort_values(kind="stable").index[:2].tolist()
    assert [one.epoch for rank, one in ranked if rank] == best
    assert sum(one.last for _, one in ranked) == 1
    for model, (_, one) in zip(held_out.checkpoints, ranked, strict=True):
        assert one.value == pytest.approx(history[one.epoch])
        assert one.monitor == "validation_loss"
        assert model.card.is_calibrated
        assert model.card.operating_point.chosen_on == "validation part"
        assert model.card.references == held_out.model.card.references
    first = held_out.checkpoints[0]
    assert first.card.temperature == held_out.model.card.temperature
    assert held_out.model.card.checkpoint is None


def test_layers_say_what_was_trained(held_out):
    assert held_out.architecture["trained"].equals(held_out.architecture["parameters"])
    assert held_out.model.card.trained == [""]


def test_a_cross_validation_has_no_validation_part_and_no_checkpoints():
    found = ccc.train(striped(6), epochs=1, split="k-fold", **SMALL)
    assert found.validation is None
    assert found.checkpoints == ()
    point = found.evaluation.facts["operating_point"]
    assert (point["chosen_on"], point["here"]) == ("cross-validation", True)
    card = found.model.card.operating_point
    assert card.chosen_on == "cross-validation"
    # of each fold at thresholds of the others; the card has those of all
    assert point["nested"]
    assert "other folds" in card.rates_of
    assert card.thresholds == youden_thresholds(found.evaluation)


def test_thresholds_chosen_on_the_images_of_the_test_are_called_optimistic():
    found = ccc.train(
        striped(8), epochs=1, split="holdout", validation=0.3, test=0.0, checkpoints=0, **SMALL
    )
    assert found.evaluation.facts["operating_point"]["here"]
    assert "optimistic" in found.model.card.operating_point.rates_of


@pytest.mark.parametrize("lacking", ["validation", "test"])
def test_a_part_without_images_of_a_class_is_told(lacking):
    parts = (["train"] * 4 + ["validation"] * 2 + ["test"] * 2) * 2
    # of the second class
    parts = [("train" if one == lacking and k >= 8 else one) for k, one in enumerate(parts)]
    data = striped(8)
    examples = [replace(one, part=part) for one, part in zip(data.examples, parts, strict=True)]
    found = ccc.train(replace(data, examples=examples), epochs=1, checkpoints=0, **SMALL)
    told = [note for note in found.notes if note.startswith("no image of ")]
    assert len(told) == 1
    assert told[0].startswith(f"no image of steep is in the part {lacking}: ")


def test_a_linear_layer_is_validated_by_cross_validation_within_its_training_part():
    found = ccc.train(striped(8), input_px=32, **SHARES)
    assert found.validation.facts["part"] == "cross-validation"
    trained = found.split["name"][found.split["part"] == "train"]
    assert set(found.validation.images["name"]) == set(trained)
    assert found.checkpoints == ()
    assert found.model.card.trained == ["classifier."]
    assert found.architecture["trained"].sum() == 2 * 1281


def test_without_images_to_choose_on_there_are_no_thresholds():
    found = ccc.train(
        striped(6), epochs=1, split="holdout", validation=0.0, test=0.3, **SMALL
    )  # fmt: skip
    assert found.model.card.operating_point is None
    assert found.evaluation.operating_point is None
    assert found.validation is None
    assert not found.model.card.is_calibrated
    assert np.isfinite(found.evaluation.value("accuracy"))


def test_what_a_gpu_has_trained_is_a_model_on_the_processor():
    data = striped(8)
    known = inspect.signature(train).parameters.values()
    usual = {one.name: one.default for one in known if one.name != "data"}
    recipe = TrainingRecipe(**usual | SMALL | SHARES | {"epochs": 1})
    network = choose_network(recipe.network, len(data.classes), recipe.weights, recipe.seed, 1)
    prepared = run(prepare(data, network.architecture, recipe))
    learner = _choose_learner(prepared, network, recipe, torch.device("cpu"))
    parts = partition(prepared, recipe, learner.needs_validation)
    fitted = run(learner.fit(parts.train, parts.calibration))
    calibrated = calibrate(prepared, fitted, parts)
    training = Training(data, prepared, network, parts, recipe, {})
    evaluations = evaluate_parts(training, calibrated, ())
    expected = {name: value.numpy().copy() for name, value in fitted.net.state_dict().items()}
    with mps() as device:
        moved = replace(fitted, net=fitted.net.to(device))
        assert next(moved.net.parameters()).device == device
        made = package(training, moved, calibrated, evaluations)
    assert made.device == torch.device("cpu")
    for name, value in made.net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), expected[name])
