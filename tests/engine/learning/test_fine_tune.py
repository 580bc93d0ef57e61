from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import StopEarly, run
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
    assert not any(note.startswith("cross-validation") for note in notes)
    again = run(learner(epochs=1, state=state, finish=True).cross_validate(FOLDS, IMAGES))
    np.testing.assert_array_equal(again.logits, whole.logits)
    other = learner(epochs=2, state=state, finish=True)
    with pytest.raises(ValueError, match="before the cross-validation was complete"):
        run(other.cross_validate(FOLDS, IMAGES))


def stopped_at(place):
    """Stop at the first progress whose note starts so."""
    left = [place]

    def report(progress):
        if left and progress.note.startswith(left[0]):
            left.clear()
            raise StopEarly

    return report


def test_a_stopped_training_keeps_its_best_epoch():
    probe = learner(epochs=4)
    fitted = run(probe.fit(IMAGES[::2], IMAGES[1::2]), stopped_at("epoch 3"))
    assert len(fitted.history) == 2
    best = int(fitted.history["validation_loss"].to_numpy().argmin()) + 1
    assert fitted.notes == (
        f"stopped by hand after 2 of 4 epochs; the weights are those of epoch {best}",
    )
    same = run(learner(epochs=4).fit(IMAGES[::2], IMAGES[1::2]), stopped_at("epoch 3"))
    np.testing.assert_array_equal(same.logits, fitted.logits)
    # those of the epoch that was begun are gone
    assert all(kept.epoch < 3 for kept, _ in probe.checkpoints())
    with pytest.raises(StopEarly):
        run(learner(epochs=2).fit(IMAGES), stopped_at("epoch 1"))


@pytest.mark.parametrize(
    ("place", "tested"),
    [
        ("cross-validation 1 of 3, epoch 2", 1),
        ("cross-validation 2 of 3, epoch 1", 1),
        ("cross-validation 3 of 3, epoch 2", 2),
        ("training on all images, epoch 2", 3),
    ],
)
def test_a_stopped_cross_validation_keeps_its_finished_folds(place, tested):
    fitted = run(learner(epochs=2).cross_validate(FOLDS, IMAGES), stopped_at(place))
    assert fitted.folds == FOLDS[:tested]
    assert f"{tested} of 3 folds are tested" in fitted.notes[0]
    assert (len(fitted.notes) == 2) == (place == "cross-validation 1 of 3, epoch 2")
    held_out = np.unique(np.concatenate([images for _, images in fitted.folds]))
    assert fitted.logits[held_out].any(axis=1).all()
