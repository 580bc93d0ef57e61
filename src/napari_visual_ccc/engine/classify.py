"""Name what an image shows, whole or window by window."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ..progress import Progress, Steps
from ..results import ImageResult, LabelsResult, PredictionResult
from .images import as_grey, finite, plane_of, stretch

Device = Literal["auto", "cpu", "cuda", "mps"]

# an image up to this many windows wide and high is one crop of what the model knows
_CROP = 1.5
# spread of grey (1 = the whole range of the image) below which a window shows nothing: measured on
# 35 TEM micrographs it sorts out 42 % of the windows without a particle, 1 % of those with one
_EMPTY = 0.08


def classify(
    image: Any,
    *,
    model: Path | None = None,
    stride: Annotated[int, {"min": 8, "max": 256, "step": 8}] = 32,
    device: Device = "auto",
) -> Steps[PredictionResult]:
    """Say which of a model's classes an image shows, and how sure the model is.

    A crop of about the size that the model was trained on is classified whole. A larger image is
    classified window by window at the scale of the training crops. The model that comes with the
    package knows three shapes of copper nanoparticles in TEM (cube, octahedron, sphere), nothing
    else; it needs no network access.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour, any real dtype.
    model : Path
        A model file (.safetensors); without it the shipped one.
    stride : int
        Pixels from one window to the next.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs; auto takes a graphics processor if there is one.

    Returns
    -------
    PredictionResult
        ``probabilities`` (softmax, not calibrated). Window by window: ``shares`` of the windows
        that show something, the map of their classes (0 = shows nothing) and of their
        probabilities, one cell every `stride` pixels.

    Raises
    ------
    ValueError
        If the image is not a plane or has no finite pixel, the file is not a model, or the device
        is not there.
    RuntimeError
        If memory is full.
    """
    if not 8 <= stride <= 256:
        raise ValueError(f"stride is {stride}; choose 8 to 256")
    grey, notes = as_grey(image)
    plane, _ = finite(np.asarray(plane_of(grey, "classify")))
    from ..nets import checkpoint
    from ..nets import device as devices

    yield Progress(0, 0, "model")
    net, card = checkpoint.load(model, devices.choose(device))
    stretched = normalised(plane, card)
    notes = (*notes, f"{card['name']}: {card['use']}")
    if max(plane.shape) <= _CROP * card["window_px"]:
        probabilities = yield from _probabilities(net, card, lambda *_: stretched[None], 1)
        return PredictionResult(
            tuple(card["classes"]),
            probabilities[0],
            model=card,
            facts=card_facts(card),
            notes=notes,
        )
    windows = Windows(stretched, card["window_px"], stride)
    probabilities = yield from _probabilities(net, card, windows.read, windows.count)
    return _by_window(windows, probabilities, card, notes)


def normalised(plane: np.ndarray, card: Mapping[str, Any]) -> np.ndarray:
    """Stretch an image to 0..1 float32 as the model's card says."""
    scope = card["normalisation"]
    limits = scope.get("limits")
    return stretch(
        plane,
        scope.get("low", 0.5),
        scope.get("high", 99.5),
        limits=(float(limits[0]), float(limits[1])) if limits else None,
    )[0]


class Windows:
    """Windows around the centres of cells that tile an image, its border mirrored.

    Parameters
    ----------
    image : (Y, X) array
        The image.
    side : int
        Of a window, in pixels.
    stride : int
        Of a cell.
    """

    def __init__(self, image: np.ndarray, side: int, stride: int) -> None:
        # a cell that would lie mostly beyond the border is left out
        self.shape = tuple(max(1, (2 * n + stride) // (2 * stride)) for n in image.shape)
        before = (side - stride) // 2
        widths = [
            (max(before, 0), max(cells * stride + side - stride - before - n, 0))
            for cells, n in zip(self.shape, image.shape, strict=True)
        ]
        padded = np.pad(image, widths, mode="symmetric")
        padded = padded[max(-before, 0) :, max(-before, 0) :]
        views = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
        self._views = views[::stride, ::stride][: self.shape[0], : self.shape[1]]
        self.stride = stride

    @property
    def count(self) -> int:
        """How many windows there are."""
        return self.shape[0] * self.shape[1]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Give windows by number, row by row."""
        rows, columns = np.divmod(np.arange(start, stop), self.shape[1])
        return self._views[rows, columns]

    def spread(self) -> np.ndarray:
        """Standard deviation of grey in every window."""
        rows = [self._views[row].std(axis=(1, 2)) for row in range(self.shape[0])]
        return np.concatenate(rows)


def _probabilities(net: Any, card: Mapping[str, Any], read: Any, count: int) -> Steps[np.ndarray]:
    import torch

    from ..nets.architectures import architecture
    from ..nets.inference import batched, sentence, to_input

    channels, side = architecture(card["architecture"]).channels, card["input_px"]
    device = next(net.parameters()).device

    def scores(batch: torch.Tensor) -> torch.Tensor:
        return net(to_input(batch, (side, side), channels)).softmax(dim=1)

    try:
        return (yield from batched(scores, read, count, device))
    except (RuntimeError, MemoryError) as error:
        raise sentence(error, device) from error


def _by_window(
    windows: Windows, probabilities: np.ndarray, card: Mapping[str, Any], notes: tuple[str, ...]
) -> PredictionResult:
    import pandas as pd

    classes = tuple(card["classes"])
    shown = windows.spread() >= _EMPTY
    if shown.any():
        looked_at = probabilities[shown]
    else:
        looked_at = probabilities
        notes = (*notes, "no window shows more than noise: the probabilities mean nothing")
    winners = np.where(shown, probabilities.argmax(axis=1) + 1, 0).astype(np.uint8)
    shares = np.bincount(looked_at.argmax(axis=1), minlength=len(classes)) / len(looked_at)
    table = pd.DataFrame(
        {"label": range(1, len(classes) + 1), "name": classes, "share_of_windows": shares}
    )
    best = np.where(shown, probabilities.max(axis=1), np.nan).astype(np.float32)
    maps = (
        LabelsResult(
            winners.reshape(windows.shape), table=table, name="classes", stride=windows.stride
        ),
        ImageResult(
            best.reshape(windows.shape),
            look="heat",
            limits=(1 / len(classes), 1.0),
            name="probability",
            stride=windows.stride,
        ),
    )
    windows_shown = int(shown.sum())
    facts = card_facts(card) | {
        "windows": windows_shown,
        "empty_windows": windows.count - windows_shown,
    }
    return PredictionResult(
        classes,
        looked_at.mean(axis=0),
        windows=windows_shown,
        shares=shares,
        maps=maps,
        model=card,
        facts=facts,
        notes=notes,
    )


def card_facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a result keeps of the model's card."""
    return {"model": card["name"], "model_hash": card["hash"], "device": card["device"]}
