"""Embedding of an image: computed once, and kept for other prompts and thresholds."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...core.progress import Progress, Steps
from ..inference import release_memory, user_message
from .background import in_background
from .model import Sam

# bytes of the embeddings that stay in memory: SAM 2.1 needs 17 MB for one
KEPT_BYTES = 512 << 20


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the mask decoder needs of an image.

    Parameters
    ----------
    tensors : dict
        Arguments of the model.
    image : (rows, columns)
        Size of the image.
    resized : (rows, columns)
        Size that it had for the network.
    padded : (rows, columns) or None
        With the border that fills up the square; None where the image is stretched to it.
    """

    tensors: dict[str, Any]
    image: tuple[int, int]
    resized: tuple[int, int]
    padded: tuple[int, int] | None

    @property
    def nbytes(self) -> int:
        """Memory of the tensors."""
        return sum(one.nelement() * one.element_size() for one in _flat(self.tensors))

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the coarsest features."""
        found = self.tensors["image_embeddings"]
        found = found[-1] if isinstance(found, list) else found
        return int(found.shape[-2]), int(found.shape[-1])

    def repeated(self, count: int) -> dict[str, Any]:
        """Tensors for a batch of prompts with a mask each, without a copy."""
        return {
            name: [_expanded(part, count) for part in one]
            if isinstance(one, list)
            else _expanded(one, count)
            for name, one in self.tensors.items()
        }


_embeddings: OrderedDict[tuple[str, ...], Embedding] = OrderedDict()

_lock = threading.Lock()


def embed(sam: Sam, image: np.ndarray) -> Steps[Embedding]:
    """Compute the embedding of an image, unless it is kept.

    Parameters
    ----------
    sam : Sam
        From `load_sam`.
    image : (Y, X, 3) uint8 array
        RGB.

    Raises
    ------
    RuntimeError
        If the network fails, or memory is full.
    """
    image = np.ascontiguousarray(image)
    content = hashlib.sha256(image.data).hexdigest()
    key = (content, str(image.shape), sam.hash, str(sam.device), sam.precision)
    with _lock:
        if key in _embeddings:
            _embeddings.move_to_end(key)
            return _embeddings[key]
    try:
        made = yield from in_background(lambda: _embedded(sam, image), Progress(0, 0, "image"))
    except (RuntimeError, MemoryError) as error:
        release_memory(sam.device)
        raise user_message(error, sam.device) from error
    with _lock:
        _embeddings[key] = made
        while len(_embeddings) > 1 and sum(e.nbytes for e in _embeddings.values()) > KEPT_BYTES:
            _embeddings.popitem(last=False)
    return made


def forget() -> None:
    """Drop all embeddings that are kept."""
    with _lock:
        _embeddings.clear()


def kept() -> int:
    """Number of embeddings that are kept."""
    return len(_embeddings)


def _embedded(sam: Sam, image: np.ndarray) -> Embedding:
    given = sam.processor(images=image, return_tensors="pt", input_data_format="channels_last")
    pixels = given["pixel_values"].to(sam.device)
    net: Any = sam.net
    with torch.inference_mode(), sam.autocast:
        found = net.get_image_embeddings(pixels)
    tensors: dict[str, Any] = {"image_embeddings": found}
    if isinstance(found, tuple):
        tensors = {"image_embeddings": found[0], "intermediate_embeddings": list(found[1])}
    size = (int(image.shape[0]), int(image.shape[1]))
    side = (int(pixels.shape[-2]), int(pixels.shape[-1]))
    if "reshaped_input_sizes" not in given:
        return Embedding(tensors, size, side, None)
    rows, columns = given["reshaped_input_sizes"][0].tolist()
    return Embedding(tensors, size, (rows, columns), side)


def _expanded(one: torch.Tensor, count: int) -> torch.Tensor:
    return one.expand(count, *one.shape[1:])


def _flat(values: dict[str, Any]) -> Iterator[torch.Tensor]:
    for one in values.values():
        yield from one if isinstance(one, list) else (one,)
