"""Random numbers from a seed, without touching the global state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generators for a block, and restore their states afterwards.

    That of the processor, of the current CUDA device if the process computes there already, and of
    MPS. `torch.manual_seed` would also seed CUDA devices that the host begins to use later.
    """
    with torch.random.fork_rng(devices=[]), _on_device(seed):
        torch.default_generator.manual_seed(seed)
        yield


@contextmanager
def _on_device(seed: int) -> Iterator[None]:
    device = None
    if torch.cuda.is_initialized():
        device = torch.cuda
    elif torch.backends.mps.is_available():
        device = torch.mps
    if device is None:
        yield
        return
    before = device.get_rng_state()
    device.manual_seed(seed)
    try:
        yield
    finally:
        device.set_rng_state(before)
