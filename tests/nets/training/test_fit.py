from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.seed import seeded
from napari_visual_ccc.nets.training.fit import EarlyStopping, _Loop, fit
from napari_visual_ccc.nets.training.recipe import Augmentation, FitOptions, Stages
from napari_visual_ccc.nets.training.state import StateFile
from napari_visual_ccc.nets.training.tasks import (
    LOSS,
    Classification,
    Classifier,
    LabelledCrops,
    Metric,
)

TASK = Classification()


def tiny(classes: int = 2) -> nn.Module:
    with seeded(0):
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(4, classes),
        )  # fmt: skip


def pictures(count: int = 48, seed: int = 0) -> LabelledCrops:
    """Class 0 is smooth, class 1 is grainy."""
    rng = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    pixels = np.full((count, 12, 12), 0.5) + rng.normal(0, 0.02, (count, 12, 12))
    pixels[targets == 1] += rng.normal(0, 0.2, (count // 2, 12, 12))
    return LabelledCrops(pixels.clip(0, 1).astype(np.float16), targets, np.ones(count))


OPTIONS = FitOptions(
    epochs=20, batch_size=8, learning_rate=0.03, augment=Augmentation(brightness=0, noise=0)
)


def trained(options=OPTIONS, **more):
    classifier = Classifier(tiny())
    history = run(fit(TASK, classifier, pictures(), pictures(seed=1), options, **more))
    return classifier, history


def interrupted(options, state, epochs):
    """Train until so many epochs are over: their rows."""
    steps = fit(
        TASK, Classifier(tiny()), pictures(), pictures(seed=1), options, state=StateFile(state)
    )
    rows = []
    for progress in steps:
        if progress.note == "epochs":
            rows.append(progress.values)
            if len(rows) == epochs:
                break
    steps.close()
    return rows


def test_a_network_learns_and_ends_frozen_with_its_best_weights():
    classifier, history = trained()
    assert history[-1]["validation_accuracy"] > 0.9
    assert not classifier.training
    assert not any(p.requires_grad for p in classifier.parameters())
    losses = [row["validation_loss"] for row in history]
    images = pictures(seed=1)
    x = torch.from_numpy(images.crops.astype(np.float32))[:, None]
    found = nn.functional.cross_entropy(classifier(x), torch.from_numpy(images.targets))
    assert float(found) == pytest.approx(min(losses), abs=1e-4)


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_the_same_seed_gives_the_same_network(schedule):
    options = FitOptions(epochs=3, batch_size=8, learning_rate=0.03, schedule=schedule)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = (trained(options)[0].state_dict() for _ in range(2))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0)
    # training leaves torch's own random numbers alone
    assert torch.equal(before, torch.random.get_rng_state())


def test_training_goes_on_where_it_stopped(tmp_path):
    options = FitOptions(epochs=6, batch_size=8, learning_rate=0.02, schedule="plateau")
    whole, history = trained(options)
    interrupted(options, tmp_path / "training.state", epochs=3)
    again, longer = trained(options, state=StateFile(tmp_path / "training.state"))
    assert [row["epoch"] for row in longer] == [row["epoch"] for row in history]
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(value, again.state_dict()[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_warm_up_goes_on_where_it_stopped(tmp_path, epochs):
    stages = Stages(warm_up=("net.6.",))
    options = FitOptions(epochs=8, batch_size=8, learning_rate=0.02)
    whole, history = trained(options, stages=stages)
    state = StateFile(tmp_path / "training.state")
    steps = fit(
        TASK, Classifier(tiny()), pictures(), pictures(seed=1), options, stages=stages, state=state
    )
    for progress in steps:
        if progress.note == "epochs" and progress.done == epochs:
            break
    steps.close()
    again, longer = trained(options, stages=stages, state=state)
    assert longer == history
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(value, again.state_dict()[name], rtol=0, atol=0)


def test_what_was_stopped_can_be_finished_with_its_best(tmp_path):
    state = tmp_path / "training.state"
    rows = interrupted(OPTIONS, state, epochs=4)
    _, history = trained(state=StateFile(state, finish=True))
    assert [row["loss"] for row in history] == [row["loss"] for row in rows]


def test_nothing_trained_cannot_be_finished(tmp_path):
    with pytest.raises(ValueError, match="no trained epoch"):
        trained(state=StateFile(tmp_path / "none", finish=True))


def test_the_state_of_another_training_is_refused(tmp_path):
    state = StateFile(tmp_path / "training.state")
    trained(FitOptions(epochs=1, batch_size=8), state=state)
    with pytest.raises(ValueError, match="other images or settings"):
        trained(FitOptions(epochs=2, batch_size=8, learning_rate=0.5), state=state)
    state.path.write_bytes(b"not a state")
    with pytest.raises(ValueError, match="not the state of a training"):
        trained(FitOptions(epochs=1, batch_size=8), state=state)


def test_early_stopping_ends_a_training_that_gets_no_better():
    options = FitOptions(epochs=200, batch_size=8, learning_rate=1e-7, patience=2)
    _, history = trained(options)
    assert len(history) < 200


def test_a_training_that_stopped_early_is_not_continued(tmp_path):
    options = FitOptions(epochs=200, batch_size=8, learning_rate=1e-7, patience=2)
    one, history = trained(options, state=StateFile(tmp_path / "training.state"))
    other, again = trained(options, state=StateFile(tmp_path / "training.state"))
    assert len(history) < 200
    assert again == history
    for name, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("monitor", "values"),
    [(LOSS, [3.0, 2.0, 2.0, 2.5, 1.0]), (Metric("dice", True), [0.3, 0.5, 0.5, 0.4, 0.6])],
)
def test_early_stopping_keeps_the_best_weights_in_either_direction(monitor, values):
    early, net = EarlyStopping(monitor, patience=2), nn.Linear(1, 1)
    stops = []
    for number, value in enumerate(values):
        nn.init.constant_(net.weight, number)
        early.update({monitor.name: 9.0, f"validation_{monitor.name}": value}, net)
        stops.append(early.stops)
        kept = float(early.weights["weight"])
        assert kept == (0, 1, 1, 1, 4)[number]
    assert stops == [False, False, False, True, False]


def test_gradients_add_up_over_batches():
    """Two batches of 8 taken together are one of 16."""
    plain = Augmentation(False, 0, 0, 0)
    found = []
    for size, accumulate in ((16, 1), (8, 2)):
        with seeded(0):
            one = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(144, 2)))
        options = FitOptions(
            epochs=1, batch_size=size, accumulate_grad_batches=accumulate, learning_rate=0.01,
            schedule="plateau", augment=plain,
        )  # fmt: skip
        run(fit(TASK, one, pictures(16), None, options))
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
    options = FitOptions(epochs=8, batch_size=16, learning_rate=0.05)
    stages = Stages(warm_up=("net.head.",), tuned=("net.body.", "net.head."))
    unchanged = []
    for progress in fit(TASK, classifier, pictures(), None, options, stages=stages):
        if progress.note == "epochs":
            unchanged.append(torch.equal(classifier.net.body.weight, start))
    # a quarter of the epochs
    assert unchanged == [True, True, *[False] * 6]


def test_a_learning_rate_that_is_too_high_is_named():
    with pytest.raises(ValueError, match="lower learning rate"):
        trained(FitOptions(epochs=30, batch_size=8, learning_rate=1e30))


def test_the_pixel_size_is_learnt_where_it_alone_separates_the_classes(rng):
    images = pictures()
    noise = rng.random(images.crops.shape).astype(np.float16)
    sizes = np.where(images.targets, 1.0, -1.0)
    sized = LabelledCrops(noise, images.targets, images.weights, sizes)
    classifier = Classifier(tiny(), size=torch.zeros(2))
    options = FitOptions(epochs=20, batch_size=8, learning_rate=0.1)
    history = run(fit(TASK, classifier, sized, None, options))
    assert history[-1]["accuracy"] > 0.95
    assert classifier.size[1] > classifier.size[0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_half_precision_learns_as_well():
    classifier = Classifier(tiny()).cuda()
    history = run(fit(TASK, classifier, pictures(), pictures(seed=1), OPTIONS))
    assert history[-1]["validation_accuracy"] > 0.9


@pytest.mark.parametrize("accumulate", [1, 4, 50])
def test_the_learning_rate_ends_at_nothing_whatever_is_accumulated(accumulate):
    options = FitOptions(
        epochs=10, batch_size=8, learning_rate=0.01, accumulate_grad_batches=accumulate, patience=50
    )
    _, history = trained(options)
    rates = [row["learning_rate"] for row in history]
    assert rates[-1] < 0.05 * 0.01
    assert min(rates[:-1]) > 0


def test_a_step_that_is_left_out_does_not_lower_the_learning_rate():
    options = FitOptions(epochs=2, batch_size=8, learning_rate=0.01, patience=50)
    loop = _Loop(TASK, Classifier(tiny()), 48, options, Stages())
    loop.start(0)
    loop.scaler = torch.amp.GradScaler("cpu")
    weight = next(loop.net.parameters())
    # a gradient that overflows, as the first ones in half precision do
    overflow = weight.register_hook(lambda gradient: gradient + torch.inf)
    generator, batch = torch.Generator().manual_seed(0), pictures().subset(np.arange(8))
    before = weight.detach().clone()
    for step in range(2):
        loop._step(batch, step, generator)
        changed = not torch.equal(weight.detach(), before)
        assert changed == (step == 1)
        assert loop.cosine.last_epoch == step
        overflow.remove()
