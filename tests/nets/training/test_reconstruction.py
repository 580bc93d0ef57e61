from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.models.registry import architecture
from napari_visual_ccc.nets.seed import seeded
from napari_visual_ccc.nets.training.fit import fit
from napari_visual_ccc.nets.training.recipe import Augmentation, FitOptions
from napari_visual_ccc.nets.training.reconstruction import (
    Reconstruction,
    Reconstructor,
    Tiles,
    similarity,
)
from napari_visual_ccc.nets.training.state import StateFile

CPU = torch.device("cpu")


def tiles(count: int = 12) -> Tiles:
    _, x = np.indices((16, 16))
    phases = np.linspace(0, 6, count)[:, None, None]
    return Tiles((0.5 + 0.3 * np.sin(x / 2 + phases)).astype(np.float16))


def reconstructor(kind: str = "autoencoder") -> Reconstructor:
    with seeded(0):
        return Reconstructor(architecture(f"{kind}:2x2").build(0, 16), 0.5, 0.5)


QUIET = Augmentation(flips=False, brightness=0, noise=0)


def test_an_autoencoder_learns_to_reconstruct():
    options = FitOptions(epochs=8, batch_size=4, learning_rate=0.01, augment=QUIET)
    history = run(fit(Reconstruction(), reconstructor(), tiles(), tiles(4), options))
    assert history[-1]["psnr"] > history[0]["psnr"] + 3
    assert set(history[0]) >= {"psnr", "validation_psnr", "validation_loss"}


def test_noise_is_added_to_the_input_only():
    task = Reconstruction()
    batch = task.batch(tiles(), CPU)
    noisy = Augmentation(flips=False, brightness=0, noise=0.2)
    varied = task.augment(batch, noisy, torch.Generator().manual_seed(0))
    assert torch.equal(varied.targets, batch.targets)
    assert (varied.inputs[0] - batch.targets).abs().max() > 0.05


def test_the_loss_is_squared_error_similarity_and_divergence():
    batch = Reconstruction().batch(tiles(3), CPU)
    made, nats = batch.targets + 0.1, torch.full_like(batch.targets, 2.0)
    outputs = torch.cat([made, nats], dim=1)
    squares = Reconstruction().loss(outputs, batch)
    torch.testing.assert_close(squares, torch.full((3,), 0.01), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        Reconstruction(divergence=0.5).loss(outputs, batch), squares + 1.0, atol=1e-5, rtol=1e-4
    )
    alike = similarity(made, batch.targets)
    mixed = Reconstruction(similarity=0.25).loss(outputs, batch)
    torch.testing.assert_close(mixed, 0.75 * squares + 0.25 * (1 - alike))
    torch.testing.assert_close(Reconstruction().score(outputs, batch), torch.full((3,), 20.0))


def test_similarity_is_that_of_scikit_image():
    from skimage.metrics import structural_similarity

    one, two = np.random.default_rng(0).random((2, 40, 40)).astype(np.float32)
    ours = similarity(*(torch.from_numpy(image)[None, None] for image in (one, two))).item()
    theirs = structural_similarity(one, two, win_size=7, data_range=1, use_sample_covariance=False)
    assert ours == pytest.approx(theirs, abs=1e-4)
    assert similarity(torch.ones(1, 1, 9, 9), torch.ones(1, 1, 9, 9)).item() == pytest.approx(1)


def test_a_variational_one_is_evaluated_without_noise():
    net, x = reconstructor("variational-autoencoder"), torch.rand(2, 1, 16, 16)
    net.eval()
    assert torch.equal(net(x), net(x))
    assert net(x)[:, 1].abs().max() == 0
    net.train()
    assert net(x)[:, 1].min() > 0


def test_tiles_and_weights_of_the_loss_mark_a_state(tmp_path):
    options, state = FitOptions(epochs=1, batch_size=4), StateFile(tmp_path / "state")
    run(fit(Reconstruction(), reconstructor(), tiles(), None, options, state=state))
    for task, samples in ((Reconstruction(0.5), tiles()), (Reconstruction(), tiles(5))):
        with pytest.raises(ValueError, match="other images or settings"):
            run(fit(task, reconstructor(), samples, None, options, state=state))
