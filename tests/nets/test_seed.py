from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.nets.seed import seeded


def test_a_seed_holds_within_its_block_only():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    draws = []
    for _ in range(2):
        with seeded(3):
            draws.append(torch.rand(4))
    torch.testing.assert_close(*draws, rtol=0, atol=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_devices_that_the_host_uses_later_are_not_seeded():
    if torch.cuda.is_initialized():
        pytest.skip("CUDA is in use")
    waiting = len(torch.cuda._queued_calls)
    with seeded(3):
        pass
    assert len(torch.cuda._queued_calls) == waiting


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_the_generator_of_a_device_is_restored(name):
    device = getattr(torch, name)
    if not device.is_available():
        pytest.skip(f"no {name} device")
    torch.ones(1, device=name)
    before, draws = device.get_rng_state(), []
    for _ in range(2):
        with seeded(3):
            draws.append(torch.rand(4, device=name).cpu())
    torch.testing.assert_close(*draws, rtol=0, atol=0)
    assert torch.equal(before, device.get_rng_state())
