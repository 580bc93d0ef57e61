from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.learning.fine_tune import FineTune
from napari_visual_ccc.engine.learning.learner import (
    Learner,
    apply_to_crops,
    crop_weights,
    image_weights,
)
from napari_visual_ccc.engine.learning.linear_probe import LinearProbe
from tests.engine.learning.prepared import made, recipe, striped

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("kind", "model", "needs_validation"),
    [(LinearProbe, "lite0-linear", False), (FineTune, "simple-cnn", True)],
)
def test_both_learners_keep_the_protocol(kind, model, needs_validation):
    chosen = recipe(model=model, epochs=1, batch_size=6, flips=False)
    prepared, network = made(chosen)
    learner: Learner = kind(prepared, network, chosen, CPU)
    assert learner.needs_validation == needs_validation
    images = np.arange(12)
    folds = [(images[k::2], images[1 - k :: 2]) for k in (0, 1)]
    for fitted in (run(learner.fit(images)), run(learner.cross_validate(folds, images))):
        assert fitted.logits.shape == (12, 2)
        assert np.isfinite(fitted.logits).all()
        assert len(fitted.features) == 12
        assert not any(p.requires_grad for p in fitted.net.parameters())
        assert len(fitted.history)
        assert fitted.recipe["augment"]["flips"] is False


def test_class_weights_give_every_class_the_same_sum():
    prepared, _ = made(recipe())
    images = np.array([0, 1, 2, 3, 6])
    weights = image_weights(prepared, images, class_weights=True)
    assert weights[:6].sum() == pytest.approx(weights[6:].sum())
    assert weights[images].mean() == pytest.approx(1)
    assert weights[[4, 5, 7]].tolist() == [0, 0, 0]
    plain = image_weights(prepared, images, class_weights=False)
    assert plain[images].tolist() == [1] * 5


def test_the_crops_of_an_image_share_its_weight():
    prepared, _ = made(recipe(window=20.0), striped(2, (40, 60)))
    crops, index, weights = crop_weights(prepared, np.array([0, 2]), class_weights=False)
    assert index.tolist() == [0] * 6 + [2] * 6
    assert crops.tolist() == [*range(6), *range(12, 18)]
    np.testing.assert_allclose(weights, 1 / 6)


def test_an_error_of_the_network_becomes_a_sentence():
    def fails(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA out of memory. Tried to allocate")

    with pytest.raises(RuntimeError, match="memory is full"):
        run(apply_to_crops(fails, np.zeros((1, 4, 4), np.float16), CPU, "note"))
