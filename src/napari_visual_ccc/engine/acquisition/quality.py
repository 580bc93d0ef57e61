"""Assess whether an image is fit for analysis: detail, noise, saturation, stripes, drift."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from ...arrays.inputs import to_gray
from ...arrays.reduction import pieces
from ...core.pixel_size import PixelSize, Spacing
from ...core.progress import Progress, Steps
from ...core.result import Result
from ...core.units import are
from .drift import Drift, Moved, drift_columns, line_jumps, row_displacement, slice_name
from .noise import BEST, signal_to_noise
from .spectrum.detail import band_end, finest_detail, power_of, windows_of
from .spectrum.enlargement import are_repeated, enlargements

# as far as the numbers that they are compared with, so that a flag can be turned off
Period = Annotated[float, {"min": 2.0, "max": 1000.0, "step": 0.5, "label": "Limit of blur (px)"}]

Ratio = Annotated[float, {"min": 0.0, "max": BEST, "step": 0.1, "label": "Limit of noise (SNR)"}]

_PERCENT = {"min": 0.0, "max": 100.0, "step": 0.5}

Saturated = Annotated[float, {**_PERCENT, "label": "Limit of saturation (%)"}]

Striped = Annotated[float, {**_PERCENT, "label": "Limit of stripes (%)"}]

# measured on good micrographs, original and degraded: docs/quality.md
BLURRED, NOISY, SATURATED, STRIPED = 9.0, 1.0, 2.0, 4.0

UNEVEN, MOVED, DISPLACED = 3.0, 2.0, 0.15

_SMALL = 32

# ratio of two factors of enlargement up to which both are named; above, neither is known
NAMED = 2.4

# finest detail over two pixels of the original from which a factor is not stated: lossy WebP and
# JPEG 2000 make smooth images look enlarged
_COARSER = 1.5

# fall of the spectrum in dB from which an image is called smoothed, and finest detail from which it
# matters. The micrographs have up to 9.7 dB, none above 7.8 with detail of 5 px
_SMOOTHED, _COARSE = 9.0, 5.0

# signal-to-noise ratio below which an image may be empty, and standard deviations of the noise by
# which a feature must stand out for it not to be
_FAINT, _FEATURE = 0.05, 8.0

# most pixels of a plane in which boxes of labels are looked for
_BOXED = 1 << 26

_NOTHING = "empty: no finite pixel"

_NUMBERS = (
    "detail_px", "detail_ratio", "enlarged", "snr", "black_percent", "white_percent",
    "row_stripes_percent", "column_stripes_percent", "displaced_px",
)  # fmt: skip


def image_quality(
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    blurred: Period = BLURRED,
    noisy: Ratio = NOISY,
    saturated: Saturated = SATURATED,
    striped: Striped = STRIPED,
) -> Steps[Result]:
    """Assess whether an image is fit for analysis: sharp, low noise, not saturated or striped.

    Detail ends where the spectrum reaches the noise (Joy, J. Microsc. 208 (2002) 24); the
    signal-to-noise ratio is that of the autocorrelation (Thong, Sim & Phang, Scanning 23 (2001)
    328); the drift between slices is that of `align_stack`.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. Slices of a stack are assessed one by one.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    blurred : float
        Flag images whose finest detail is coarser than this many pixels. Sharp images that are
        oversampled are flagged as well; blurred images without noise seem sharper.
    noisy : float
        Flag images with a lower signal-to-noise ratio (of variances; 1: as much noise as signal).
    saturated : float
        Flag images with more than this percentage of saturated pixels, at the darkest or the
        brightest grey level.
    striped : float
        Flag images whose lines differ by more than this percentage of the image's contrast.

    Returns
    -------
    Result
        One row a slice: ``index_*``, ``flags`` (problems as text; empty if there is none),
        ``detail_px`` and ``detail_<unit>`` (period of the finest detail, at least two pixels of
        the original where the image was enlarged by interpolation; in units where pixels are
        square), ``detail_ratio`` (of the coarsest to the finest of four directions; raised by
        drift, vibration and astigmatism, but also by oriented structure: a single image does not
        tell which), ``snr`` (missing where there is no
        white noise to measure), ``black_percent`` and ``white_percent`` (saturated, without boxes
        of labels), ``row_stripes_percent`` (charging, scan noise) and
        ``column_stripes_percent`` (curtaining), both as standard deviation of the lines' level
        over that of the image; for stacks also ``drift_y_px`` and ``drift_x_px`` against the
        previous slice, and the same in `unit`; across slices that are empty or do not match,
        against the last match (flags name it). Missing where an image is too small or empty, and
        drift where no earlier slice matches.

    Raises
    ------
    ValueError
        If no pixel of the image is finite.
    """
    import pandas as pd

    grey, notes = to_gray(image)
    pixel_size = PixelSize.of(spacing, unit)
    total, rows = int(np.prod(grey.shape[:-2])), []
    drift = Drift()
    for done, index in enumerate(np.ndindex(grey.shape[:-2])):
        yield Progress(done, total, "slice")
        found = quality_of(
            grey[index], blurred=blurred, noisy=noisy, saturated=saturated, striped=striped
        )
        flags, detail = found.pop("flags"), found.pop("detail_px")
        # flags state them; the columns are those of version 0.1.0
        del found["enlarged"], found["displaced_px"]
        row = {f"index_{axis}": place for axis, place in enumerate(index)}
        row |= {"flags": "", "detail_px": detail}
        if pixel_size is not None and math.isclose(*pixel_size.sizes):
            row[pixel_size.length_column("detail")] = detail * pixel_size.height
        row |= found
        if index:
            moved = drift.follow(index, grey[index])
            row |= drift_columns(moved.step, pixel_size)
            flags += _movement(index, moved)
        rows.append(row | {"flags": "; ".join(flags)})
    if all(row["flags"].startswith(_NOTHING) for row in rows):
        raise ValueError("image has no finite pixel: all are NaN or infinite")
    table = pd.DataFrame(rows)
    flagged = int((table["flags"] != "").sum())
    note = _note(rows, flagged)
    return Result(tables={"quality": table}, facts={"flagged": flagged}, notes=(*notes, note))


def _movement(index: tuple[int, ...], moved: Moved) -> list[str]:
    length = math.hypot(*moved.step)
    if moved.since is None or not length > MOVED:
        return []
    next_to = sum(abs(a - b) for a, b in zip(index, moved.since, strict=True)) == 1
    since = "the slice before" if next_to else f"slice {slice_name(moved.since)}"
    return [f"moved: {length:.1f} px since {since}"]


def _note(rows: list[dict[str, Any]], flagged: int) -> str:
    if len(rows) == 1:
        if not rows[0]["flags"] and math.isnan(rows[0]["snr"]):
            return "no flag; noise cannot be judged: none is independent from pixel to pixel"
        return rows[0]["flags"] or "fit for analysis: no flag"
    return (
        f"{flagged} of {len(rows)} slices {are(flagged)} flagged"
        if flagged
        else "no slice is flagged"
    )


def quality_of(
    plane: Any,
    *,
    blurred: float = BLURRED,
    noisy: float = NOISY,
    saturated: float = SATURATED,
    striped: float = STRIPED,
) -> dict[str, Any]:
    """Assess one plane.

    Parameters
    ----------
    plane : (Y, X) array
        Grey, any real dtype, numpy or dask.
    blurred, noisy, saturated, striped : float
        As in `image_quality`.

    Returns
    -------
    dict
        ``flags``, a list of str, and the columns of `image_quality` that need neither a pixel
        size nor another slice.
    """
    found: dict[str, Any] = dict.fromkeys(_NUMBERS, math.nan)
    windows = windows_of(plane)
    if not windows:
        return found | {"flags": [_NOTHING]}
    low, high, black, white = _ends(plane)
    if low < high:
        black, white = (
            share - _in_boxes(plane, end, high - low) if 100 * share > saturated else share
            for end, share in ((low, black), (high, white))
        )
    if low == high:
        return found | {"flags": ["empty: all pixels have one grey level"]}
    contrast = math.sqrt(float(np.mean([np.mean(w**2) for w in windows])))
    detail, along = finest_detail(power_of(windows), windows[0].shape[1])
    factors, ratio = enlargements(windows), signal_to_noise(windows)
    end = band_end(windows)
    if end.known:
        # what lies above the end of the band is not detail
        detail = max(detail, end.period)
    if factors:
        # of the original pixels two are the finest detail
        detail = max(detail, 2 * factors[0])
    found |= {
        "enlarged": factors[0] if _are_named(factors, detail) else math.nan,
        "detail_px": detail if math.isfinite(detail) else math.nan,
        "detail_ratio": max(along) / min(along) if math.isfinite(max(along)) else math.nan,
        "snr": ratio if ratio < BEST else math.nan,
        "black_percent": 100 * black,
        "white_percent": 100 * white,
    }
    if contrast > 0 and min(windows[0].shape) >= _SMALL:
        rows, columns = line_jumps(windows)
        found["row_stripes_percent"] = 100 * rows / contrast
        found["column_stripes_percent"] = 100 * columns / contrast
        if not are_repeated(windows):
            # stairs are no displacement
            found["displaced_px"] = row_displacement(windows)
    if min(windows[0].shape) < _SMALL:
        flags = [f"small: less than {_SMALL} px; sharpness and stripes are not assessed"]
    elif found["snr"] < _FAINT and not any(_has_feature(w) for w in windows):
        return found | {"flags": ["empty: nothing stands out of the noise"]}
    else:
        flags = []
    smoothed = end.known and end.fall > _SMOOTHED and _COARSE < detail <= min(blurred, BLURRED)
    flags += _enlarged(factors, detail, smoothed)
    return found | {"flags": flags + _flags(found, blurred, noisy, saturated, striped)}


def _flags(
    found: dict[str, Any], blurred: float, noisy: float, saturated: float, striped: float
) -> list[str]:
    detail, black, white = found["detail_px"], found["black_percent"], found["white_percent"]
    rows, columns = found["row_stripes_percent"], found["column_stripes_percent"]
    ratio = found["detail_ratio"]
    # noise hides detail: noisy images are not flagged as blurred as well. Comparisons with NaN are
    # false
    clear = not found["snr"] < noisy
    factor, displaced = found["enlarged"], found["displaced_px"]
    cases = [
        (
            clear and detail > blurred and not factor > 1,
            f"blurred: finest detail is {detail:.1f} px",
        ),
        (not clear, f"noisy: signal-to-noise ratio {found['snr']:.2g}"),
        (black > saturated, f"saturated: {black:.1f} % of the pixels are black"),
        (white > saturated, f"saturated: {white:.1f} % of the pixels are white"),
        (rows > striped, f"striped along rows: {rows:.1f} % of the contrast"),
        (columns > striped, f"striped along columns: {columns:.1f} % of the contrast"),
        (
            clear and displaced > DISPLACED,
            f"rows displaced: sideways by {displaced:.1f} px or more against their neighbours",
        ),
        (ratio > UNEVEN, f"anisotropic: detail is {ratio:.1f} times coarser in one direction"),
    ]
    return [text for flagged, text in cases if flagged]


def _are_named(factors: tuple[float, ...], detail: float) -> bool:
    if not factors or detail > _COARSER * 2 * factors[-1]:
        return False
    return factors[-1] <= NAMED * factors[0]


def _enlarged(factors: tuple[float, ...], detail: float, smoothed: bool) -> list[str]:
    if _are_named(factors, detail):
        said = " or ".join(f"{one:.2g}" for one in factors)
        true = f"{2 * factors[0]:.2g} px" if len(factors) == 1 else f"{detail:.2g} px or more"
        return [f"enlarged about {said} times: true detail is {true}"]
    if factors or smoothed:
        return [f"enlarged or smoothed: true detail is {detail:.2g} px or more"]
    return []


def _has_feature(window: np.ndarray) -> bool:
    """Whether a feature stands out of faint noise, such as one particle in an empty field."""
    import cv2

    small = cv2.blur(window, (5, 5))
    centre = np.median(small)
    spread = 1.4826 * float(np.median(np.abs(small - centre)))
    return float(np.abs(small - centre).max()) > _FEATURE * spread


def _in_boxes(plane: Any, end: float, contrast: float) -> float:
    """Share of the pixels that have a grey level and lie in boxes, as of labels on an image."""
    import cv2

    if np.prod(plane.shape) > _BOXED:
        return 0.0
    image = np.asarray(plane)
    # a box that was resampled or compressed has nearly its level at its sides
    near = np.abs(image.astype(np.float32) - end) <= 0.06 * contrast
    count, _, stats, _ = cv2.connectedComponentsWithStats((image == end).astype(np.uint8))
    boxes = np.zeros(image.shape, bool)
    for x, y, width, height, area in stats[1:count]:
        # letters leave some of a box
        if min(width, height) < 8 or area < 0.3 * width * height:
            continue
        part = near[y : y + height, x : x + width]
        sides = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
        if sides.mean() >= 0.97:
            boxes[y : y + height, x : x + width] = True
    return float(np.mean((image == end) & boxes))


def _ends(plane: Any) -> tuple[float, float, float, float]:
    """Lowest and highest finite grey, and the share of saturated pixels at each.

    Saturated are the pixels at the end in excess of those at the next level: a histogram that is
    not clipped thins out.
    """
    tops: list[dict[float, int]] = [{}, {}]
    finite = 0
    for piece in pieces(plane):
        values = piece[np.isfinite(piece)] if piece.dtype.kind == "f" else piece.ravel()
        finite += values.size
        for top, end in zip(tops, (np.min, np.max), strict=True):
            rest = values
            for _ in range(2):
                if rest.size:
                    extreme = end(rest)
                    top[float(extreme)] = top.get(float(extreme), 0) + int((rest == extreme).sum())
                    rest = rest[rest != extreme]
    ends, shares = [], []
    for top, reverse in zip(tops, (False, True), strict=True):
        (level, count), *others = sorted(top.items(), reverse=reverse)
        ends.append(level)
        shares.append(max(count - (others[0][1] if others else 0), 0) / finite)
    return ends[0], ends[1], shares[0], shares[1]
