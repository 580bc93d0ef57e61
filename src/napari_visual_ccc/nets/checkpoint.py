"""Model files: weights as safetensors, with a card in its header that says what they are.

Nothing is ever unpickled. The card can be read without torch.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

    from .models.base import Architecture

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

# tensors beside the weights: what the model knows of its training images (`nets/familiar.py`), and
# the weights of the pixel size
REFERENCE, SIZE = "reference.", "size.weight"


@dataclass(frozen=True)
class Model:
    """A trained network with all that is known of it.

    Parameters
    ----------
    net : nn.Module
        Frozen, in evaluation mode.
    card : mapping
        As from `read_card`; a loaded model's has ``hash`` and ``device`` as well.
    extras : mapping of tensors
        ``reference.*``: features, targets and thumbnails of training images; ``size.weight``.
    """

    net: nn.Module
    card: Mapping[str, Any]
    extras: Mapping[str, torch.Tensor] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.net.parameters()).device


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
    _check_optional(card, path)
    if not (8 <= card["input_px"] <= 4096 and 8 <= card["window_px"] <= 65_536):
        raise _not_ours(path, "its card gives an impossible size")


def _check_optional(card: dict[str, Any], path: Path) -> None:
    """Numbers that later code relies on, where they are given."""
    view, familiar = card.get("view", {}), card.get("familiar", {})
    told, sizes = card.get("pixel_size_input", {}), card.get("pixel_size_nm", [1.0, 1.0])
    scope = card["normalisation"]
    parts = {"view": view, "familiar": familiar, "pixel_size_input": told}
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise _not_ours(path, f"its card has no usable {name!r}")
    kind = view.get("kind", "window")
    checks = {
        "temperature": _number(card.get("temperature", 1.0), 0.01, 100),
        "view": kind in ("window", "whole", "physical")
        and _number(view.get("fraction", 1.0), 0.01, 1)
        and (kind != "physical" or _number(view.get("window_nm"), 1e-6, 1e12)),
        "familiar": not familiar
        or (_number(familiar.get("threshold"), 0, 2) and _number(familiar.get("share"), 0, 1)),
        "pixel_size_input": not told or _number(told.get("log10_mean"), -20, 20),
        "pixel_size_nm": isinstance(sizes, list)
        and len(sizes) == 2
        and all(_number(size, 1e-9, 1e12) for size in sizes),
        "conformal": isinstance(card.get("conformal", []), list)
        and all(_number(score, 0, 1.001) for score in card.get("conformal", [])),
        "layers": isinstance(card.get("layers", []), list)
        and all(isinstance(name, str) for name in card.get("layers", [])),
        "normalisation": _number(scope.get("mean", 0.5), -100, 100)
        and _number(scope.get("std", 0.5), 1e-6, 100)
        and scope.get("kind", "percentile") in ("percentile", "range"),
    }
    for name, fits in checks.items():
        if not fits:
            raise _not_ours(path, f"its card has no usable {name!r}")


def _number(value: Any, least: float, most: float) -> bool:
    return type(value) in (int, float) and least <= value <= most


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


def load(path: Path | None, device: torch.device) -> Model:
    """Build the network of a model file.

    Parameters
    ----------
    path : Path or None
        The shipped model without it.
    device : torch.device
        Where the network is to run.

    Returns
    -------
    Model

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_card`; also if the weights do not fit the architecture.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from .models.registry import architecture

    card = read_card(path)
    path = DEFAULT if path is None else Path(path)
    try:
        design = architecture(card["architecture"])
        weights = load_file(path)
    except (ValueError, SafetensorError, OSError) as error:
        raise ValueError(f"{path}: damaged or unknown model ({error})") from error
    extras = {
        name: weights.pop(name)
        for name in list(weights)
        if name.startswith(REFERENCE) or name == SIZE
    }
    _check_extras(extras, card, path)
    # what is drawn here is overwritten: a person's own random numbers go on undisturbed
    with torch.random.fork_rng(devices=[]):
        net = design.build(len(card["classes"]), card["input_px"])
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
    _check_width(net, design, extras, card, path)
    card = {**card, "hash": file_hash(path), "device": device.type}
    return Model(net.to(device), card, {k: v.to(device) for k, v in extras.items()})


_recent: dict[tuple[Any, ...], Model] = {}


def load_once(path: Path | None, device: torch.device) -> Model:
    """As `load`, but keep the last model: for work that follows the mouse.

    The file is read again when it has changed.
    """
    where = DEFAULT if path is None else Path(path)
    if not where.is_file():
        raise FileNotFoundError(f"{where}: no such model file")
    state = where.stat()
    key = (str(where.resolve()), state.st_mtime_ns, state.st_size, str(device))
    if key not in _recent:
        model = load(path, device)
        _recent.clear()
        _recent[key] = model
    return _recent[key]


def on_processor(model: Model) -> Model:
    """Give a copy of a model that runs on the processor."""
    return Model(
        copy.deepcopy(model.net).to("cpu"),
        {**model.card, "device": "cpu"},
        {name: value.cpu() for name, value in model.extras.items()},
    )


def _check_extras(extras: Mapping[str, torch.Tensor], card: dict[str, Any], path: Path) -> None:
    count = len(card["classes"])
    size, features = extras.get(SIZE), extras.get(f"{REFERENCE}features")
    damaged = size is not None and (
        tuple(size.shape) != (count,) or not bool(size.isfinite().all())
    )
    if features is not None:
        n = len(features)
        targets = extras.get(f"{REFERENCE}targets")
        thumbnails = extras.get(f"{REFERENCE}thumbnails")
        damaged |= (
            features.ndim != 2
            or targets is None
            or tuple(targets.shape) != (n,)
            or thumbnails is None
            or thumbnails.ndim != 3
            or thumbnails.element_size() != 1
            or len(thumbnails) != n
            or n == 0
            or not 0 <= int(targets.min()) <= int(targets.max()) < count
            or not isinstance(card.get("references"), list)
            or len(card["references"]) != n
            or not bool(features.isfinite().all())
        )
    if damaged:
        raise ValueError(f"{path}: what it holds of its training images is damaged")


def _check_width(
    net: nn.Module, design: Architecture, extras: Mapping[str, torch.Tensor],
    card: dict[str, Any], path: Path,
) -> None:  # fmt: skip
    """Insist that the features kept of training images are such as the network makes."""
    import torch

    features = extras.get(f"{REFERENCE}features")
    if features is None:
        return
    side = card["input_px"]
    with torch.no_grad():
        made = design.embed(net, design.features(net, torch.zeros(1, 1, side, side)))
    if made.shape[1] != features.shape[1]:
        raise ValueError(f"{path}: what it holds of its training images is damaged")


def save(model: Model, path: Path) -> None:
    """Write a model file: to a temporary name first, then in place.

    Parameters
    ----------
    model : Model
        Its net is what ``architectures.architecture(card["architecture"])`` builds, trained; in
        its card ``format`` is filled in.
    path : Path
        Where to.

    Raises
    ------
    ValueError
        If the card lacks something.
    """
    from safetensors.torch import save as packed

    from .models.registry import architecture

    card = {k: v for k, v in model.card.items() if k not in ("hash", "device")}
    card["format"] = FORMAT
    _check_card(card, path)
    stored = architecture(card["architecture"]).stored
    weights = {
        name: value.detach().cpu().contiguous()
        for name, value in model.net.state_dict().items()
        if name.startswith(stored)
    }
    weights |= {name: value.detach().cpu().contiguous() for name, value in model.extras.items()}
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(packed(weights, {"card": json.dumps(card, ensure_ascii=False)}))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
