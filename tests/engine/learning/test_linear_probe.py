from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.learning.linear_probe import PENALTIES, LinearProbe
from napari_visual_ccc.nets.training.augment import dihedral, varied
from napari_visual_ccc.nets.training.recipe import Augmentation
from tests.engine.learning.prepared import made, recipe, striped

CPU = torch.device("cpu")
IMAGES = np.arange(12)
FOLDS = [(IMAGES[k::2], IMAGES[1 - k :: 2]) for k in (0, 1)]


def test_the_penalty_is_chosen_by_images_that_were_held_out():
    # rotations by a right angle would make the two classes one
    chosen = recipe(flips=False, scale=0.05)
    prepared, network = made(chosen)
    probe = LinearProbe(prepared, network, chosen, CPU)
    fitted = run(probe.cross_validate(FOLDS, IMAGES))
    assert fitted.recipe["penalty"] == probe.penalty
    assert probe.penalty in PENALTIES
    assert fitted.recipe["copies"] == 4
    assert (fitted.logits.argmax(axis=1) == prepared.targets).mean() > 0.8
    # the logits of the network that is kept are other ones: it was trained with all images
    x = torch.from_numpy(prepared.crops.astype(np.float32))[:, None]
    outputs = fitted.net((x - 0.5) / 0.5).numpy()
    assert not np.allclose(outputs, fitted.logits, atol=1e-3)


def test_without_variations_the_network_gives_the_logits_of_the_fit():
    chosen = recipe(flips=False)
    prepared, network = made(chosen)
    fitted = run(LinearProbe(prepared, network, chosen, CPU).fit(IMAGES))
    x = torch.from_numpy(prepared.crops.astype(np.float32))[:, None]
    np.testing.assert_allclose(fitted.net((x - 0.5) / 0.5).numpy(), fitted.logits, atol=1e-3)
    assert fitted.recipe["copies"] == 1


@pytest.mark.parametrize("flips", [False, True])
def test_images_are_scored_without_the_variations_that_are_trained_with(flips):
    chosen = recipe(flips=flips, crop=0.08)
    prepared, network = made(chosen)
    probe = LinearProbe(prepared, network, chosen, CPU)
    fitted = run(probe.fit(IMAGES))
    assert fitted.recipe["copies"] == 4
    x = (torch.from_numpy(prepared.crops.astype(np.float32))[:, None] - 0.5) / 0.5
    views = torch.stack([fitted.net(dihedral(x, kind)) for kind in range(8 if flips else 1)])
    # a mean of some of the eight views, or that of the only one
    low, high = views.amin(dim=0).numpy(), views.amax(dim=0).numpy()
    assert (fitted.logits >= low - 1e-3).all() and (fitted.logits <= high + 1e-3).all()
    held_out = run(probe.cross_validate(FOLDS, IMAGES)).logits
    for images, others in FOLDS:
        # networks of the folds are trained as the last one is, or it would not be calibrated
        alone = run(probe.fit(images)).logits
        np.testing.assert_array_equal(held_out[others], alone[others])


def test_a_view_that_an_earlier_copy_has_is_not_computed_again():
    chosen = recipe()
    prepared, network = made(chosen)
    probe, seen = LinearProbe(prepared, network, chosen, CPU), []
    probe.net.conv_stem.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    run(probe._compute_features())
    kinds = [np.zeros(12, int)]
    x = torch.from_numpy(prepared.crops.astype(np.float32))[:, None]
    for copy in (1, 2, 3):
        generator = torch.Generator().manual_seed(chosen.seed * 1009 + copy)
        turned, _ = varied(x, Augmentation(True, 0.0, 0.0, 0.0), generator)
        generator.manual_seed(chosen.seed * 1009 + copy)
        kinds.append(torch.randint(0, 8, (12,), generator=generator).numpy())
        parts = network.architecture.parts
        expected = parts.embed(probe.net, parts.features(probe.net, (turned - 0.5) / 0.5))
        np.testing.assert_allclose(probe._features[copy][:, :-1], expected, atol=1e-4)
    distinct = sum(len(set(column)) for column in np.array(kinds).T)
    assert sum(seen[: -len(kinds) + 1]) == distinct < 4 * 12


def test_the_pixel_size_of_a_row_is_that_of_the_magnified_crop():
    chosen = recipe(use_pixel_size=True, flips=False, crop=0.25)
    prepared, network = made(chosen, striped(spacings=[((2.0, 2.0), "nm")] * 12))
    probe = LinearProbe(prepared, network, chosen, CPU)
    run(probe.fit(IMAGES))
    plain, *copies = [probe._rows(one)[:, -1] for one in probe._features]
    np.testing.assert_array_equal(plain, 0)
    assert len(copies) == 3
    # sides of at least a half
    assert np.all((np.array(copies) < 0) & (np.array(copies) >= np.log10(0.5) - 1e-6))


def test_the_pixel_size_is_one_more_feature():
    sizes = [((1.0, 1.0), "nm")] * 6 + [((50.0, 50.0), "nm")] * 6
    chosen = recipe(use_pixel_size=True, flips=False)
    prepared, network = made(chosen, striped(spacings=sizes))
    fitted = run(LinearProbe(prepared, network, chosen, CPU).fit(IMAGES))
    weight = fitted.extras["size.weight"]
    assert weight.shape == (2,)
    assert weight[1] > weight[0]
