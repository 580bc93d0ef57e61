"""Accuracy of a classifier on images with added noise and blur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...arrays.filling import filled, known_values
from .intervals import share

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["none", "Gaussian noise", "Poisson noise", "blur"]

# percentiles between which the contrast of an image lies, as in the stretch of most models
_DARK, _BRIGHT = 0.5, 99.5

_UNITS = {"none": "", "Gaussian noise": "of contrast", "Poisson noise": "counts"}


@dataclass(frozen=True)
class Degradation:
    """A kind and a strength of added noise or blur.

    Parameters
    ----------
    kind : {'none', 'Gaussian noise', 'Poisson noise', 'blur'}
        What is added.
    level : float
        Gaussian noise: standard deviation as a fraction of the contrast of the image, which is
        the difference of its 99.5 and its 0.5 percentile. Poisson noise: mean number of counts
        (electrons) in a pixel at the 99.5 percentile; there are none at the 0.5 percentile.
        Blur: standard deviation of a Gaussian, in `unit`.
    unit : {'px', 'nm'}
        Of the blur.
    """

    kind: Kind = "none"
    level: float = 0.0
    unit: Literal["px", "nm"] = "px"

    @property
    def measure(self) -> str:
        """Unit of the level."""
        return _UNITS.get(self.kind, self.unit)


NOT_DEGRADED = Degradation()


def degradations(
    noise: str, counts: str, blur: str, unit: Literal["px", "nm"] = "px"
) -> tuple[Degradation, ...]:
    """Read levels such as ``"0.1, 0.2"``, and put each kind into the order of its strength.

    Raises
    ------
    ValueError
        If a level is not a positive number.
    """
    texts: dict[Kind, str] = {"Gaussian noise": noise, "Poisson noise": counts, "blur": blur}
    return tuple(
        Degradation(kind, level, unit)
        for kind, text in texts.items()
        # few counts are much noise
        for level in sorted(_levels(kind, text), reverse=kind == "Poisson noise")
    )


def _levels(kind: str, text: str) -> set[float]:
    try:
        levels = {float(part) for part in text.replace(";", ",").split(",") if part.strip()}
    except ValueError:
        levels = {np.nan}
    if not all(0 < level < np.inf for level in levels):
        raise ValueError(f"levels of {kind} are {text!r}; give positive numbers, such as 1, 2")
    return levels


def degrade(
    plane: np.ndarray,
    what: Degradation,
    rng: np.random.Generator,
    size_nm: float | None = None,
    limits: Sequence[float] | None = None,
) -> np.ndarray:
    """Add noise or blur to an image in its own grey levels.

    Parameters
    ----------
    plane : (Y, X) or (C, Y, X) array
        Grey image as it was recorded, before it is normalised; channels each by itself. Its type
        stays: whole numbers are rounded and limited to their range, as a detector does. Pixels
        that are missing stay missing.
    what : Degradation
        Kind and strength.
    rng : Generator
        Source of the noise.
    size_nm : float, optional
        Pixel size, for a blur in nm.
    limits : (dark, bright), optional
        Grey levels of the contrast, instead of percentiles; of a region, those of its image.

    Returns
    -------
    (Y, X) array

    Raises
    ------
    ValueError
        If a blur in nm has no pixel size.
    """
    if what.kind == "none":
        return plane
    if plane.ndim == 3:
        return np.stack([degrade(channel, what, rng, size_nm, limits) for channel in plane])
    whole, known = filled(plane)
    grey = whole.astype(np.float64)
    dark, bright = limits or np.percentile(known_values(grey, known), (_DARK, _BRIGHT))
    contrast = bright - dark
    if what.kind == "Gaussian noise":
        changed = grey + rng.normal(0, what.level * contrast, grey.shape)
    elif what.kind == "blur":
        changed = _blurred(grey, what, size_nm)
    elif contrast > 0:
        expected = np.maximum(grey - dark, 0) * (what.level / contrast)
        changed = dark + rng.poisson(expected) * (contrast / what.level)
    else:
        changed = grey
    if plane.dtype.kind in "iu":
        values = np.iinfo(plane.dtype)
        changed = np.clip(np.rint(changed), values.min, values.max)
    if known is not None:
        changed = np.where(known, changed, np.nan)
    return changed.astype(plane.dtype)


def _blurred(grey: np.ndarray, what: Degradation, size_nm: float | None) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    if what.unit == "px":
        return gaussian_filter(grey, what.level, mode="reflect")
    if not size_nm:
        raise ValueError("no pixel size, which a blur in nm needs; give the blur in px")
    return gaussian_filter(grey, what.level / size_nm, mode="reflect")


def noise_source(seed: int, image: int, number: int) -> np.random.Generator:
    """Give the source of the noise of one image at one level, the same in every run."""
    return np.random.default_rng([seed, image, number])


def robustness_table(
    levels: Sequence[Degradation],
    probabilities: np.ndarray,
    unknown: np.ndarray | None,
    targets: np.ndarray,
    groups: Sequence[str],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy at every level, with 95 % intervals.

    Parameters
    ----------
    levels : sequence of Degradation
        The first one is none.
    probabilities : (n, levels, classes) array
        Of every image at every level.
    unknown : (n, levels) bool array, optional
        Whether an image is out of distribution.
    targets : (n,) int array
        True classes.
    groups : sequence of str
        Group of each image; the bootstrap draws the same groups at every level.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``degradation``, ``level``, ``unit``, ``accuracy`` with ``low`` and ``high``, mean
        ``probability`` of the predicted class, and ``unknown`` (fraction of the images).
    """
    import pandas as pd

    rows = []
    for k, what in enumerate(levels):
        chances = probabilities[:, k]
        value, low, high = share(chances.argmax(axis=1) == targets, groups, seed=seed)
        rows.append(
            {
                "degradation": what.kind, "level": what.level, "unit": what.measure,
                "accuracy": value, "low": low, "high": high,
                "probability": float(chances.max(axis=1).mean()),
                "unknown": np.nan if unknown is None else float(unknown[:, k].mean()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
