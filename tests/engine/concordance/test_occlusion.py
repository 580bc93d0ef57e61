from __future__ import annotations

import functools

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.concordance.occlusion import occlusion_effects
from tests.models import CLASSES, saved


def test_effects_are_differences_of_the_probability_of_the_class(tmp_path):
    image = samples.load("nanoparticles").data[90:154, 100:164]
    middle = np.zeros(image.shape, bool)
    middle[10:-10, 10:-10] = True
    masks = [functools.partial(np.array, one) for one in (middle, np.zeros_like(middle))]
    choices = {"model": saved(tmp_path), "device": "cpu"}
    found = run(occlusion_effects(image, masks, None, target="", **choices))
    assert found.target in CLASSES
    # a heatmap without a class is that of the prediction
    assert found.target == ccc.classify(image, model=choices["model"]).label
    assert found.assumed == "the predicted one"
    assert found.before > 1 / 3
    assert found.changes[0] != 0
    assert found.changes[1] == pytest.approx(0, abs=1e-6)
    other = next(name for name in CLASSES if name != found.target)
    assert run(occlusion_effects(image, masks, None, target=other, **choices)).before < 0.5
