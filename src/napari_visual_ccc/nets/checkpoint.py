"""Model files: weights as safetensors, with a card in its header that says what they are.

Nothing is ever unpickled. The card can be read without torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

FORMAT = "napari-visual-ccc model 1"
DEFAULT = Path(__file__).parents[1] / "samples" / "models" / "nanoshapes.safetensors"
_LONGEST_HEADER = 100_000_000
_REQUIRED = {
    "name": str,
    "architecture": str,
    "classes": list,
    "input_px": int,
    "window_px": int,
    "normalisation": dict,
    "use": str,
}


def read_card(path: Path | None = None) -> dict[str, Any]:
    """Read what a model file says of itself.

    Parameters
    ----------
    path : Path, optional
        A .safetensors file; the shipped model without it.

    Returns
    -------
    dict
        ``name``, ``architecture``, ``classes``, ``input_px`` (side the network was trained at),
        ``window_px`` (pixels of the image that this shows), ``normalisation`` (percentiles
        ``low`` and ``high``, and their ``scope``), ``use`` (what it is good for), and what else
        the trainer noted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a model of ours; the message names it.
    """
    path = DEFAULT if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such model file")
    header = _header(path)
    try:
        card = json.loads(header.get("__metadata__", {})["card"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _not_ours(path, "it has no card") from None
    _check_card(card, path)
    shapes = [value.get("shape") for value in header.values() if isinstance(value, dict)]
    if not any(isinstance(s, list) and s[:1] == [len(card["classes"])] for s in shapes):
        raise ValueError(
            f"{path}: the weights do not fit {card['architecture']} with "
            f"{len(card['classes'])} classes"
        )
    return card


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_LONGEST_HEADER, path.stat().st_size - 8):
            raise _not_ours(path, "it is not a safetensors file")
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise _not_ours(path, "it is not a safetensors file")
    return header


def _check_card(card: Any, path: Path) -> None:
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise _not_ours(path, f"its card does not say {FORMAT!r}")
    for key, kind in _REQUIRED.items():
        if not isinstance(card.get(key), kind):
            raise _not_ours(path, f"its card has no usable {key!r}")
    classes = card["classes"]
    named = all(isinstance(name, str) and name for name in classes)
    if len(classes) < 2 or not named or len(set(classes)) < len(classes):
        raise _not_ours(path, "its card does not name two or more classes, each once")
    _check_normalisation(card["normalisation"], path)
    if not (8 <= card["input_px"] <= 4096 and 8 <= card["window_px"] <= 65_536):
        raise _not_ours(path, "its card gives an impossible size")


def _check_normalisation(given: Mapping[str, Any], path: Path) -> None:
    low, high = given.get("low", 0.5), given.get("high", 99.5)
    pairs = [(low, high, 0.0, 100.0)]
    limits = given.get("limits")
    if limits is not None:
        if not isinstance(limits, list) or len(limits) != 2:
            raise _not_ours(path, "its card gives impossible limits of grey")
        pairs.append((*limits, -1e300, 1e300))
    for first, second, least, most in pairs:
        numbers = all(type(value) in (int, float) for value in (first, second))
        if not numbers or not least <= first < second <= most:
            raise _not_ours(path, "its card gives impossible limits of grey")


def _not_ours(path: Path, why: str) -> ValueError:
    return ValueError(
        f"{path}: not a model of napari-visual-ccc ({why}); choose a .safetensors file of its own"
    )


def file_hash(path: Path | None = None) -> str:
    """Give the SHA-256 of a model file, which results carry."""
    return hashlib.sha256((DEFAULT if path is None else Path(path)).read_bytes()).hexdigest()


def load(path: Path | None, device: torch.device) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network of a model file.

    Parameters
    ----------
    path : Path or None
        The shipped model without it.
    device : torch.device
        Where the network is to run.

    Returns
    -------
    net : nn.Module
        Frozen, in evaluation mode.
    card : dict
        As from `read_card`, with ``hash`` and ``device``.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_card`; also if the weights do not fit the architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from .architectures import architecture

    card = read_card(path)
    path = DEFAULT if path is None else Path(path)
    try:
        design = architecture(card["architecture"])
        weights = load_file(path)
    except (ValueError, SafetensorError, OSError) as error:
        raise ValueError(f"{path}: damaged or unknown model ({error})") from error
    net = design.build(len(card["classes"]))
    wanted = {
        name: tuple(value.shape)
        for name, value in net.state_dict().items()
        if name.startswith(design.stored)
    }
    if {name: tuple(value.shape) for name, value in weights.items()} != wanted:
        raise ValueError(
            f"{path}: the weights do not fit {card['architecture']} with "
            f"{len(card['classes'])} classes"
        )
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ValueError(f"{path}: the weights hold values that are not finite")
    net.load_state_dict(weights, strict=False)
    return net.to(device), {**card, "hash": file_hash(path), "device": device.type}


def save(net: nn.Module, card: Mapping[str, Any], path: Path) -> None:
    """Write a model file: to a temporary name first, then in place.

    Parameters
    ----------
    net : nn.Module
        What ``architectures.architecture(card["architecture"])`` builds, trained.
    card : mapping
        As `read_card` gives; ``format`` is filled in.
    path : Path
        Where to.

    Raises
    ------
    ValueError
        If the card lacks something.
    """
    from safetensors.torch import save_file

    from .architectures import architecture

    card = {**card, "format": FORMAT}
    _check_card(card, path)
    stored = architecture(card["architecture"]).stored
    weights = {
        name: value.detach().cpu().contiguous()
        for name, value in net.state_dict().items()
        if name.startswith(stored)
    }
    part = path.with_name(f".{path.name}.part")
    try:
        save_file(weights, part, metadata={"card": json.dumps(card, ensure_ascii=False)})
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
