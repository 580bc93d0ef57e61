"""Choose where a network runs."""

from __future__ import annotations

import sys
from pathlib import Path

import torch


def choose(device: str = "auto") -> torch.device:
    """Give the device that a job is to run on.

    Parameters
    ----------
    device : {'auto', 'cpu', 'cuda', 'mps'}
        ``auto`` takes the graphics processor where there is one.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the device is unknown or not there.
    """
    # optimisers and torchvision ask for triton later on
    spare_triton()
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return torch.device(next(name for name, there in present.items() if there))
    if device not in present:
        raise ValueError(f"no device {device!r}; choose auto, {', '.join(present)}")
    if not present[device]:
        raise ValueError(f"this machine has no {device} device; choose auto or cpu")
    return torch.device(device)


def spare_triton() -> None:
    """Keep triton from being imported where that would end the process.

    Triton (which torchvision pulls in through torch's compiler) and Mesa's drivers each bring an
    LLVM; loading triton's after Mesa's crashes. A viewer drawn by Mesa has loaded one, and nothing
    here is ever compiled, so triton is declared absent before it is looked for.
    """
    maps = Path("/proc/self/maps")
    if "triton" in sys.modules or not maps.exists():
        return
    loaded = maps.read_text(errors="replace")
    if "libLLVM" in loaded or "libgallium" in loaded:
        sys.modules["triton"] = None  # type: ignore[assignment]
