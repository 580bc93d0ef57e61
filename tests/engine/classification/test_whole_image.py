from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.classification.whole_image import input_size, probabilities
from napari_visual_ccc.engine.explanation.explainer import Explainer
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.samples import load


def test_a_whole_image_has_the_probabilities_that_explain_gives():
    model = checkpoint.load_model(None, torch.device("cpu"))
    image = load("nanoparticles").data[90:250, 100:300].astype(np.float32) / 255
    assert input_size(model, image.shape, 64) == (320, 400)
    found = probabilities(model, image, None)
    logits = run(Explainer(model, image).logits())
    expected = np.exp(logits / model.card.temperature)
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-4)
    # of a large image the input is limited: the same classes, not the same digits
    large = probabilities(model, np.tile(image, (4, 4)), None)
    assert large.sum() == pytest.approx(1)
