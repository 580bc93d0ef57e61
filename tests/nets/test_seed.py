from __future__ import annotations

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
