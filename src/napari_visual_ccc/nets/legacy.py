"""Import of weights published by Visual-CCC. Nothing in a file is executed."""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..core.plain import printable
from .card import ModelCard, file_hash, make_card
from .checkpoint import tensors_of
from .models.published import VisualCNN
from .training.archive import trouble

# Visual-CCC cuts the central 256 pixels out of an image whose short side it made 307 (1.2 x 256)
_INPUT_PX = 256

_SHORT_SIDE_PX = 307

# that of a checkpoint of AlexNet with its optimiser has 20 kB
_LONGEST_PICKLE = 4_000_000

# exceptions of the readers of archives, pickles and tensors for damaged bytes
_WRONG = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)

_BROKEN = (EOFError, MemoryError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error)

_LAST = {"visualcnn": "classifier", "alexnet-1ch": "classifier.6"}

_ALEXNET = {
    "features.0": (64, 1, 11, 11),
    "features.3": (192, 64, 5, 5),
    "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3),
    "features.10": (256, 256, 3, 3),
    "classifier.1": (4096, 9216),
    "classifier.4": (4096, 4096),
    "classifier.6": (1, 4096),
}


def read_visual_ccc(
    path: Path, *, classes: Sequence[str] = ()
) -> tuple[str, dict[str, torch.Tensor], ModelCard]:
    """Read weights published by Visual-CCC: (architecture name, state dict in our names, card).

    Visual-CCC trains two classes with one logit, which is positive for the class of index 1. It
    becomes the second of two outputs, and the first is zero: their softmax is its sigmoid.

    Parameters
    ----------
    path : Path
        A finalized file, a checkpoint or a plain state dict (.pth, .pt, .safetensors) of its
        VisualCNN or its AlexNet.
    classes : sequence of str
        Names of the classes in the order of the outputs, for a file without them.

    Returns
    -------
    tuple of str, dict, ModelCard
        ``visualcnn`` or ``alexnet-1ch``; its float32 state dict with one output for each class;
        and the model card.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds anything but such weights, or the names of the classes are missing.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder, not a file of weights" if path.is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {what}; choose a .pth file of Visual-CCC")
    content = _content(path)
    # a training checkpoint also has the state of the optimiser
    weights = content.get("model_state_dict", content)
    if not isinstance(weights, Mapping):
        raise _refused(path, "its 'model_state_dict' holds no weights")
    architecture, outputs = _recognised(weights, path)
    names = _class_names(content.get("class_map"), classes, max(outputs, 2), path)
    state = {key: _checked(key, value, path) for key, value in weights.items()}
    if outputs == 1:
        for part in ("weight", "bias"):
            key = f"{_LAST[architecture]}.{part}"
            state[key] = torch.cat([torch.zeros_like(state[key]), state[key]])
    return architecture, state, _card(path, architecture, names, content)


def _refused(path: Path, why: str) -> ValueError:
    return ValueError(
        f"{path}: not weights of Visual-CCC ({why}); choose a .pth file that Visual-CCC saved"
    )


def _content(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError

    try:
        if path.suffix.lower() == ".safetensors":
            return tensors_of(path)
        wrong = trouble(path, longest=_LONGEST_PICKLE)
        content = None if wrong else torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise _refused(path, "it holds objects other than weights, possibly code") from None
    except (*_WRONG, *_BROKEN, struct.error, SafetensorError):
        raise _refused(path, "the file is damaged, incomplete or of another kind") from None
    if wrong:
        raise _refused(path, wrong)
    if not isinstance(content, Mapping) or not content:
        raise _refused(path, "it holds no named weights")
    return content


def _recognised(weights: Mapping[str, Any], path: Path) -> tuple[str, int]:
    """Identify the architecture and count its outputs."""
    matches = [name for name, shapes in _shapes(1).items() if set(shapes) == set(weights)]
    if not matches:
        raise _refused(path, "its layers are neither those of VisualCNN nor those of its AlexNet")
    for key, value in weights.items():
        # sparse and meta tensors have no plain values
        plain = isinstance(value, torch.Tensor) and value.layout is torch.strided
        if not plain or value.is_meta:
            raise _refused(path, f"{key} is no tensor of numbers")
    last = weights[f"{_LAST[matches[0]]}.weight"]
    outputs = last.shape[0] if last.ndim else 0
    for key, shape in _shapes(outputs)[matches[0]].items():
        found = tuple(weights[key].shape)
        if found != shape or 0 in found:
            raise _refused(path, f"{key} is {found}, {matches[0]} has {shape}")
    return matches[0], outputs


def _shapes(outputs: int) -> dict[str, dict[str, tuple[int, ...]]]:
    with torch.device("meta"):
        small = VisualCNN(1).state_dict()
    visual = {key: tuple(value.shape) for key, value in small.items()}
    alexnet = {f"{layer}.weight": shape for layer, shape in _ALEXNET.items()}
    alexnet |= {f"{layer}.bias": shape[:1] for layer, shape in _ALEXNET.items()}
    tables = {"visualcnn": visual, "alexnet-1ch": alexnet}
    for name, table in tables.items():
        for key in (f"{_LAST[name]}.weight", f"{_LAST[name]}.bias"):
            table[key] = (outputs, *table[key][1:])
    return tables


def _class_names(class_map: Any, classes: Sequence[str], needed: int, path: Path) -> list[str]:
    if class_map is None and not classes:
        raise ValueError(f"{path}: the file does not name its classes; give their {needed} names")
    names: list[Any] = [classes] if isinstance(classes, str) else list(classes)
    if class_map is not None:
        names = _in_order(class_map, path)
    if len(names) != needed:
        raise ValueError(f"{path}: the weights need {needed} class names, not {len(names)}")
    named = all(isinstance(name, str) and name.strip() for name in names)
    if not named or len(set(names)) < needed:
        raise ValueError(f"{path}: a class has no name or that of another; give {needed} names")
    return names


def _in_order(class_map: Any, path: Path) -> list[Any]:
    indices = list(class_map.values()) if isinstance(class_map, Mapping) else [None]
    whole = all(type(index) is int for index in indices)
    if not whole or set(indices) != set(range(len(indices))):
        raise _refused(path, "its class map does not number the classes 0, 1, 2 ..., each once")
    return sorted(class_map, key=class_map.__getitem__)


def _checked(key: str, value: torch.Tensor, path: Path) -> torch.Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)  # used in training only
    if not value.is_floating_point():
        raise _refused(path, f"{key} holds no decimal numbers")
    value = value.detach().to(torch.float32).contiguous()
    if not value.isfinite().all() or (key.endswith("running_var") and value.min() < 0):
        raise _refused(path, f"{key} holds values that are not finite or impossible")
    return value


def _card(path: Path, architecture: str, names: list[str], content: Mapping) -> ModelCard:
    use = "imported from Visual-CCC; only for images like those it was trained with"
    source = {"name": "Visual-CCC (imported)", "file": path.name, "sha256": file_hash(path)}
    threshold = content.get("classification_threshold")
    if isinstance(threshold, float) and 0 < threshold < 1 and threshold != 0.5:
        use += f"; its authors say {names[1]} from a probability of {threshold:.3g}, not 0.5"
    values = {
        "name": printable(path.stem),
        "architecture": architecture,
        "classes": names,
        "input_px": _INPUT_PX,
        "window_px": _INPUT_PX,
        "view": {"kind": "whole", "fraction": _INPUT_PX / _SHORT_SIDE_PX},
        "normalisation": {"kind": "range", "mean": 0.0, "std": 1.0, "scope": "image"},
        "use": use,
        "training_data": source,
        "licence": "unknown: see where the file comes from",
    }
    return make_card(values, path)
