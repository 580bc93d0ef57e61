"""What a network gives for an image: whole, or window by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...core.progress import Steps
from .calibration import softmax
from .crops import EMPTY, is_crop, normalised, window_side

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

Device = Literal["auto", "cpu", "cuda", "mps"]

STRIDE, COVERAGE = 32, 0.9


@dataclass(frozen=True, eq=False)
class NetworkOutput:
    """What a network says of an image, as one thing or window by window.

    Parameters
    ----------
    logits : (n, classes) array
        Of the turned views of the image, or of its windows.
    features : (m, d) array
        What the last layer sees of the image as it is (one row), or of every window.
    windows : Windows, optional
        None for an image that was looked at as one thing.
    content : (n,) bool array, optional
        Whether a window shows more than noise.
    """

    logits: np.ndarray
    features: np.ndarray
    windows: Windows | None = None
    content: np.ndarray | None = None

    @property
    def informative(self) -> np.ndarray:
        """Numbers of the rows that say something of the specimen; all, if none does."""
        content = self.content if self.content is not None and self.content.any() else None
        return np.arange(len(self.logits)) if content is None else np.flatnonzero(content)

    def probabilities(self, heat: float) -> np.ndarray:
        """(classes,): of the mean logits of turned views, or the mean over the windows."""
        if self.windows is None:
            return softmax(self.logits.mean(axis=0), heat)
        return softmax(self.logits[self.informative], heat).mean(axis=0)

    def is_out_of_distribution(self, model: Model) -> np.ndarray | None:
        """Which of the telling windows (or the image) are unlike the training images."""
        from ...nets.neighbours import is_out_of_distribution

        if self.windows is None:
            return is_out_of_distribution(model, self.features)
        if self.content is None or not self.content.any():
            return None
        return is_out_of_distribution(model, self.features[self.informative])


def run_network(
    model: Model, plane: np.ndarray, size_nm: float | None, tta: bool, stride: int = STRIDE
) -> Steps[NetworkOutput]:
    """Look at an image the way that fits it: as one thing, or window by window.

    Parameters
    ----------
    model : Model
        Loaded.
    plane : (Y, X) array
        Grey, finite.
    size_nm : float or None
        Its pixel size.
    tta : bool
        Test-time augmentation: eight rotated and mirrored views of a crop, if the model was
        trained with such.
    stride : int
        Pixels from one window to the next.
    """
    from ...nets.predict import predict

    side = window_side(model.card, plane.shape, size_nm)
    if is_crop(model.card, plane.shape, side):
        logits, feature = yield from run_on_crop(model, plane, size_nm, tta)
        return NetworkOutput(logits, feature[None])
    windows = Windows(normalised(plane, model.card), side, stride)
    logits, features = yield from predict(model, windows.read, windows.count, size_nm)
    return NetworkOutput(logits, features, windows, windows.spread() >= EMPTY)


def run_on_crop(
    model: Model, plane: np.ndarray, size_nm: float | None, tta: bool
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Look at an image as one thing.

    Returns
    -------
    logits : (8 or 1, classes) array
        One row a turned or mirrored view (one, where the model was trained without such); the mean
        over the parts of the image, as in training.
    feature : (d,) array
        What the last layer sees of the image as it is.
    """
    import torch

    from ...nets.predict import predict
    from ...nets.training.augment import dihedral
    from .crops import resized_views

    parts = resized_views(plane, model.card, size_nm)
    kinds = range(8 if tta and model.card.augmented_by_flips else 1)
    shown = np.concatenate([dihedral(torch.from_numpy(parts), k).numpy() for k in kinds])
    logits, features = yield from predict(model, lambda a, b: shown[a:b], len(shown), size_nm)
    return (
        logits.reshape(len(kinds), len(parts), -1).mean(axis=1),
        features[: len(parts)].mean(axis=0),
    )


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


def model_facts(model: Model) -> dict[str, Any]:
    """Facts that a result keeps of its model."""
    return {"model": model.card.name, "model_hash": model.hash, "device": model.device.type}
