from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.learning.fine_tune import FineTune
from tests.engine.learning.prepared import made, recipe, striped

CPU = torch.device("cpu")
IMAGES = np.arange(12)
FOLDS = [(IMAGES[k::3], IMAGES[np.arange(12) % 3 != k][:6]) for k in range(3)]
SMALL = {"model": "simple-cnn", "batch_size": 6}


def learner(**choices) -> FineTune:
    chosen = recipe(**{**SMALL, **choices})
    prepared, network = made(chosen)
    return FineTune(prepared, network, chosen, CPU)


def test_it_stops_when_the_validation_images_get_no_better():
    fitted = run(learner(epochs=60, learning_rate=1e-9, patience=2).fit(IMAGES[::2], IMAGES[1::2]))
    assert len(fitted.history) < 60
    assert "validation_accuracy" in fitted.history


def test_the_card_keeps_the_options_under_the_names_of_the_choices():
    fitted = run(learner(epochs=1, accumulate_grad_batches=2, brightness=0.2).fit(IMAGES))
    assert fitted.recipe["batch_size"] == 6
    assert fitted.recipe["accumulate_grad_batches"] == 2
    assert fitted.recipe["augment"]["brightness"] == 0.2
    assert fitted.recipe["learning_rate"] > 0


def test_a_new_head_is_warmed_up_together_with_the_weight_of_the_pixel_size():
    sizes = [((1.0, 1.0), "nm")] * 6 + [((50.0, 50.0), "nm")] * 6
    chosen = recipe(model="lite0-finetune", epochs=1, batch_size=6, use_pixel_size=True)
    prepared, network = made(chosen, striped(spacings=sizes))
    before = network.build(32).state_dict()["conv_stem.weight"]
    fitted = run(FineTune(prepared, network, chosen, CPU).fit(IMAGES))
    torch.testing.assert_close(fitted.net.state_dict()["conv_stem.weight"], before)
    assert fitted.extras["size.weight"].abs().sum() > 0


def test_finished_folds_are_taken_from_the_file_of_the_same_training(tmp_path):
    state = tmp_path / "training.state"
    whole = run(learner(epochs=1, state=state).cross_validate(FOLDS, IMAGES))
    notes = [p.note for p in learner(epochs=1, state=state).cross_validate(FOLDS, IMAGES)]
    assert not any(note.startswith("fold") for note in notes)
    again = run(learner(epochs=1, state=state, finish=True).cross_validate(FOLDS, IMAGES))
    np.testing.assert_array_equal(again.logits, whole.logits)
    other = learner(epochs=2, state=state, finish=True)
    with pytest.raises(ValueError, match="before the cross-validation was complete"):
        run(other.cross_validate(FOLDS, IMAGES))
