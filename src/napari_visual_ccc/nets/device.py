"""Choose the device of a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

from ..core.settings.cores import cores
from ..core.settings.current import current


def choose(device: str = "auto") -> torch.device:
    """Give a device that is present.

    Parameters
    ----------
    device : {'auto', 'cpu', 'cuda', 'mps'}
        ``auto`` is the device of the settings, or else a GPU before the processor. The threads of
        the settings are taken over, unless ``OMP_NUM_THREADS`` states them.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the device is unknown or not present.
    """
    # optimisers and torchvision import triton later
    spare_triton()
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    settings = current()
    if "OMP_NUM_THREADS" not in os.environ:
        # torch counts the cores of the machine, and a host may have chosen fewer
        wanted = settings.threads or min(torch.get_num_threads(), cores())
        if wanted != torch.get_num_threads():
            torch.set_num_threads(wanted)
    of_settings = device == "auto" and settings.device != "auto"
    if of_settings:
        device = settings.device
    elif device == "auto":
        device = next(name for name, is_present in present.items() if is_present)
    if device not in present:
        raise ValueError(f"no device {device!r}; choose auto, {', '.join(present)}")
    if not present[device]:
        where = ", which the settings ask for" if of_settings else ""
        raise ValueError(f"this machine has no {device} device{where}; choose auto or cpu")
    if device == "cuda":
        full_precision()
    return torch.device(device)


def doubles(values: torch.Tensor) -> torch.Tensor:
    """Copy to main memory in float64: MPS has no such numbers, so no device is asked for them."""
    return values.detach().cpu().double()


def longest_float(device: torch.device) -> torch.dtype:
    """The most precise type of floats that a device has: float64, on MPS float32."""
    return torch.float32 if device.type == "mps" else torch.float64


def full_precision() -> None:
    """Convolve in float32 on CUDA, as a processor does.

    By default convolutions keep 10 bits of the mantissa (TF32): maps of Grad-CAM differed from
    those of a processor by 0.018 of their range, those of FullGrad by 0.093, and probabilities by
    0.003. It holds for the whole process.
    """
    torch.backends.cudnn.allow_tf32 = False


def spare_triton() -> None:
    """Prevent the import of triton where it would crash the process.

    Triton, which torchvision imports through torch's compiler, and Mesa's drivers each bring an
    LLVM; loading that of triton after that of Mesa crashes. A viewer that Mesa draws has loaded
    one, and no model is compiled here, so triton is declared absent.
    """
    maps = Path("/proc/self/maps")
    if "triton" in sys.modules or not maps.exists():
        return
    loaded = maps.read_text(errors="replace")
    if "libLLVM" in loaded or "libgallium" in loaded:
        sys.modules["triton"] = None  # type: ignore[assignment]
