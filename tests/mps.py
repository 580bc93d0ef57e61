"""A device like Apple's MPS for tests on machines without one: it computes, but has no float64.

Its tensors tell that they are on ``mps`` and hold their numbers in main memory. What torch refuses
there is refused here: float64 and complex128 on the device, tensors of two devices in one
operation, NumPy arrays without a copy to main memory, and operations for which torch's own table of
kernels has none for MPS.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

MPS = torch.device("mps")
_LONG = (torch.float64, torch.complex128)


class OnMps(torch.Tensor):
    """Tensor on the device; torch's own core sees one without numbers, on ``meta``."""

    held: torch.Tensor

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnMps:
        if held.dtype in _LONG:
            raise TypeError(f"the MPS framework doesn't support {held.dtype}")
        made = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, held.stride(), held.storage_offset(), dtype=held.dtype,
            device="meta", requires_grad=held.requires_grad,
        )  # fmt: skip
        made.held = held
        return made

    @property
    def device(self) -> torch.device:
        return MPS

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert mps device type tensor to numpy; use Tensor.cpu() first")

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __repr__(self) -> str:
        return f"OnMps({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


class _Named(TorchFunctionMode):
    """Torch's core refuses the name of the device where it is built without it."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        def core(one: Any) -> Any:
            is_mps = isinstance(one, (str, torch.device)) and str(one).startswith("mps")
            return torch.device("meta") if is_mps else one

        args, kwargs = tree_map(core, (tuple(args), kwargs or {}))
        return function(*args, **kwargs)


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


def _run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    kwargs = dict(kwargs)
    leaves = tree_leaves((args, kwargs))
    on = [one for one in leaves if isinstance(one, OnMps)]
    wanted = kwargs.get("device")
    target = torch.device(wanted) if wanted is not None else (MPS if on else torch.device("cpu"))
    target = MPS if target.type == "meta" else target
    if wanted is not None and target == MPS:
        kwargs["device"] = torch.device("cpu")
    is_copy = function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
    others = [
        one for one in leaves
        if isinstance(one, torch.Tensor) and not isinstance(one, OnMps) and one.ndim
    ]  # fmt: skip
    indexes = "index" in function.name()
    if on and others and not is_copy and not indexes:
        raise RuntimeError(f"{function}: expected all tensors on the same device, mps and cpu")
    inner = tree_map(lambda one: one.held if isinstance(one, OnMps) else one, (args, kwargs))
    found = function(*inner[0], **inner[1])
    if function is torch.ops.aten.copy_.default:
        return args[0]
    if target != MPS:
        return found
    same = {id(one.held): one for one in on}

    def given(one: Any) -> Any:
        if not isinstance(one, torch.Tensor):
            return one
        # what is changed in place stays the same tensor
        return same[id(one)] if id(one) in same else OnMps(one)

    return tree_map(given, found)


@contextmanager
def mps() -> Iterator[torch.device]:
    """Let ``tensor.to("mps")`` give tensors of this device."""
    with _Named(), _Mode():
        yield MPS
