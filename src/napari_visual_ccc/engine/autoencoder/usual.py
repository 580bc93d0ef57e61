"""How unusual a place is: residual and texture, compared with held-out tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from ...core.progress import Progress, Steps, run
from .known import MARGIN, STRIDE, places, scored
from .quality import Pairs

if TYPE_CHECKING:
    import torch

    from ...nets.training.selection import AnomalyScale

Score = Literal["features", "local", "residual"]

SCORES: tuple[Score, ...] = get_args(Score)

# standard deviations in pixels of the Gaussian windows of the residual statistics
_WINDOWS = (2.0, 4.0, 8.0)

# of the window of the structural similarity, and of the smoothing of it
_SIMILAR = 3.0

# of the mean of the squared residual, where that alone is the score
_RESIDUAL = 12.0

# of the smoothing of the score, in places
_SMOOTH = 1.0

# of the surroundings that local scores are compared with, in places
_AROUND = 16.0

# pixels that a statistic depends on: 4 standard deviations of the widest window, whole cells
HALO = 64

# side of the tiles of the backbone, whose margins are wide
_TILE = 2048

# constants of the structural similarity (Wang et al., 2004); a residual of rounding errors
_C1, _C2, _FLOOR = 0.01**2, 0.03**2, 1e-5

# the covariance is regularised by this share of the variance
_RIDGE = 0.01

# share of the places of a held-out tile that must have a score
_COUNTED = 0.5

# tensors of a model file: what is usual
MEAN, WHITENING = "reference.anomaly.mean", "reference.anomaly.whitening"

# peaks that the card keeps of many tiles
_KEPT = 400


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a (Y, X) float32 array."""
    import cv2

    return cv2.GaussianBlur(
        np.ascontiguousarray(image, dtype=np.float32), (0, 0), sigma, borderType=cv2.BORDER_REFLECT
    )


def residual_statistics(image: np.ndarray, made: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Local statistics of an image and its reconstruction, at every place.

    Pixels that are not known are taken as reconstructed: they have no residual, and a
    reconstruction with a pixel of the image in it would vary where that of the network does not.

    Parameters
    ----------
    image, made : (Y, X) float32 arrays
        0 to 1; sides are multiples of `STRIDE`.
    known : (Y, X) bool array
        Pixels that are not filled.

    Returns
    -------
    (8, Y / STRIDE, X / STRIDE) float32 array
        In three windows the logarithm of the mean squared residual and the mean residual; the
        structural dissimilarity; the logarithm of the variance of the reconstruction.
    """
    image = np.where(known, image, made)
    residual = image - made
    found = []
    for sigma in _WINDOWS:
        found += [np.log(blurred(residual**2, sigma) + _FLOOR), blurred(residual, sigma)]
    one, two = blurred(image, _SIMILAR), blurred(made, _SIMILAR)
    spread = np.maximum(blurred(image**2, _SIMILAR) - one**2, 0)
    of_made = np.maximum(blurred(made**2, _SIMILAR) - two**2, 0)
    shared = blurred(image * made, _SIMILAR) - one * two
    top = (2 * one * two + _C1) * (2 * shared + _C2)
    similar = top / ((one**2 + two**2 + _C1) * (spread + of_made + _C2))
    found += [blurred(1 - similar, _SIMILAR), np.log(of_made + 1e-4)]
    return np.stack([places(one) for one in found])


def squared_residual(image: np.ndarray, made: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Local mean of the squared residual at every place; pixels that are not known have none."""
    return places(blurred(np.where(known, image - made, 0) ** 2, _RESIDUAL))


def relative(scores: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """Divide the distances of the parts of one image by their median, where that is above 1.

    An image whose texture, focus or noise differs a little is then searched for what differs
    locally, as others are; the median tells that it differs as a whole. Places without a score,
    NaN, do not count.
    """
    every = np.concatenate([one.ravel() for one in scores])
    level = float(np.median(every[np.isfinite(every)]))
    return [one / max(1.0, level) for one in scores], level


def distance(features: np.ndarray, usual: Usual, known: np.ndarray | None = None) -> np.ndarray:
    """Mahalanobis distance of (C, h, w) features, divided by the square root of C.

    A place that is usual has about 1. Where `known`, (h, w) bool, is False it is NaN, and those
    places do not count in the smoothing of others.
    """
    squares = np.empty(features.shape[1:], np.float32)
    # row by row: an array of all places in double precision would be large
    for row in range(len(squares)):
        squares[row] = (((features[:, row].T - usual.mean) @ usual.whitening) ** 2).mean(axis=1)
    if known is None or known.all():
        return np.sqrt(np.maximum(blurred(squares, _SMOOTH), 0))
    weights = np.maximum(blurred(known, _SMOOTH), 1e-6)
    smooth = blurred(np.where(known, squares, 0), _SMOOTH) / weights
    return np.where(known, np.sqrt(np.maximum(smooth, 0)), np.nan)


def without_surroundings(features: np.ndarray, known: np.ndarray) -> Steps[None]:
    """Subtract from (C, h, w) features, in place, their mean in a window of 128 pixels.

    Places that are not `known`, (h, w) bool, do not count in the means.
    """
    weights = np.maximum(blurred(known, _AROUND), 1e-6)
    for number, one in enumerate(features):
        yield Progress(number, len(features), "surroundings")
        one -= blurred(np.where(known, one, 0), _AROUND) / weights


# what is usual -----------------------------------------------------------------------------------


class Usual(NamedTuple):
    """Mean and whitening matrix of the features of usual places."""

    mean: np.ndarray
    whitening: np.ndarray

    @property
    def centred(self) -> Usual:
        """The same for features without the mean of their surroundings."""
        return Usual(np.zeros_like(self.mean), self.whitening)


def fit_usual(
    trained: Pairs,
    held_out: Pairs,
    image_index: np.ndarray,
    chosen_on: str,
    device: torch.device,
) -> Steps[tuple[AnomalyScale, dict[str, torch.Tensor]] | None]:
    """Learn what is usual: from tiles that were trained with, and a threshold from others.

    A normal distribution is fitted to the features of the former (as Defard et al., PaDiM, ICPR
    Workshops 2021). The scores of the latter, which nothing was fitted to, give the threshold.
    Places that filled pixels have an influence on do not count, nor do held-out tiles of which
    that is more than a half.

    Parameters
    ----------
    trained, held_out : Pairs
        Windows and their reconstructions.
    image_index : (n,) int array
        Image of each held-out window.
    chosen_on : str
        What the held-out tiles are of, in words.
    device : torch.device
        Of the backbone.

    Returns
    -------
    AnomalyScale
        Largest scores of the held-out tiles.
    dict of tensors
        Mean and whitening matrix, for the model file. None instead of both if there is no place
        that filled pixels have no influence on.
    """
    import torch

    from ...nets.models.lite0 import lite0
    from ...nets.training.selection import AnomalyScale

    net = lite0().to(device)
    counted = _scored_places(held_out)
    chosen = np.flatnonzero(counted.mean(axis=(1, 2)) >= _COUNTED)
    fitted = _scored_places(trained)
    if not len(chosen) or not fitted.any():
        return None
    held_out = Pairs(*(one[chosen] for one in held_out))
    counted, image_index = counted[chosen], image_index[chosen]
    usual = _normal(np.stack((yield from _features(net, trained, device))), fitted)
    features = yield from _features(net, held_out, device)
    largest, levels = _peaks(features, usual, counted, image_index)
    features = yield from _features(net, held_out, device, local=True)
    local, _ = _peaks(features, usual.centred, counted, image_index)
    squares = [
        _inner(squared_residual(*pair))[there].max()
        for *pair, there in zip(*held_out, counted, strict=True)
    ]
    peaks = {"features": largest, "local": local, "residual": np.array(squares)}
    scale = AnomalyScale(
        peaks={score: _thinned(values) for score, values in peaks.items()},
        tiles=len(held_out.made),
        tile_px=held_out.inner.made.shape[1],
        level=round(max(levels), 4),
        chosen_on=chosen_on,
    )
    return scale, {
        MEAN: torch.from_numpy(usual.mean.astype(np.float32)),
        WHITENING: torch.from_numpy(usual.whitening.astype(np.float32)),
    }


def _peaks(
    features: list[np.ndarray], usual: Usual, counted: np.ndarray, image_index: np.ndarray
) -> tuple[np.ndarray, list[float]]:
    """Largest score of each tile, and the median score of each image."""
    scores = [distance(one, usual, there) for one, there in zip(features, counted, strict=True)]
    largest, levels = np.zeros(len(scores)), []
    for number in np.unique(image_index):
        mine = np.flatnonzero(image_index == number)
        compared, level = relative([scores[k] for k in mine])
        largest[mine] = [np.nanmax(one) for one in compared]
        levels.append(level)
    return largest, levels


def _features(
    net: Any, pairs: Pairs, device: torch.device, *, local: bool = False
) -> Steps[list[np.ndarray]]:
    """Features of the places of each tile; local ones without the mean of the window."""
    found = []
    for number, (tile, made, known) in enumerate(zip(*pairs, strict=True)):
        yield Progress(number, len(pairs.made), "anomaly scores")
        texture = yield from texture_of(net, tile, device)
        maps = np.concatenate([residual_statistics(tile, made, known), texture])
        if local:
            there = np.ones(known.shape, bool) if known.all() else scored(known)
            run(without_surroundings(maps, places(there)))
        found.append(_inner(maps))
    return found


def _scored_places(pairs: Pairs) -> np.ndarray:
    """Places of the tiles that filled pixels have no influence on, (n, h, w) bool."""
    everywhere = _inner(places(np.ones(pairs.known.shape[1:], bool)))
    return np.stack(
        [everywhere if one.all() else _inner(places(scored(one))) for one in pairs.known]
    )


def _inner(maps: np.ndarray) -> np.ndarray:
    """Places of the tile within a window."""
    part = slice(MARGIN // STRIDE, -MARGIN // STRIDE)
    return maps[..., part, part]


def texture_of(net: Any, grey: np.ndarray, device: torch.device) -> Steps[np.ndarray]:
    """Maps of the backbone at every place of a plane, (192, h, w) float32.

    Parameters
    ----------
    net : nn.Module
        From `nets.models.lite0.lite0`.
    grey : (Y, X) float32 array
        0 to 1; sides are multiples of `CELL`.
    device : torch.device
        Of the backbone.
    """
    import torch

    from ...nets.inference import in_tiles
    from ...nets.models.lite0 import MAPS_HALO, MAPS_STRIDE, texture_maps

    given = torch.from_numpy((grey - 0.5) / 0.5)[None, None]
    maps = yield from in_tiles(
        lambda x: texture_maps(net, x), given, device, MAPS_STRIDE, _TILE, MAPS_HALO
    )
    return maps[0].float().cpu().numpy()


def _normal(features: np.ndarray, known: np.ndarray) -> Usual:
    """Fit a normal distribution to (n, C, h, w) features; each has a scale of its own.

    `known`, (n, h, w) bool, are the places that count.
    """
    flat = features.transpose(1, 0, 2, 3).reshape(features.shape[1], -1)[:, known.ravel()]
    flat = flat.astype(np.float64)
    mean, spread = flat.mean(axis=1), np.maximum(flat.std(axis=1), 1e-6)
    scaled = (flat - mean[:, None]) / spread[:, None]
    covariance = scaled @ scaled.T / scaled.shape[1] + _RIDGE * np.eye(len(mean))
    # the inverse of the Cholesky factor: (x - mean) @ whitening has the identity as covariance
    whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return Usual(mean, whitening / spread[:, None])


def _thinned(values: np.ndarray) -> list[float]:
    values = np.sort(values)
    chosen = np.linspace(0, len(values) - 1, min(_KEPT, len(values))).round().astype(int)
    return [float(f"{value:.6g}") for value in values[chosen]]


def few_tiles(scale: AnomalyScale) -> str:
    """Say which share of usual tiles the held-out ones support."""
    tiles = "1 held-out tile supports"
    if scale.tiles != 1:
        tiles = f"{scale.tiles} held-out tiles support"
    return f"{tiles} a share of {scale.supports:.3f} at most"


def threshold_of(scale: AnomalyScale, score: Score, share: float) -> tuple[float, tuple[str, ...]]:
    """Score that a share of usual tiles does not exceed anywhere, and a note on it.

    As in split conformal prediction it is the ``ceil((n + 1) * share)``-th of n values, so that a
    further usual tile exceeds it with a probability of at most ``1 - share``. Where there are too
    few tiles for the share it is the largest value, and the note gives the share that it supports.
    """
    if score not in scale.peaks:
        raise ValueError(
            f"the model has no threshold for score={score!r}: it was trained by an earlier "
            "version; train it again, or choose score='features'"
        )
    peaks, tiles = scale.peaks[score], scale.tiles
    rank = int(np.ceil((tiles + 1) * share))
    note: tuple[str, ...] = ()
    if rank > tiles:
        rank = tiles
        note = (few_tiles(scale),)
    place = (rank - 1) / max(1, tiles - 1) * (len(peaks) - 1)
    return max(peaks[int(np.ceil(place - 1e-9))], 1e-12), note
