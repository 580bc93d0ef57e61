from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.models.base import Architecture
from napari_visual_ccc.nets.training.augment import Augment, augmented, dihedral
from napari_visual_ccc.nets.training.fit import Classifier, fit
from napari_visual_ccc.nets.training.linear import fit_linear
from napari_visual_ccc.nets.training.recipe import Images, Recipe, seeded

CPU = torch.device("cpu")


def tiny(classes: int = 2) -> nn.Module:
    with seeded(0):
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(4, classes),
        )  # fmt: skip


def design(**more) -> Architecture:
    return Architecture(
        lambda classes, side: tiny(classes),
        features=lambda net, x: net[:3](x),
        head=lambda net, maps: net[3:](maps),
        embed=lambda net, maps: net[3:5](maps),
        stride=1, first_centre=0, input_px=12, **more,
    )  # fmt: skip


def pictures(count: int = 48, seed: int = 0) -> Images:
    """Class 0 is smooth, class 1 is grainy."""
    rng = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    pixels = np.full((count, 12, 12), 0.5) + rng.normal(0, 0.02, (count, 12, 12))
    pixels[targets == 1] += rng.normal(0, 0.2, (count // 2, 12, 12))
    return Images(pixels.clip(0, 1).astype(np.float16), targets, np.ones(count))


RECIPE = Recipe(epochs=20, batch=8, rate=0.03, augment=Augment(light=0, noise=0))


def trained(recipe=RECIPE, **more):
    classifier = Classifier(tiny())
    history = run(
        fit(classifier, design(), pictures(), pictures(seed=1), recipe, device=CPU, **more)
    )
    return classifier, history


def test_a_network_learns_and_ends_frozen_with_its_best_weights():
    classifier, history = trained()
    assert history[-1]["validation_accuracy"] > 0.9
    assert not classifier.training
    assert not any(p.requires_grad for p in classifier.parameters())
    losses = [row["validation_loss"] for row in history]
    images = pictures(seed=1)
    x = (torch.from_numpy(images.pixels.astype(np.float32))[:, None] - 0.5) / 0.5
    found = nn.functional.cross_entropy(classifier(x), torch.from_numpy(images.targets))
    assert float(found) == pytest.approx(min(losses), abs=1e-4)


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_the_same_seed_gives_the_same_network(schedule):
    recipe = Recipe(epochs=3, batch=8, rate=0.03, schedule=schedule)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = (trained(recipe)[0].state_dict() for _ in range(2))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0)
    # training leaves torch's own random numbers alone
    assert torch.equal(before, torch.random.get_rng_state())


def test_training_goes_on_where_it_stopped(tmp_path):
    whole, history = trained(Recipe(epochs=6, batch=8, rate=0.02, schedule="plateau"))
    state = tmp_path / "training.state"
    recipe = Recipe(epochs=6, batch=8, rate=0.02, schedule="plateau")
    classifier = Classifier(tiny())
    steps = fit(classifier, design(), pictures(), pictures(seed=1), recipe, device=CPU, state=state)
    epochs = 0
    for progress in steps:
        epochs += progress.note == "epochs"
        if epochs == 3:
            break
    steps.close()
    again, longer = trained(recipe, state=state)
    assert [row["epoch"] for row in longer] == [row["epoch"] for row in history]
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(value, again.state_dict()[name], rtol=1e-5, atol=1e-6)


def test_what_was_stopped_can_be_finished_with_its_best(tmp_path):
    state = tmp_path / "training.state"
    steps = fit(
        Classifier(tiny()), design(), pictures(), pictures(seed=1), RECIPE, device=CPU, state=state
    )
    rows = []
    for progress in steps:
        if progress.note == "epochs":
            rows.append(progress.values)
            if len(rows) == 4:
                break
    steps.close()
    _, history = trained(state=state, only_finish=True)
    assert [row["loss"] for row in history] == [row["loss"] for row in rows]


def test_nothing_trained_cannot_be_finished(tmp_path):
    with pytest.raises(ValueError, match="nothing trained"):
        trained(state=tmp_path / "none", only_finish=True)


def test_the_state_of_another_training_is_refused(tmp_path):
    state = tmp_path / "training.state"
    trained(Recipe(epochs=1, batch=8), state=state)
    with pytest.raises(ValueError, match="other images or settings"):
        trained(Recipe(epochs=2, batch=8, rate=0.5), state=state)
    state.write_bytes(b"not a state")
    with pytest.raises(ValueError, match="not the state of a training"):
        trained(Recipe(epochs=1, batch=8), state=state)


def test_early_stopping_ends_a_training_that_gets_no_better():
    recipe = Recipe(epochs=200, batch=8, rate=1e-7, patience=2)
    _, history = trained(recipe)
    assert len(history) < 200


def test_gradients_add_up_over_batches():
    """Two batches of 8 taken together are one of 16."""
    plain = Augment(False, 0, 0, 0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
    flat = Architecture(
        lambda c, s: net, lambda n, x: x, lambda n, m: n(m), lambda n, m: m.flatten(1),
        stride=1, first_centre=0, input_px=12,
    )  # fmt: skip
    found = []
    for batch, accumulate in ((16, 1), (8, 2)):
        with seeded(0):
            one = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(144, 2)))
        recipe = Recipe(
            epochs=1, batch=batch, accumulate=accumulate, rate=0.01, schedule="plateau",
            augment=plain,
        )  # fmt: skip
        run(fit(one, flat, pictures(16), None, recipe, device=CPU))
        found.append(one.net[1].weight.detach())
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-5)


def test_a_new_head_is_trained_alone_at_first():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.body(x).relu().mean(dim=(2, 3)))

    with seeded(0):
        classifier = Classifier(Named())
    start = classifier.net.body.weight.detach().clone()
    net_design = design(warm=("head.",), tuned=("body.", "head."))
    steps = fit(
        classifier, net_design, pictures(), None, Recipe(epochs=8, batch=16, rate=0.05), device=CPU
    )
    seen = []
    for progress in steps:
        if progress.note == "epochs":
            seen.append(torch.equal(classifier.net.body.weight, start))
    # a quarter of the epochs
    assert seen == [True, True, *[False] * 6]


def test_a_rate_that_blows_up_is_said_in_words():
    with pytest.raises(ValueError, match="lower learning rate"):
        trained(Recipe(epochs=30, batch=8, rate=1e30))


def test_the_pixel_size_is_learnt_where_it_alone_tells(rng):
    images = pictures()
    noise = rng.random(images.pixels.shape).astype(np.float16)
    sized = Images(noise, images.targets, images.weights, np.where(images.targets, 1.0, -1.0))
    classifier = Classifier(tiny(), torch.zeros(2))
    recipe = Recipe(epochs=20, batch=8, rate=0.1)
    history = run(fit(classifier, design(), sized, None, recipe, device=CPU))
    assert history[-1]["accuracy"] > 0.95
    assert classifier.size[1] > classifier.size[0]


def test_weights_of_samples_count_in_a_linear_fit():
    features = np.array([[0.0], [0.0], [1.0]])
    targets = np.eye(2)[[0, 1, 1]]
    for weights, wanted in (([1, 9, 1], 1), ([9, 1, 1], 0)):
        weight, bias = run(fit_linear(features, targets, weights=np.array(weights, float)))
        assert int((weight[:, 0] * 0 + bias).argmax()) == wanted


@pytest.mark.parametrize("kind", range(8))
def test_eight_views_are_eight(kind):
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    views = {tuple(dihedral(image, k).flatten().tolist()) for k in range(8)}
    assert len(views) == 8
    assert sorted(dihedral(image, kind).flatten().tolist()) == list(range(9))


def test_augmented_views_stay_in_range_and_come_from_the_seed():
    x = torch.rand(6, 1, 16, 16)
    how = Augment(zoom=0.3, light=0.5, noise=0.2)
    first, second = (augmented(x, how, torch.Generator().manual_seed(3)) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.min() >= 0
    assert first.max() <= 1
    assert (first - x).abs().mean() > 0.01
    nothing = augmented(x, Augment(False, 0, 0, 0), torch.Generator())
    torch.testing.assert_close(nothing, x)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_half_precision_learns_as_well():
    classifier = Classifier(tiny()).cuda()
    history = run(
        fit(classifier, design(), pictures(), pictures(seed=1), RECIPE, device=torch.device("cuda"))
    )
    assert history[-1]["validation_accuracy"] > 0.9


@pytest.mark.parametrize("accumulate", [1, 4, 50])
def test_the_rate_ends_at_nothing_whatever_is_added_up(accumulate):
    recipe = Recipe(epochs=10, batch=8, rate=0.01, accumulate=accumulate, patience=50)
    _, history = trained(recipe)
    rates = [row["rate"] for row in history]
    assert rates[-1] < 0.05 * 0.01
    assert min(rates[:-1]) > 0
