"""Detector of the info bar: a band along a border that ends in a straight edge and has letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays.inputs import to_gray
from ...core.micrograph import InfoBar, Micrograph
from .lettering import is_written

_BORDERS = ("bottom", "top", "left", "right")

# largest share of the height (of the width, at a side); least and most rows, least columns
_SHARE, _LEAST, _MOST, _NARROWEST = 1 / 3, 12, 2048, 64

# samples along a border: enough to separate paper from specimen
_SAMPLED = 1024

# share of a row that is paper: between lines of text, and within one
_CLEAN, _WRITTEN = 0.93, 0.35

# drop of that share at the end of the bar
_FALL = 0.25

# tolerances as shares of the contrast: for JPEG noise; for a specimen of nearly the grey of paper
_LEVELS = (0.04, 0.006)

# shares of the contrast: step at the edge of a translucent bar, and its residual
_STEP, _OFF = 0.03, 0.06

# most steps of lines across a translucent bar: four lines have eight edges, two rows wide
_LINES = 16

# rows that are examined beyond an edge
_BEYOND = 8

# and beyond the highest bar, to rule out stripes
_FURTHER = 96


def info_bar_of(micrograph: Micrograph) -> InfoBar:
    """Info bar that the file states, or else the detected one."""
    stated = micrograph.info_bar
    return find_info_bar(micrograph.data) if stated is None else stated


def find_info_bar(image: Any) -> InfoBar:
    """Detect the info bar in the pixels alone; only rows and columns near the borders are read.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, finite or not, numpy or dask. Of a stack the middle slice.

    Returns
    -------
    InfoBar
        All zeros where there is none.
    """
    grey, _ = to_gray(image)
    plane = grey[tuple(length // 2 for length in grey.shape[:-2])]
    bar = InfoBar()
    for border in _BORDERS:
        # a second bar lies inside the first
        specimen = plane[bar.specimen(*plane.shape)]
        bar = replace(bar, **{border: _height(specimen, border)})
    return bar


def _height(plane: Any, border: str) -> int:
    """Rows of the bar at a border; 0 if there is none."""
    across, along = plane.shape if border in ("top", "bottom") else plane.shape[::-1]
    most = min(round(across * _SHARE), _MOST)
    if most < _LEAST or along < _NARROWEST:
        return 0
    # farther than a bar may reach: stripes that continue are no bar
    deep = _band(plane, border, most + _BEYOND + _FURTHER, max(1, along // _SAMPLED))
    band = deep[: most + _BEYOND]
    if band.min() == band.max():
        return 0
    for height, level, ink in _candidates(band, deep, most):
        whole = _band(plane, border, height, 1)
        if is_written((whole > level) == (ink > level)):
            return height
    return 0


def _band(plane: Any, border: str, height: int, step: int) -> np.ndarray:
    """Rows from a border inwards, the outermost first; columns at the left and right border."""
    inwards = slice(None, height) if border in ("top", "left") else slice(-1, -1 - height, -1)
    upright = border in ("left", "right")
    part = plane[::step, inwards].T if upright else plane[inwards, ::step]
    part = np.asarray(part)
    band = np.ascontiguousarray(part, "f4" if part.dtype.itemsize <= 2 else "f8")
    missing = ~np.isfinite(band)
    if missing.any():
        # a band may be a view of the image, which stays as it is
        band = np.where(missing, 0 if missing.all() else np.median(band[~missing]), band)
    return band


# candidates: rows, grey level between ink and paper, level of ink ------------------------------


def _candidates(
    band: np.ndarray, deep: np.ndarray, most: int
) -> Iterator[tuple[int, float, float]]:
    """Bars that may be one, opaque ones first: the others are looked for if none of these is."""
    yield from _opaque(band)
    yield from _translucent(deep, most)


def _opaque(band: np.ndarray) -> Iterator[tuple[int, float, float]]:
    """Bars of one grey level: rows that are paper between the letters."""
    low, high = np.percentile(band[::4, ::4], (2, 98))
    contrast = float(np.ptp(band))
    level, spread = _paper(band[:_LEAST], contrast)
    away = band - level
    before = 0
    for share in _LEVELS:
        tolerance = max(4 * spread, share * (high - low), 1e-6 * contrast)
        near = np.abs(away) <= tolerance
        count = near.sum(axis=1)
        shift = (away * near).sum(axis=1) / np.maximum(count, 1) / tolerance
        height = _end(band, count / band.shape[1], shift, tolerance)
        ink = away[:height][~near[:height]]
        far = float(np.percentile(np.abs(ink), 75)) if ink.size else 0.0
        # noise must not pass for letters
        if height != before and far >= 2 * tolerance:
            far = far if np.median(ink) > 0 else -far
            yield height, level + far / 2, level + far
        before = height


def _paper(rows: np.ndarray, contrast: float) -> tuple[float, float]:
    """Most frequent grey level, and the standard deviation about it."""
    counts, edges = np.histogram(rows, 128)
    k, width = int(np.convolve(counts, np.ones(3), "same").argmax()), edges[1] - edges[0]
    inside = rows[(rows >= edges[k] - width) & (rows <= edges[k + 1] + width)]
    level = float(np.median(inside))
    around = np.abs(rows - level)
    around = around[around <= max(0.1 * contrast, 2 * width)]
    # for normal noise; where it is clipped at black or white still three quarters of it
    return level, float(np.percentile(around, 90)) / 1.645


def _end(band: np.ndarray, share: np.ndarray, shift: np.ndarray, tolerance: float) -> int:
    """Rows of a band of one level; 0 where its end is not sharp over the whole width.

    `share` of each row is paper, on average `shift` tolerances brighter than the band: specimen of
    nearly the same level has a bias.
    """
    paper = share * (np.abs(shift) <= 0.3)
    foreign = np.convolve(paper < _WRITTEN, np.ones(5, int), "valid") == 5
    last = len(band) - _BEYOND
    stop = min(int(foreign.argmax()), last) if foreign.any() else last
    clean = np.array([paper[r - 4 : r].max() for r in range(_LEAST, stop + 1)])
    mean = np.cumsum(paper)[_LEAST - 1 : stop] / np.arange(_LEAST, stop + 1)
    ends = (clean >= _CLEAN) & (mean >= 0.5) & (clean - paper[_LEAST : stop + 1] > _FALL / 2)
    for r in _LEAST + np.flatnonzero(ends)[::-1]:
        before = clean[r - _LEAST]
        line = _line(band[r : r + max(2, r // 32) + 2], tolerance)
        beyond = slice(r + line + 1, r + line + _BEYOND)
        if line and paper[r + line :].min() > 0.98:
            # only black beyond: an empty image
            return int(r) + line
        fall = before - paper[beyond].max()
        half = before - fall / 2
        step = np.median(shift[beyond]) - np.median(shift[r - 5 : r - 1])
        sudden = share[r - 4 : r].max() - share[beyond].max() >= _FALL or abs(step) >= 0.25
        if fall >= _FALL and paper[r - 1] >= half > paper[r] and sudden:
            return int(r) + line
    return 0


def _line(rows: np.ndarray, tolerance: float) -> int:
    """Rows of a line drawn along the bar; 0 if the last two belong to it as well."""
    middle = np.median(rows, axis=1, keepdims=True)
    along = (np.abs(rows - middle) <= tolerance).mean(axis=1) >= _CLEAN
    along &= np.abs(middle[:, 0] - middle[0, 0]) <= tolerance
    return 0 if along[-2:].any() else int(along.argmin())


def _translucent(band: np.ndarray, most: int) -> list[tuple[int, float, float]]:
    """Translucent bars: the whole specimen turns darker (or lighter) at one edge."""
    low, high = float(band.min()), float(band.max())
    pairs = (band[1:] + band[:-1]) / 2
    inner, outer = pairs[:-2], pairs[2:]
    darker, lighter = (inner < outer).mean(axis=1), (inner > outer).mean(axis=1)
    edges = np.flatnonzero(np.maximum(darker, lighter)[: most + _BEYOND - 3] >= 0.85)
    if not edges.size:
        return []
    # medians of all rows take longest
    steps = np.median(inner - outer, axis=1)
    found = []
    for r in edges:
        step = float(steps[r])
        if not _is_single(steps, int(r)):
            continue
        if abs(step) < _STEP * (high - low) or r + 2 < _LEAST:
            continue
        paper, ink = (low, high) if step < 0 else (high, low)
        beneath, covered = outer[r] - paper, inner[r] - paper
        through = float(np.median(covered[beneath != 0] / beneath[beneath != 0]))
        off = (np.abs(covered - through * beneath) > _OFF * (high - low)).mean()
        if 0.1 <= through < 0.9 and off < 0.3:
            # the brightest level that the specimen reaches through the bar
            level = paper + through * (ink - paper)
            found.append((abs(step), int(r) + 2, (level + ink) / 2, ink))
    return [one[1:] for one in sorted(found, reverse=True)[:2]]


def _is_single(steps: np.ndarray, r: int) -> bool:
    """Whether a step from row to row is sharp and the only one beyond: no stripe, no layer.

    Within the bar there may be lines across.
    """
    strong = np.abs(steps) >= 0.5 * abs(steps[r])
    sharp = not strong[[k for k in (r - 3, r + 3) if 0 <= k < len(steps)]].any()
    return bool(sharp and not strong[r + 3 :].any() and strong[: max(r - 2, 0)].sum() <= _LINES)
