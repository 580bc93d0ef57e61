"""A whole layer as one colour picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np

from .ranking import flat_cells, has_value

Colour = Literal["none", "PCA", "NMF"]

# (n, C) cells → (n, 3) components
_Parts = Callable[[np.ndarray], np.ndarray]

# cells from which components are computed
_SAMPLED = 4096


def colour_of(cells: np.ndarray, how: Colour) -> Callable[[np.ndarray], np.ndarray]:
    """Find colours for all channels of a layer.

    Parameters
    ----------
    cells : (C, n) array
        Cells of one image, or of several that are to have the same colours; of channels that vary.
    how : {'PCA', 'NMF'}
        Principal components: signs are such that the largest loading is positive. Non-negative
        factors: parts that add up; they are sorted by their share.

    Returns
    -------
    callable
        (C, h, w) maps → (h, w, 3) uint8 array: the first three components between their 1 and 99
        percentiles of the cells; black in cells without a value; the same on every run.
    """
    flat = cells.T.astype(np.float64)  # (cells, C)
    some = np.unique(np.linspace(0, len(flat) - 1, min(len(flat), _SAMPLED)).round().astype(int))
    parts_of = _principal(flat[some]) if how == "PCA" else _factors(flat, some)
    low, high = np.percentile(parts_of(flat), (1, 99), axis=0)

    def picture(maps: np.ndarray) -> np.ndarray:
        there = has_value(maps)
        parts = parts_of(flat_cells(maps).T.astype(np.float64))
        scaled = np.clip((parts - low) / np.maximum(high - low, 1e-30), 0, 1)
        made = np.zeros((*there.shape, 3), np.uint8)
        made[..., : scaled.shape[1]][there] = (scaled * 255).round()
        return made

    return picture


def _principal(some: np.ndarray) -> _Parts:
    mean = some.mean(axis=0)
    covariance = np.cov((some - mean).T).reshape(some.shape[1], -1)
    _, vectors = np.linalg.eigh(covariance)
    loadings = vectors[:, ::-1][:, :3]
    largest = np.abs(loadings).argmax(axis=0)
    loadings = loadings * np.sign(loadings[largest, np.arange(loadings.shape[1])])
    return lambda flat: (flat - mean) @ loadings


def _factors(flat: np.ndarray, some: np.ndarray) -> _Parts:
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    # every channel counts alike, from its lowest value
    low, high = flat.min(axis=0), flat.max(axis=0)

    def scaled(cells: np.ndarray) -> np.ndarray:
        return np.maximum(cells - low, 0) / np.maximum(high - low, 1e-30)

    given = scaled(flat[some])
    model = NMF(min(3, *given.shape), init="nndsvda", random_state=0, max_iter=300)
    with warnings.catch_warnings():
        # a few more iterations would not change the picture
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(given)
    share = model.transform(scaled(flat)).sum(axis=0) * model.components_.sum(axis=1)
    order = np.argsort(-share, kind="stable")
    return lambda cells: model.transform(scaled(cells))[:, order]
