"""Output of a network for an image, as a whole or window by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...arrays.filling import known_everywhere
from ...core.progress import Steps
from .calibration import softmax
from .crops import EMPTY, KNOWN, is_crop, normalised, window_side

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], {"more": True}]

STRIDE, COVERAGE = 32, 0.9


@dataclass(frozen=True, eq=False)
class NetworkOutput:
    """Output of a network for an image, as a whole or window by window.

    Parameters
    ----------
    logits : (n, classes) array
        One row for each rotated or mirrored view of the image, or for each window; zeros for
        windows that are not `informative`.
    features : (m, d) array
        Input of the last layer for the image itself (one row), or for each window, as `logits`.
    windows : Windows, optional
        None for an image that is classified as a whole.
    content : (n,) bool array, optional
        Whether a window shows more than noise.
    """

    logits: np.ndarray
    features: np.ndarray
    windows: Windows | None = None
    content: np.ndarray | None = None

    @property
    def informative(self) -> np.ndarray:
        """Indices of the windows that are not empty; of all, if all are empty."""
        return np.arange(len(self.logits)) if self.content is None else _informative(self.content)

    def probabilities(self, temperature: float) -> np.ndarray:
        """Probabilities of the mean logits of the views, or their mean over the windows."""
        if self.windows is None:
            return softmax(self.logits.mean(axis=0), temperature)
        return softmax(self.logits[self.informative], temperature).mean(axis=0)

    def is_out_of_distribution(self, model: Model) -> np.ndarray | None:
        """Whether the image, or each of the windows that are not empty, is out of distribution."""
        from ...nets.neighbours import is_out_of_distribution

        if self.windows is None:
            return is_out_of_distribution(model, self.features)
        if self.content is None or not self.content.any():
            return None
        return is_out_of_distribution(model, self.features[self.informative])


def run_network(
    model: Model, plane: np.ndarray, size_nm: float | None, tta: bool, stride: int = STRIDE
) -> Steps[NetworkOutput]:
    """Run a network on an image: as a whole if it is a crop, otherwise window by window.

    Parameters
    ----------
    model : Model
        Model from `checkpoint.load_model`.
    plane : (Y, X) or (C, Y, X) array
        Grey image, or the channels that the model takes. Missing pixels are filled; a window of
        which more than half is missing is empty.
    size_nm : float or None
        Pixel size in nm.
    tta : bool
        Test-time augmentation: eight rotated and mirrored views of a crop, if the model was
        trained with such views.
    stride : int
        Pixels between neighbouring windows.
    """
    from ...nets.predict import predict

    side = window_side(model.card, plane.shape[-2:], size_nm)
    if is_crop(model.card, plane.shape[-2:], side):
        logits, feature = yield from run_on_crop(model, plane, size_nm, tta)
        return NetworkOutput(logits, feature[None])
    windows = Windows(normalised(plane, model.card), side, stride)
    content, known = windows.spread() >= EMPTY, known_everywhere(plane)
    if known is not None:
        content &= Windows(known, side, stride).mean() >= KNOWN
    # nothing is made of the output for the others
    chosen = _informative(content)
    found = yield from predict(model, lambda a, b: windows.at(chosen[a:b]), len(chosen), size_nm)
    logits, features = (_spread_out(values, chosen, windows.count) for values in found)
    return NetworkOutput(logits, features, windows, content)


def _informative(content: np.ndarray) -> np.ndarray:
    """Indices of the windows that are not empty; of all, if all are empty."""
    return np.flatnonzero(content) if content.any() else np.arange(len(content))


def _spread_out(values: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """Put values into some of the rows of an array of zeros."""
    if len(rows) == count:
        return values
    every = np.zeros((count, *values.shape[1:]), values.dtype)
    every[rows] = values
    return every


def run_on_crop(
    model: Model, plane: np.ndarray, size_nm: float | None, tta: bool
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Run a network on an image as a whole.

    Returns
    -------
    logits : (8 or 1, classes) array
        One row for each rotated or mirrored view; mean over the crops of the image, as in
        training.
    feature : (d,) array
        Input of the last layer for the image itself.
    """
    from ...nets.predict import predict

    crops, views = crops_and_views(model, plane, size_nm, tta)
    logits, features = yield from predict(
        model, lambda a, b: crops[a:b], len(crops), size_nm, views=views
    )
    return of_crops(logits, features)


def crops_and_views(
    model: Model, plane: np.ndarray, size_nm: float | None, tta: bool
) -> tuple[np.ndarray, int]:
    """Give the crops of an image, and the number of views that the network takes of each."""
    from .crops import resized_crops

    views = 8 if tta and model.card.augmented_by_flips else 1
    return resized_crops(plane, model.card, size_nm), views


def of_crops(logits: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits of each view, and feature of an image, from those of its crops by `predict`."""
    return logits.reshape(len(logits), -1, logits.shape[-1]).mean(axis=0), features.mean(axis=0)


class Windows:
    """Windows centred on the cells of a grid; the image is mirrored at its border.

    Parameters
    ----------
    image : (Y, X) or (C, Y, X) array
        The image.
    side : int
        Side of a window, in pixels.
    stride : int
        Side of a cell, in pixels.
    """

    def __init__(self, image: np.ndarray, side: int, stride: int) -> None:
        # cells that lie mostly outside of the image are left out
        size = image.shape[-2:]
        self.shape = tuple(max(1, (2 * n + stride) // (2 * stride)) for n in size)
        before = (side - stride) // 2
        widths = [
            (max(before, 0), max(cells * stride + side - stride - before - n, 0))
            for cells, n in zip(self.shape, size, strict=True)
        ]
        padded = np.pad(image, [(0, 0)] * (image.ndim - 2) + widths, mode="symmetric")
        padded = padded[..., max(-before, 0) :, max(-before, 0) :]
        views = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(-2, -1))
        # rows and columns first, then the channels
        views = np.moveaxis(views, (-4, -3), (0, 1))
        self._views = views[::stride, ::stride][: self.shape[0], : self.shape[1]]
        self.stride = stride

    @property
    def count(self) -> int:
        """Number of windows."""
        return self.shape[0] * self.shape[1]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return windows by index, in row-major order."""
        return self.at(np.arange(start, stop))

    def at(self, numbers: np.ndarray) -> np.ndarray:
        """Return windows by their indices, in row-major order."""
        rows, columns = np.divmod(numbers, self.shape[1])
        return self._views[rows, columns]

    def spread(self) -> np.ndarray:
        """Standard deviation of grey levels in each window; of several channels, the largest."""
        rows = [self._views[row].std(axis=(-2, -1)) for row in range(self.shape[0])]
        return np.concatenate([row.reshape(len(row), -1).max(axis=1) for row in rows])

    def mean(self) -> np.ndarray:
        """Mean of each window of a plane."""
        rows = [self._views[row].mean(axis=(-2, -1)) for row in range(self.shape[0])]
        return np.concatenate(rows)


def model_facts(model: Model) -> dict[str, Any]:
    """Facts that a result keeps of its model."""
    return {"model": model.card.name, "model_hash": model.hash, "device": model.device.type}
