"""How a result was made, as data that is kept beside it."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import sys
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays.lazy import is_lazy
from ..core.micrograph import InfoBar
from ..core.plain import plain
from ..core.result import Result, prediction_of
from . import signature


def provenance(
    operation: str,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    *,
    source: Mapping[str, Any],
    previous: Mapping[str, Any] | None = None,
    result: Result | None = None,
    output: str = "",
    plane: Sequence[int] = (),
    info_bar: InfoBar | None = None,
) -> dict[str, Any]:
    """Record how a result was made.

    Parameters
    ----------
    operation : str
        Name in the catalogue.
    parameters : mapping
        The choices made; what is left out had its default and is recorded with it.
    inputs : mapping
        Name of the layer or file given for each input.
    source : mapping
        ``name`` and ``path`` of the image, and if known ``sha256``, ``spacing`` and ``unit``.
    previous : mapping, optional
        Record of the first input, when that was a result itself: its source is kept and this
        operation becomes one more step.
    result : Result, optional
        What the operation gave, for its facts and its model.
    output : str
        Name of the layer among those of the result.
    plane : sequence of int
        Slice of a stack that was taken, for operations that work on one plane.
    info_bar : InfoBar, optional
        What was left out of the source.

    Returns
    -------
    dict
        Of plain values that JSON and YAML can hold.
    """
    chosen = {name: p.default for name, p in signature.parameters(operation).items()}
    step: dict[str, Any] = {
        "operation": operation,
        "parameters": {**chosen, **parameters},
        "inputs": dict(inputs),
        "output": output,
    }
    if len(plane):
        step["plane"] = list(plane)
    if info_bar:
        step["info_bar"] = info_bar.pixels
    model = model_of(result)
    if model:
        step["model"] = model
    earlier = list(previous["steps"]) if previous and previous.get("steps") else []
    record = {
        "source": previous["source"] if previous and earlier else dict(source),
        "steps": [*earlier, step],
        "output": output,
        "facts": {} if result is None else dict(result.facts),
        "versions": versions(),
    }
    if model:
        record["model"] = model
    return plain(record)


def model_of(result: Result | None) -> dict[str, Any]:
    """Tell which model a result comes from: its hash, architecture and name."""
    if result is None:
        return {}
    card = (prediction_of(result) or result).model
    return {key: card[key] for key in ("hash", "architecture", "name") if key in card}


def fingerprint(data: Any) -> str:
    """Tell two arrays apart, quickly.

    Parameters
    ----------
    data : array
        Up to 4 MiB every value counts, above an even sample of them; lazy arrays by their name.
    """
    if is_lazy(data):
        return str(data.name)
    if isinstance(data, list):
        # vertices of shapes
        data = np.concatenate([np.ravel(one) for one in data]) if data else np.empty(0)
    if not isinstance(data, np.ndarray):
        return ""
    # odd, so that it does not walk down a column of an image
    step = 1 if data.nbytes <= 1 << 22 else data.size // 500_000 | 1
    seen = np.ascontiguousarray(data if step == 1 else data.reshape(-1)[::step])
    return f"{zlib.crc32(seen.tobytes()):08x}"


def versions() -> dict[str, str]:
    """Versions of what takes part in a result."""
    return dict(_versions("torch" in sys.modules))


@functools.cache
def _versions(with_torch: bool) -> tuple[tuple[str, str], ...]:
    names = ["napari-visual-ccc", "numpy", "scipy", "scikit-image", "scikit-learn"]
    names += ["torch"] if with_torch else []
    found = [("python", platform.python_version())]
    for name in names:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)
