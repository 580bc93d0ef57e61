"""Load Segment Anything models: a folder as transformers saves it, or one in the hub's cache."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import nn

from ...core.plain import is_waited_for
from ..checkpoint import hash_of
from ..inference import release_memory, user_message
from . import hub

Precision = Literal["fp32", "bf16", "fp16"]

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

# type in the configuration → class of transformers; video models hold the same image model
CLASSES = {
    "sam": "SamModel",
    "sam_hq": "SamHQModel",
    "sam2": "Sam2Model",
    "sam2_video": "Sam2Model",
    "sam3_tracker": "Sam3TrackerModel",
    "sam3_tracker_video": "Sam3TrackerModel",
    "sam3_video": "Sam3TrackerModel",
}

MISSING = "Segment Anything needs the package transformers: pip install 'napari-visual-ccc[sam]'"

# networks that stay loaded
_KEPT = 1


@dataclass(frozen=True)
class Sam:
    """A loaded model.

    Parameters
    ----------
    net : nn.Module
        Of transformers, frozen; shared by all callers, who must not change it.
    processor : image processor of transformers
        Resizes and normalises images.
    kind : str
        Type in the configuration, such as ``"sam2"``.
    name : str
        Of the folder or the hub.
    hash : str
        SHA-256 of the weights.
    precision : {'fp32', 'bf16', 'fp16'}
        Of the computation; the weights are fp32.
    """

    net: nn.Module
    processor: Any
    kind: str
    name: str
    hash: str
    precision: Precision = "fp32"

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.net.parameters()).device

    @property
    def autocast(self) -> torch.autocast:
        """Context in which the network computes in its precision."""
        mixed = self.precision != "fp32"
        dtype = DTYPES[self.precision] if mixed else None
        return torch.autocast(self.device.type, dtype=dtype, enabled=mixed)

    @property
    def identity(self) -> dict[str, str]:
        """What results and records keep of a model."""
        return {
            "name": self.name, "architecture": self.kind, "hash": self.hash,
            "device": self.device.type, "precision": self.precision,
        }  # fmt: skip


_models: OrderedDict[tuple[str, ...], Sam] = OrderedDict()

_lock = threading.Lock()


def load_sam(model: Path | None, device: torch.device, precision: Precision = "fp32") -> Sam:
    """Load a model; the one used last stays in memory.

    Nothing is downloaded and nothing is unpickled.

    Parameters
    ----------
    model : Path or None
        Folder with ``config.json`` and weights as safetensors, or a name on the hub such as
        ``facebook/sam2.1-hiera-small`` whose files have been fetched.
    device : torch.device
        Where the network is to run.
    precision : {'fp32', 'bf16', 'fp16'}
        Half precision is for CUDA; other devices use fp32.

    Raises
    ------
    ImportError
        If transformers is not installed.
    FileNotFoundError, ValueError
        If there is no such model here, or the folder holds no Segment Anything model.
    """
    folder, name = _located(model)
    kind = _kind(folder)
    weights = _weights(folder)
    precision = precision if device.type == "cuda" else "fp32"
    with _lock:
        digest = _digest(weights)
        key = (digest, kind, str(device), precision)
        if key not in _models:
            net, processor = _loaded(folder, kind)
            try:
                net = net.to(device).eval().requires_grad_(False)
            except RuntimeError as error:
                release_memory(device)
                raise user_message(error, device) from error
            _models[key] = Sam(net, processor, kind, name, digest, precision)
        _models.move_to_end(key)
        while len(_models) > _KEPT:
            _models.popitem(last=False)
        return _models[key]


def _located(model: Path | None) -> tuple[Path, str]:
    """Folder of a model, and its name."""
    if model is None:
        raise ValueError(
            "choose a model: a folder with a Segment Anything model, or the name of one that has "
            f"been fetched, such as {hub.KNOWN[0]}"
        )
    if Path(model).is_dir():
        return Path(model), Path(model).resolve().name
    if Path(model).exists():
        raise ValueError(f"{model} is a file; give the folder of a model of transformers")
    name = Path(model).as_posix()
    folder = hub.cached(name)
    if folder is None:
        raise FileNotFoundError(
            f"{model}: no such folder, and no model of this name has been fetched; "
            f"fetch it first: visual-ccc fetch {name}"
        )
    return folder, name


def _kind(folder: Path) -> str:
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(f"{folder}: no config.json; give a model as transformers saves it")
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not the configuration of a model ({error})") from None
    if kind not in CLASSES:
        raise ValueError(f"{folder}: a model of type {kind!r}; there are {', '.join(CLASSES)}")
    return str(kind)


def _weights(folder: Path) -> list[Path]:
    for path in folder.iterdir():
        if is_waited_for(path):
            raise ValueError(f"{path}: is no file, but a pipe, a socket or a device")
    files = sorted(folder.glob("*.safetensors"))
    if files:
        return files
    others = [path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth")]
    pickled = f"; {others[0]} is a pickle, which could run code and is not read" if others else ""
    raise ValueError(f"{folder}: no weights as .safetensors{pickled}")


def _digest(files: list[Path]) -> str:
    """Hash of the weights; of several files that of their hashes."""
    digests = [hash_of(path) for path in files]
    return digests[0] if len(files) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _loaded(folder: Path, kind: str) -> tuple[nn.Module, Any]:
    try:
        import transformers
    except ImportError:
        raise ImportError(MISSING) from None
    known: Any = getattr(transformers, CLASSES[kind], None)
    if known is None:
        raise ImportError(f"transformers is too old for {kind}: pip install -U transformers")
    try:
        with _quiet():
            processor = transformers.AutoImageProcessor.from_pretrained(
                folder, local_files_only=True
            )
            net, about = known.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise ValueError(f"{folder}: the model cannot be read ({_first_line(error)})") from error
    missing = sorted(about["missing_keys"])
    if missing:
        raise ValueError(f"{folder}: {len(missing)} weights are missing, such as {missing[0]}")
    return net, processor


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Load without the progress bars and notices of the library."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
