"""Choose the device of a network, and how it is shared."""

from __future__ import annotations

import functools
import itertools
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..arrays.lazy import tile_workers
from ..arrays.reduction import ordered_map
from ..core.settings.borrowed import at_end
from ..core.settings.cores import cores, of_thread
from ..core.settings.current import current

Item = TypeVar("Item")

Answer = TypeVar("Answer")


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
    present = _present()
    settings = current()
    if "OMP_NUM_THREADS" not in os.environ:
        # torch counts the cores of the machine, and a host may have chosen fewer
        wanted = settings.threads or min(torch.get_num_threads(), cores())
        if wanted != torch.get_num_threads():
            torch.set_num_threads(wanted)
    if of_thread():
        # until the thread ends
        _limited(min(of_thread(), torch.get_num_threads()))
    of_settings = device == "auto" and settings.device != "auto"
    if of_settings:
        device = settings.device
    elif device == "auto":
        device = next(name for name, is_present in present.items() if is_present and _fit(name))
    if device not in present:
        raise ValueError(f"no device {device!r}; choose auto, {', '.join(present)}")
    if not present[device]:
        where = ", which the settings ask for" if of_settings else ""
        raise ValueError(f"this machine has no {device} device{where}; choose auto or cpu")
    if reason := failure(device):
        raise ValueError(f"the {device} device of this machine fails ({reason}); choose device cpu")
    if device == "cuda":
        full_precision()
    return torch.device(device)


def _present() -> dict[str, bool]:
    """Devices in the order of preference, and whether this machine has them."""
    return {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }


@functools.cache
def failure(device: str) -> str:
    """Why a device that is present does not compute; empty where it does.

    A card may be too old for the installed torch, or its driver: it is there, and every network
    fails on it. A small convolution is tried, once.
    """
    if device == "cpu":
        return ""
    try:
        torch.nn.functional.conv2d(
            torch.ones(1, 1, 8, 8, device=device), torch.ones(1, 1, 3, 3, device=device)
        ).cpu()
    except (RuntimeError, AssertionError, TypeError, ValueError, OSError) as error:
        # others use the memory of the card now, which says nothing of the card
        return "" if "out of memory" in str(error) else str(error).strip().splitlines()[0]
    return ""


@functools.cache
def _fit(device: str) -> bool:
    """Whether a device computes; one that does not is named, once."""
    reason = failure(device)
    if reason:
        warnings.warn(
            f"the {device} device of this machine fails ({reason}): computing on the processor",
            stacklevel=3,
        )
    return not reason


def at_a_time(device: torch.device) -> int:
    """Number of inputs that `side_by_side` runs at a time: the threads of torch, on a GPU one."""
    return min(tile_workers(), torch.get_num_threads()) if device.type == "cpu" else 1


def side_by_side(
    function: Callable[[Item], Answer], items: Iterable[Item], cores: int
) -> Iterator[Answer]:
    """Run a network on several inputs at a time, on a processor each on a core of its own.

    The threads of torch share the work of one layer and wait for each other after it: on two cores
    they are hardly faster than one, and slower beside other programs. Inputs that share nothing
    need not wait.

    Parameters
    ----------
    function : callable
        Of an item; called on several threads. Choices of torch that belong to a thread, as
        `torch.inference_mode`, are made in it.
    items : iterable
        Read in the calling thread, one or two more than are at work.
    cores : int
        Items that are at work; with 1, or for a single item, torch uses all its threads.

    Yields
    ------
    Answers in the order of the items.
    """
    items = iter(items)
    first = list(itertools.islice(items, 2))
    items = itertools.chain(first, items)
    if cores == 1 or len(first) == 1:
        return map(function, items)

    def alone(item: Item) -> Answer:
        with _limited(1):
            return function(item)

    return ordered_map(alone, items, cores)


def _limited(number: int) -> Any:
    """Limit the calling thread alone to a number of cores: for good, or within ``with``."""
    # torch gives a thread its number at the first use, which would undo the limit
    torch.get_num_threads()
    return _openmp().limit(limits=number)


@functools.cache
def _openmp() -> Any:
    """Control the number of threads of OpenMP, which each thread of the process has its own of."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="openmp")


def doubles(values: torch.Tensor) -> torch.Tensor:
    """Copy to main memory in float64: MPS has no such numbers, so no device is asked for them."""
    return values.detach().cpu().double()


def longest_float(device: torch.device) -> torch.dtype:
    """The most precise type of floats that a device has: float64, on MPS float32."""
    return torch.float32 if device.type == "mps" else torch.float64


def full_precision() -> None:
    """Convolve and multiply matrices in float32 on CUDA, as a processor does.

    By default convolutions keep 10 bits of the mantissa (TF32): maps of Grad-CAM differed from
    those of a processor by 0.018 of their range, those of FullGrad by 0.093, and probabilities by
    0.003. A host may have asked for the same of matrices, of which transformers consist. Torch has
    one such choice for the whole process: that of the host comes back when no operation runs.
    """
    backends: Any = torch.backends
    parts = (backends.cudnn.conv, backends.cuda.matmul)
    before = [part.fp32_precision for part in parts]

    def restore() -> None:
        for part, precision in zip(parts, before, strict=True):
            part.fp32_precision = precision

    at_end("precision", restore)
    for part in parts:
        part.fp32_precision = "ieee"


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
