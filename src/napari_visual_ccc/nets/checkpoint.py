"""Model files: weights as safetensors, with a card in the header. Nothing is ever unpickled."""

from __future__ import annotations

import copy
import functools
import json
import threading
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import normalize

from ..core.files import written
from ..core.plain import printable, real
from .card import (
    CLASSIFICATION,
    DEFAULT,
    FORMAT,
    RECONSTRUCTION,
    ModelCard,
    file_hash,
    make_card,
    read_card,
    unfitting,
)
from .inference import FALLBACK_NOTE, can_fall_back, release_memory, user_message
from .models.base import Architecture
from .models.registry import architecture, shapes_of

# tensors beside the weights: features, targets and thumbnails of training images, and the weights
# of the pixel size
REFERENCE, SIZE = "reference.", "size.weight"

# what is wrong with a model that is for something else
_OTHER_TASK = {
    CLASSIFICATION: "an autoencoder, which names no classes; choose the model of a classifier, or "
    "make its anomaly map",
    RECONSTRUCTION: "a classifier, which reconstructs nothing; choose a model of train_autoencoder",
}

# models that stay loaded
_KEPT_MODELS = 2


@dataclass(frozen=True)
class Model:
    """A trained network with its card.

    Parameters
    ----------
    net : nn.Module
        Frozen, in evaluation mode.
    card : ModelCard
        As from `read_card`.
    extras : mapping of tensors
        ``reference.*``: features, targets and thumbnails of training images; ``size.weight``.
    hash : str
        SHA-256 of the file it was loaded from.
    path : str
        That file; empty for the shipped model, and for one that was not loaded.
    """

    net: nn.Module
    card: ModelCard
    extras: Mapping[str, torch.Tensor] = field(default_factory=dict)
    hash: str = ""
    path: str = ""

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.net.parameters()).device

    @property
    def design(self) -> Architecture:
        """The row of the table of architectures."""
        return architecture(self.card.architecture, self.card.depth)

    @functools.cached_property
    def references(self) -> torch.Tensor | None:
        """Features of its training images, of unit length; None if it keeps none."""
        kept = self.extras.get(f"{REFERENCE}features")
        return None if kept is None else normalize(kept.float(), dim=1)

    @property
    def identity(self) -> dict[str, str]:
        """What results and records keep of a model."""
        card = self.card
        return {
            "name": card.name, "architecture": card.architecture, "use": card.use,
            "hash": self.hash, "device": self.device.type, "path": self.path,
        }  # fmt: skip


_models: OrderedDict[tuple[str, str], Model] = OrderedDict()

_hashes: dict[Path, tuple[tuple[int, ...], str]] = {}

_lock = threading.Lock()


def load_model(
    path: Path | None,
    device: torch.device,
    *,
    task: str | None = CLASSIFICATION,
    shared: bool = False,
) -> Model:
    """Load a model file; the models used last stay in memory.

    A model is kept by the content of its file and the device: a file that has changed is loaded
    anew. Each caller gets modules of its own, so that hooks and modes do not reach other threads.
    Their weights, and the extras, are shared and must not be changed in place.

    Parameters
    ----------
    path : Path or None
        The shipped model without it.
    device : torch.device
        Where the network is to run.
    task : {'classification', 'reconstruction'}, optional
        What the model must be for; None takes any.
    shared : bool
        Give the modules that are kept, not copies: for callers that set neither hooks nor modes.

    Returns
    -------
    Model

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_card`; also if the weights do not fit the architecture, or the model is for
        something else.
    """
    path = DEFAULT if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such model file")
    if task is not None and read_card(path).task != task:
        raise ValueError(f"{path}: {_OTHER_TASK[task]}")
    file = "" if path == DEFAULT else str(path)
    with _lock:
        digest = hash_of(path)
        key = (digest, str(device))
        if key not in _models:
            loaded = _on_device(path, device)
            # where the memory of a GPU is full now, it may have room the next time
            key = (digest, "cpu") if loaded.device.type == "cpu" else key
            _models[key] = replace(loaded, hash=digest, path=file)
        _models.move_to_end(key)
        while len(_models) > _KEPT_MODELS:
            _models.popitem(last=False)
        kept = _models[key]
    if shared and kept.path == file:
        return kept
    return replace(kept, net=kept.net if shared else _own_modules(kept.net), path=file)


def _own_modules(net: nn.Module) -> nn.Module:
    """Copy the modules of a network, but not their parameters and buffers."""
    return copy.deepcopy(net, {id(one): one for one in (*net.parameters(), *net.buffers())})


def hash_of(path: Path) -> str:
    """SHA-256 of a file; it is read again only when it has changed."""
    where, about = real(path), path.stat()
    state = (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino)
    known = _hashes.get(where)
    if known is None or known[0] != state:
        _hashes[where] = known = (state, file_hash(path))
    return known[1]


def _on_device(path: Path, device: torch.device) -> Model:
    """Load a model onto a device; onto the CPU where the memory of the GPU is full."""
    try:
        return _load(path, device)
    except RuntimeError as error:
        if device.type == "cpu":
            raise
        if not can_fall_back(error, device):
            raise user_message(error, device) from error
    release_memory(device)
    warnings.warn(FALLBACK_NOTE, stacklevel=4)
    return _load(path, torch.device("cpu"))


def _load(path: Path, device: torch.device) -> Model:
    from safetensors import SafetensorError

    card = read_card(path)
    try:
        weights = tensors_of(path)
        wanted = shapes_of(card.architecture, card.depth, len(card.classes), card.input_px)
    except (ValueError, SafetensorError, OSError) as error:
        raise ValueError(f"{path}: damaged or unknown model ({error})") from error
    extras = {
        name: weights.pop(name)
        for name in list(weights)
        if name.startswith(REFERENCE) or name == SIZE
    }
    if not _extras_fit(extras, card):
        raise _damaged(path)
    if {name: tuple(value.shape) for name, value in weights.items()} != wanted:
        raise unfitting(card, path)
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ValueError(f"{path}: the weights hold values that are not finite")
    # what is drawn here is overwritten: the global random numbers of the caller go on undisturbed
    with torch.random.fork_rng(devices=[]):
        design = _design(card, path)
        net = design.build(len(card.classes), card.input_px)
    net.load_state_dict(weights, strict=False)
    features = extras.get(f"{REFERENCE}features")
    if features is not None and _width(net, design, card) != features.shape[1]:
        raise _damaged(path)
    # copies: the tensors read are views of the file, which may be overwritten while they are kept
    kept = {name: value.to(device, copy=True) for name, value in extras.items()}
    return Model(net.to(device), card, kept)


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a file; its library opens none whose name is no UTF-8."""
    from safetensors.torch import load, load_file

    is_text = printable(str(path)) == str(path)
    return load_file(path) if is_text else load(path.read_bytes())


def _design(card: ModelCard, path: Path) -> Architecture:
    try:
        return architecture(card.architecture, card.depth)
    except ValueError as error:
        raise ValueError(f"{path}: damaged or unknown model ({error})") from error


def _damaged(path: Path) -> ValueError:
    return ValueError(f"{path}: what it holds of its training images is damaged")


def on_cpu(model: Model) -> Model:
    """Give a model that runs on the processor: a copy, if it does not do so already."""
    if model.device.type == "cpu":
        return model
    net = copy.deepcopy(model.net).to("cpu")
    return replace(model, net=net, extras={name: v.cpu() for name, v in model.extras.items()})


def randomized(model: Model, seed: int, only_last: bool) -> Model:
    """Give a copy with random weights, normal with the mean and spread of those it had.

    Parameters
    ----------
    model : Model
        Stays as it is.
    seed : int
        Of the weights.
    only_last : bool
        Only those of the layer that gives the classes.
    """
    net: Any = copy.deepcopy(model.net)
    weights = list(net.parameters())
    if only_last:
        layers = [m for m in net.modules() if getattr(m, "weight", None) is not None]
        classes = len(model.card.classes)
        last = ([m for m in layers if len(m.weight) == classes] or layers)[-1]
        weights = list(last.parameters())
    # not the global generator: other threads may draw from it
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in weights:
            spread, mean = torch.std_mean(one, correction=0)
            one.copy_(torch.randn(one.shape, generator=generator).to(one) * spread + mean)
    return replace(model, net=net)


def _extras_fit(extras: Mapping[str, torch.Tensor], card: ModelCard) -> bool:
    """Whether the tensors beside the weights have the shapes and values they should have."""
    count, size = len(card.classes), extras.get(SIZE)
    if not all(bool(one.isfinite().all()) for one in extras.values()):
        return False
    if size is not None and not (tuple(size.shape) == (count,) and bool(size.isfinite().all())):
        return False
    features, targets, thumbnails = (
        extras.get(f"{REFERENCE}{name}") for name in ("features", "targets", "thumbnails")
    )
    if features is None:
        return True
    n = len(features)
    if targets is None or thumbnails is None or not n == len(card.references) > 0:
        return False
    shapes = features.ndim == 2 and tuple(targets.shape) == (n,) and thumbnails.ndim == 3
    return (
        shapes
        and len(thumbnails) == n
        and thumbnails.element_size() == 1
        and 0 <= int(targets.min()) <= int(targets.max()) < count
        and bool(features.isfinite().all())
    )


def _width(net: nn.Module, design: Architecture, card: ModelCard) -> int:
    """Number of features that the network gives for an image."""
    with torch.no_grad():
        side = min(card.input_px, design.input_px) if design.any_size else card.input_px
        made = design.parts.embed(
            net, design.parts.features(net, torch.zeros(1, card.depth, side, side))
        )
    return int(made.shape[1])


def save(model: Model, path: Path) -> None:
    """Write a model file: to a temporary name first, then in place.

    Parameters
    ----------
    model : Model
        Its network is what its architecture builds, trained.
    path : Path
        Where to.

    Raises
    ------
    ValueError
        If a value of the card cannot be.
    """
    from safetensors.torch import save as packed

    card: dict[str, Any] = {**make_card(model.card.as_dict(), path).as_dict(), "format": FORMAT}
    stored = model.design.stored
    weights = {
        name: value.detach().cpu().contiguous()
        for name, value in model.net.state_dict().items()
        if name.startswith(stored)
    }
    weights |= {name: value.detach().cpu().contiguous() for name, value in model.extras.items()}
    with written(path, force=True) as part:
        part.write_bytes(packed(weights, {"card": json.dumps(card, ensure_ascii=False)}))
