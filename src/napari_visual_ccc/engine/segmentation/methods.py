"""Methods that find thresholds in a grey histogram; a further method is one line of `METHODS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.breaks import optimal_breaks
from ...arrays.histogram import BINS, GreyHistogram
from ...core.pixel_size import MIN_DIAMETER

# choices of `threshold`, and when a form shows them
_TWO = {"applies": {"classes": (2,)}}
Classes = Annotated[int, {"min": 2, "max": 5, "applies": {"method": ("otsu",)}}]
GreyValue = Annotated[
    float, {"min": -1e9, "max": 1e9, "label": "Grey value", "applies": {"method": ("manual",)}}
]
Side = Annotated[Literal["auto", "border", "bright", "dark"], _TWO]
MinObject = Annotated[float, {**MIN_DIAMETER, **_TWO}]

# bins of methods that need several pixels in each, as scikit-image takes for floats: with one bin
# for each level of 16 bit, the triangle finds 0.1 or 99.8 % of a blurred micrograph bright
_FEW = 256

# histogram, number of classes, grey value of a manual threshold; gives the index of the first
# level of every class but the darkest
Method = Callable[[GreyHistogram, int, float], np.ndarray]


def _otsu(histogram: GreyHistogram, classes: int, _: float) -> np.ndarray:
    return optimal_breaks(histogram.values, histogram.counts, classes)[1:]


def _manual(histogram: GreyHistogram, classes: int, value: float) -> np.ndarray:
    _check_two("manual", classes)
    # a bin of several values may lie on both sides: pixels are compared with the value itself
    return np.searchsorted(histogram.values, [value]).clip(1, len(histogram.values) - 1)


def _above(name: str, level_of: Callable[[GreyHistogram], float]) -> Method:
    """Make a method of a function that gives the grey level above which pixels are bright."""

    def starts(histogram: GreyHistogram, classes: int, _: float) -> np.ndarray:
        _check_two(name, classes)
        try:
            level = level_of(histogram)
        except (IndexError, RuntimeError) as error:
            raise ValueError(
                f"{name} finds no threshold ({error}); choose another or a larger sigma"
            ) from error
        return np.searchsorted(histogram.values, [level], side="right")

    return starts


def _check_two(name: str, classes: int) -> None:
    if classes > 2:
        raise ValueError(f"{name} gives 2 classes, not {classes}; choose otsu")


def _skimage(name: str, bins: int = BINS) -> Method:
    """Make a method of ``skimage.filters.threshold_<name>``, on even bins."""

    def level_of(histogram: GreyHistogram) -> float:
        from skimage import filters

        function: Any = getattr(filters, f"threshold_{name}")
        # logarithms of empty tails
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return float(function(hist=histogram.even(bins)))

    return _above(name, level_of)


def _li(histogram: GreyHistogram) -> float:
    """Minimum cross entropy, as `skimage.filters.threshold_li`, which takes no histogram.

    Source: Li & Tam, Pattern Recognit. Lett. 19 (1998) 771.
    """
    lowest, counts = histogram.values[0], histogram.counts
    grey = histogram.values - lowest
    tolerance = np.diff(grey).min() / 2
    level, last = np.average(grey, weights=counts), -np.inf
    while abs(level - last) > tolerance:
        last, bright = level, grey > level
        dark_mean = np.average(grey[~bright], weights=counts[~bright])
        if dark_mean == 0:
            # its logarithm does not exist
            break
        bright_mean = np.average(grey[bright], weights=counts[bright])
        level = (dark_mean - bright_mean) / np.log(dark_mean / bright_mean)
    return float(level + lowest)


def _triangle(histogram: GreyHistogram) -> float:
    """Level farthest from the line between the peak and the end of the longer tail.

    As `skimage.filters.threshold_triangle`, which takes no histogram. Source: Zack, Rogers & Latt,
    J. Histochem. Cytochem. 25 (1977) 741.
    """
    counts, centres = histogram.even(_FEW)
    peak, last = int(np.argmax(counts)), len(counts) - 1
    width = max(peak, last - peak)
    if peak < last - peak:
        counts, centres = counts[::-1], centres[::-1]
    # not normalised: only the position of the largest distance counts
    distance = counts.max() * np.arange(width) - width * counts[:width]
    return float(centres[int(np.argmax(distance))])


METHODS: dict[str, Method] = {
    "otsu": _otsu,
    "yen": _skimage("yen", _FEW),
    "isodata": _skimage("isodata"),
    "li": _above("li", _li),
    "triangle": _above("triangle", _triangle),
    "minimum": _skimage("minimum", _FEW),
    "manual": _manual,
}
