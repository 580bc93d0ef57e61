from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields

import pytest

from napari_visual_ccc.engine.autoencoder.train_autoencoder import train_autoencoder
from napari_visual_ccc.engine.learning.train import train
from napari_visual_ccc.nets.training.recipe import AutoencoderRecipe, TrainingRecipe

CHOICES = {
    name: parameter.default
    for name, parameter in inspect.signature(train).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}


def test_a_recipe_has_the_choices_of_train():
    assert [field.name for field in fields(TrainingRecipe)] == list(CHOICES)


def test_options_of_the_optimisation_follow_the_choices():
    choices = {"batch_size": 4, "accumulate_grad_batches": 3, "brightness": 0.4, "seed": 7}
    options = TrainingRecipe(**{**CHOICES, **choices}).fit_options(3e-4)
    assert (options.batch_size, options.accumulate_grad_batches, options.seed) == (4, 3, 7)
    assert options.augment.brightness == 0.4
    assert options.learning_rate == 3e-4
    rate = TrainingRecipe(**{**CHOICES, "learning_rate": 0.01}).fit_options(3e-4).learning_rate
    assert rate == 0.01


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"window": 4.0}, "choose 8 or more"),
        ({"input_px": 16}, "choose 32 or more"),
        ({"test": 0.6}, "between 0 and 0.5"),
    ],
)
def test_impossible_choices_are_refused(choices, words):
    with pytest.raises(ValueError, match=words):
        TrainingRecipe(**{**CHOICES, **choices})


def test_the_recipe_is_imported_without_torch():
    code = (
        "import sys, napari_visual_ccc.nets.training.recipe\n"
        "import napari_visual_ccc.engine.learning.train\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_recipe_of_an_autoencoder_has_every_choice_of_the_operation():
    choices = {
        name: parameter.default
        for name, parameter in inspect.signature(train_autoencoder).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    recipe = AutoencoderRecipe(**choices)
    options = recipe.fit_options(0.5)
    assert (options.learning_rate, options.epochs, options.seed) == (0.5, recipe.epochs, 0)
    assert options.augment.noise == recipe.noise
    with pytest.raises(ValueError, match="multiple of 16"):
        AutoencoderRecipe(**{**choices, "tile": 90})
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        AutoencoderRecipe(**{**choices, "validation": 0.9})
