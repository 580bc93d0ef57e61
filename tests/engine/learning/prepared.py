"""Recipes and prepared data sets for the tests of learners."""

from __future__ import annotations

import inspect

import numpy as np

from napari_visual_ccc.core.dataset import Dataset, from_arrays
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.learning.prepare import PreparedDataset, prepare
from napari_visual_ccc.engine.learning.train import train
from napari_visual_ccc.nets.models.network import Network, choose_network
from napari_visual_ccc.nets.training.recipe import TrainingRecipe

CHOICES = {
    name: parameter.default
    for name, parameter in inspect.signature(train).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}


def recipe(**choices) -> TrainingRecipe:
    """A recipe with the defaults of `train` and a small input."""
    return TrainingRecipe(**{**CHOICES, "input_px": 32, **choices})


def striped(count: int = 6, shape: tuple[int, int] = (40, 40), **more) -> Dataset:
    """Horizontal and vertical stripes with noise."""
    rng = np.random.default_rng(0)
    wave = 60 * np.sin(np.arange(max(shape)) * 1.3)
    images = []
    for k in range(2 * count):
        wide = wave[: shape[0], None] if k < count else wave[None, : shape[1]]
        images.append((128 + wide + rng.normal(0, 10, shape)).astype(np.uint8))
    return from_arrays(images, ["flat"] * count + ["steep"] * count, name="stripes", **more)


def made(chosen: TrainingRecipe, data: Dataset | None = None) -> tuple[PreparedDataset, Network]:
    """A data set that is prepared for the network of a recipe, and that network."""
    network = choose_network(chosen.network, 2, chosen.weights, chosen.seed)
    return run(prepare(data or striped(), network.architecture, chosen)), network
