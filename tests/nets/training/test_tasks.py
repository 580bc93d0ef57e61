"""Classification, and a task of another kind that `fit` has never heard of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.seed import seeded
from napari_visual_ccc.nets.training.augment import varied
from napari_visual_ccc.nets.training.fit import fit
from napari_visual_ccc.nets.training.recipe import Augmentation, FitOptions
from napari_visual_ccc.nets.training.state import StateFile
from napari_visual_ccc.nets.training.tasks import (
    LOSS,
    Batch,
    Classification,
    Classifier,
    LabelledCrops,
    Metric,
)

CPU = torch.device("cpu")


# classification


def crops(count: int = 5) -> LabelledCrops:
    pixels = np.linspace(0, 1, count * 16, dtype=np.float16).reshape(count, 4, 4)
    return LabelledCrops(pixels, np.arange(count) % 2, np.arange(1.0, count + 1))


def test_a_batch_of_crops_has_classes_and_weights():
    batch = Classification().batch(crops().subset(np.array([1, 4])), CPU)
    x, sizes = batch.inputs
    assert x.shape == (2, 1, 4, 4)
    assert sizes is None
    assert batch.targets.tolist() == [1, 0]
    assert batch.weights.tolist() == [2.0, 5.0]


def test_the_loss_is_weighted_cross_entropy_and_the_score_accuracy():
    batch = Classification().batch(crops(3), CPU)
    logits = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 0.0]])
    losses = Classification().loss(logits, batch)
    wanted = [np.log(1 + np.exp(-2)), 2 * (2 + np.log(1 + np.exp(-2))), 3 * np.log(2)]
    np.testing.assert_allclose(losses.numpy(), wanted, rtol=1e-5)
    assert Classification().score(logits, batch).tolist() == [True, False, True]


def test_a_classifier_normalises_its_input_and_adds_the_pixel_size():
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    x, sizes = torch.rand(3, 1, 4, 4), torch.tensor([0.0, 1.0, -1.0])
    plain = Classifier(net, 0.25, 2.0)
    torch.testing.assert_close(plain(x), net((x - 0.25) / 2))
    sized = Classifier(net, 0.25, 2.0, torch.tensor([0.5, -0.5]))
    moved = sized(x, sizes) - plain(x)
    torch.testing.assert_close(moved, sizes[:, None] * torch.tensor([0.5, -0.5]))


def test_the_pixel_size_of_a_crop_follows_the_augmentation():
    task, samples = Classification(), crops()
    sizes = np.linspace(-1, 1, len(samples))
    batch = task.batch(replace(samples, log_sizes=sizes), torch.device("cpu"))
    seed = torch.Generator().manual_seed
    strong = Augmentation(False, 0, 0, crop=0.1)
    found = task.augment(batch, strong, seed(2)).inputs
    x, change = varied(batch.inputs[0], strong, seed(2))
    torch.testing.assert_close(found[0], x)
    torch.testing.assert_close(found[1] - batch.inputs[1], change)
    assert (change < 0).all()
    plain = task.augment(batch, Augmentation(True, 0, 0), seed(2)).inputs
    assert torch.equal(plain[1], batch.inputs[1])


def test_the_fingerprint_follows_the_classes():
    first = crops()
    other = LabelledCrops(first.crops, first.targets[::-1] * 3, first.weights)
    assert Classification().fingerprint(first) != Classification().fingerprint(other)


# reconstruction: all that a new task takes


@dataclass(frozen=True)
class Pairs:
    """Noisy images and what they are to become."""

    noisy: np.ndarray
    clean: np.ndarray

    def __len__(self) -> int:
        return len(self.noisy)

    def subset(self, chosen: np.ndarray) -> Pairs:
        return Pairs(self.noisy[chosen], self.clean[chosen])


class Reconstruction:
    metric = Metric("psnr", higher_is_better=True)

    def __init__(self, monitor: Metric) -> None:
        self.monitor = monitor

    def batch(self, samples: Pairs, device: torch.device) -> Batch:
        x, y = (
            torch.from_numpy(part)[:, None].to(device) for part in (samples.noisy, samples.clean)
        )
        return Batch((x,), y, torch.ones(len(x), device=device))

    def augment(self, batch, augmentation, generator) -> Batch:
        mirrored = bool(torch.randint(0, 2, (1,), generator=generator)) and augmentation.flips
        if not mirrored:
            return batch
        return batch._replace(inputs=(batch.inputs[0].flip(-1),), targets=batch.targets.flip(-1))

    def loss(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        return (outputs - batch.targets).square().mean(dim=(1, 2, 3))

    def score(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        return -10 * self.loss(outputs, batch).clamp(min=1e-12).log10()

    def fingerprint(self, samples: Pairs) -> dict:
        return {"images": list(samples.noisy.shape)}


def pairs(seed: int, count: int = 24) -> Pairs:
    rng = np.random.default_rng(seed)
    clean = np.tile(rng.random((count, 1, 8), np.float32), (1, 8, 1))
    return Pairs(clean + rng.normal(0, 0.3, clean.shape).astype(np.float32), clean)


def autoencoder() -> nn.Module:
    with seeded(0):
        return nn.Sequential(
            nn.Conv2d(1, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 1, 5, padding=2)
        )


OPTIONS = FitOptions(
    epochs=12, batch_size=8, learning_rate=0.02, schedule="plateau", augment=Augmentation(True)
)


@pytest.mark.parametrize("monitor", [LOSS, Reconstruction.metric])
def test_another_task_is_trained_without_a_change_of_fit(monitor):
    net, validation = autoencoder(), pairs(1)
    history = run(fit(Reconstruction(monitor), net, pairs(0), validation, OPTIONS))
    assert history[-1]["validation_psnr"] > history[0]["validation_psnr"] + 3
    assert set(history[0]) == {
        "epoch", "loss", "psnr", "learning_rate", "validation_loss", "validation_psnr",
    }  # fmt: skip
    batch = Reconstruction(monitor).batch(validation, CPU)
    kept = float(Reconstruction(monitor).score(net(*batch.inputs), batch).mean())
    best = max(row["validation_psnr"] for row in history)
    assert kept == pytest.approx(best, abs=1e-3 if monitor != LOSS else 0.5)


def test_another_task_stops_early_when_its_metric_gets_no_better():
    options = FitOptions(epochs=100, batch_size=8, learning_rate=1e-9, patience=3)
    history = run(
        fit(Reconstruction(Reconstruction.metric), autoencoder(), pairs(0), pairs(1), options)
    )
    assert len(history) < 20


def test_another_task_continues_from_its_state(tmp_path):
    task, whole = Reconstruction(LOSS), autoencoder()
    history = run(fit(task, whole, pairs(0), pairs(1), OPTIONS))
    state, interrupted = StateFile(tmp_path / "state"), autoencoder()
    steps = fit(task, interrupted, pairs(0), pairs(1), OPTIONS, state=state)
    epochs = 0
    for progress in steps:
        epochs += progress.note == "epochs"
        if epochs == 4:
            break
    steps.close()
    continued = autoencoder()
    assert run(fit(task, continued, pairs(0), pairs(1), OPTIONS, state=state)) == history
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(value, continued.state_dict()[name], rtol=0, atol=0)
    with pytest.raises(ValueError, match="other images or settings"):
        run(fit(task, autoencoder(), pairs(0, 16), pairs(1), OPTIONS, state=state))
