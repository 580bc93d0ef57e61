"""A whole layer as one colour picture."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np

Colour = Literal["none", "PCA", "NMF"]

# cells from which components are computed
_SAMPLED = 4096


def colour_picture(maps: np.ndarray, how: Colour) -> np.ndarray:
    """Show all channels of a layer as red, green and blue.

    Parameters
    ----------
    maps : (C, h, w) array
        Channels that vary.
    how : {'PCA', 'NMF'}
        Principal components: signs are such that the largest loading is positive. Non-negative
        factors: parts that add up; they are sorted by their share.

    Returns
    -------
    (h, w, 3) uint8 array
        The first three components between their 1 and 99 percentiles; the same on every run.
    """
    flat = maps.reshape(len(maps), -1).T.astype(np.float64)  # (cells, C)
    some = np.unique(np.linspace(0, len(flat) - 1, min(len(flat), _SAMPLED)).round().astype(int))
    parts = _principal(flat, some) if how == "PCA" else _factors(flat, some)
    low, high = np.percentile(parts, (1, 99), axis=0)
    scaled = np.clip((parts - low) / np.maximum(high - low, 1e-30), 0, 1)
    picture = np.zeros((len(flat), 3))
    picture[:, : scaled.shape[1]] = scaled
    return (picture * 255).round().astype(np.uint8).reshape(*maps.shape[1:], 3)


def _principal(flat: np.ndarray, some: np.ndarray) -> np.ndarray:
    mean = flat[some].mean(axis=0)
    covariance = np.cov((flat[some] - mean).T).reshape(flat.shape[1], -1)
    _, vectors = np.linalg.eigh(covariance)
    loadings = vectors[:, ::-1][:, :3]
    largest = np.abs(loadings).argmax(axis=0)
    loadings = loadings * np.sign(loadings[largest, np.arange(loadings.shape[1])])
    return (flat - mean) @ loadings


def _factors(flat: np.ndarray, some: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    # every channel counts alike, from its lowest value
    low, high = flat.min(axis=0), flat.max(axis=0)
    scaled = (flat - low) / np.maximum(high - low, 1e-30)
    count = min(3, *scaled[some].shape)
    model = NMF(count, init="nndsvda", random_state=0, max_iter=300)
    with warnings.catch_warnings():
        # a few more iterations would not change the picture
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaled[some])
        parts = model.transform(scaled)
    share = parts.sum(axis=0) * model.components_.sum(axis=1)
    return parts[:, np.argsort(-share, kind="stable")]
