"""Grey levels that part particles from background where one threshold of Otsu does not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..distance import distances
from .foreground import deviation, least_area, opened, otsu, typical_radius
from .parts import forms
from .shading import blurred

# multiples of the background's spread: what stands out, least threshold
_FAR, _LOWEST = 4.0, 2.4

# few particles: share of the grey levels within 3 times the spread, and share of the variance that
# lies between Otsu's classes (0.64 for a Gaussian)
_ALIKE, _SEPARATE = 0.93, 0.68

# nothing stands out of noise: slope at outlines by that elsewhere (1.27 for Gaussian noise), and
# share of the variance between the classes: 0.64, 0.75 for a ramp, less for a few particles;
# columns at the border that are no outline
_SLOPE, _NOISE, _RIM = 1.8, (0.595, 0.78), 2

# kurtosis of the first and second differences of noise after a blur: 3 for Gaussian noise, 2.6 to
# 4.5 and 2.8 to 7.7 in measured images. Like particles side by side have less, thin sharp gaps more
_FIRST, _SECOND = (2.5, 5.0), (2.7, 8.2)

# pixels beside the border and beside lettering that do not count for these
_APART = 6

# fewer parts are no class of particles
_SEVERAL = 3

# classes of fewer pixels are not divided
_PIXELS = 100

# least area of shells by that of the particles
_SHELL = 0.1

# fainter particles: least area by that of the others, multiples of the background's noise, least
# roundness, and least sharpness by that of the others
_FEW, _CLEAR, _ROUND, _SHARP = 0.02, 5.5, 0.88, 0.5


class Clarity(NamedTuple):
    """How far two classes stand out of noise: `slope` at outlines and `between` classes.

    `first` and `second` are the kurtosis of the differences of these orders.
    """

    slope: float
    between: float
    first: float
    second: float

    @property
    def noise(self) -> bool:
        """Whether the image may be noise alone."""
        within = (self.between, _NOISE), (self.first, _FIRST), (self.second, _SECOND)
        return self.slope < _SLOPE and all(low < one < high for one, (low, high) in within)


def clarity(grey: np.ndarray, known: np.ndarray, plain: np.ndarray | None = None) -> Clarity:
    """Compare an image with noise, whatever its smoothness.

    In a stationary Gaussian field grey level and slope at a place are independent: along a contour,
    which is longer where it is steep, the mean slope is 4/pi of the mean slope of the image
    (Adler, The Geometry of Random Fields, 1981), and Otsu's classes hold 2/pi of the variance.
    The outlines of particles are steeper than what they enclose. Of packed particles outlines are
    so many that they hardly are; but differences of a Gaussian field are Gaussian, those of like
    particles side by side, or with thin gaps, are not.

    Parameters
    ----------
    grey : (Y, X) float array
        Blurred, even.
    known : (Y, X) bool array
        Pixels that count.
    plain : (Y, X) float array
        Blurred, with its uneven background, whose surface has edges of its own.
    """
    import cv2

    level = otsu(grey[known])
    mask = grey > level
    even = np.asarray(grey, np.float32)
    slope = np.hypot(cv2.Sobel(even, cv2.CV_32F, 1, 0), cv2.Sobel(even, cv2.CV_32F, 0, 1))
    rim = mask & ~(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & known
    inside = np.zeros_like(rim)
    inside[_RIM:-_RIM, _RIM:-_RIM] = rim[_RIM:-_RIM, _RIM:-_RIM]
    usual = float(slope[known].mean())
    steep = float(slope[inside].mean()) / usual if inside.any() and usual else 0.0
    first, second = _peaked(even if plain is None else plain, known)
    between = _between(grey[known], level)
    return Clarity(*(round(one, 3) for one in (steep, between, first, second)))


def _peaked(grey: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Kurtosis of the first and second differences, away from what is not known."""
    import cv2

    side = 2 * _APART + 1
    counts = np.pad(known, 1).astype(np.uint8)
    within = cv2.erode(counts, np.ones((side, side), np.uint8))[1:-1, 1:-1] > 0
    if not within.any():
        return 3.0, 3.0
    plain = np.asarray(grey, np.float32)
    across, down = cv2.Sobel(plain, cv2.CV_32F, 1, 0), cv2.Sobel(plain, cv2.CV_32F, 0, 1)
    curved = cv2.Laplacian(plain, cv2.CV_32F, ksize=3)
    slopes = np.concatenate([across[within], down[within]])
    return _kurtosis(slopes), _kurtosis(curved[within])


def _kurtosis(values: np.ndarray) -> float:
    """3 for a Gaussian, and for values that are all the same."""
    away = values.astype(np.float64) - float(values.mean(dtype=np.float64))
    square = away**2
    variance = float(np.mean(square))
    return float(np.mean(square**2)) / variance**2 if variance > 0 else 3.0


def _between(values: np.ndarray, level: float) -> float:
    """Share of the variance that lies between the classes of a threshold."""
    bright = values > level
    share, variance = float(bright.mean()), float(values.var())
    if not 0 < share < 1 or not variance:
        return 0.0
    apart = float(values[bright].mean() - values[~bright].mean())
    return share * (1 - share) * apart**2 / variance


def standardised(grey: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Grey levels as multiples of the spread about the background, if that prevails."""
    values = grey[known]
    middle = float(np.median(values))
    return (grey - middle) / max(deviation(values, middle), 1e-6)


def rare(standard: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Places far above the background and larger than noise."""
    return opened((standard > _FAR) & known, 1.5)


def tails(grey: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Contrast and area of what is far brighter, and far darker, than most of the image."""
    found, standard = [], standardised(grey, known)
    for heights in (standard, -standard):
        height = np.clip(heights[rare(heights, known)] - _FAR + 1, 0, 30)
        found.append(float(height.sum()) / max(int(known.sum()), 1))
    return found[0], found[1]


def sparse(grey: np.ndarray, known: np.ndarray, objects: str = "auto") -> np.ndarray | None:
    """Mask of the bright side where particles are too few for Otsu's threshold.

    Then nearly all grey levels are those of the background, Otsu's threshold divides its noise, and
    particles are what stands out. Around them both classes have a like number of pixels again.
    None where there are two classes of grey levels, or nothing stands out.
    """
    values = grey[known]
    between = _between(values, otsu(values))
    standard = standardised(grey, known)
    alike = float((np.abs(standard[known]) < 3).mean())
    if alike < _ALIKE or between > _SEPARATE:
        return None
    above, below = tails(grey, known)
    sign = 1 if objects == "bright" or (objects == "auto" and above >= below) else -1
    seeds = rare(sign * standard, known)
    if not seeds.any():
        return None
    level = local_level(sign * standard, seeds, known)
    if level < _LOWEST:
        return None
    return standard > level if sign > 0 else standard >= -level


def local_level(grey: np.ndarray, mask: np.ndarray, known: np.ndarray) -> float:
    """Otsu's threshold of the surroundings of a mask."""
    reach = max(typical_radius(mask), 3.0)
    return otsu(grey[(distances(~mask) <= reach) & known])


def levels_below(values: np.ndarray) -> list[float]:
    """Otsu's threshold of grey levels below that of particles, and that of those above it.

    The second one parts fainter particles from the dark gaps of a packed layer, which may be a
    class between them and the background.
    """
    level = otsu(values)
    above = values[values > level]
    if len(above) < _PIXELS or np.ptp(above) == 0:
        return [level]
    return [level, otsu(above)]


def lower_level(grey: np.ndarray, mask: np.ndarray, known: np.ndarray) -> tuple[float, int] | None:
    """Lower threshold that takes in shells of bright particles, or fainter particles.

    Shells are a class of grey levels that touches the particles nearly everywhere. Fainter
    particles are round, stand out of what is around them, and have edges as sharp as those of the
    others, which patches of film have not.

    Returns
    -------
    level, which : float and int, or None
        And its place in `levels_below`. None where there are neither.
    """
    outside = known & ~mask
    if not mask.any() or outside.sum() < _PIXELS:
        return None
    for which, level in enumerate(levels_below(grey[outside])):
        found = outside & (grey > level)
        far = outside & ~found
        found = opened(found, max(0.12 * typical_radius(mask), 2.5))
        if found.sum() < _FEW * mask.sum():
            continue
        if _are_shells(grey, mask, found, far) or _are_particles(grey, mask, found, far):
            return level, which
    return None


def _are_shells(grey: np.ndarray, mask: np.ndarray, found: np.ndarray, far: np.ndarray) -> bool:
    base, top = float(np.median(grey[far])), float(np.median(grey[mask]))
    height = float(np.median(grey[found])) - base
    if height <= 4 * deviation(grey[far]) or not 0.2 < height / (top - base) < 0.75:
        return False
    if found.sum() < _SHELL * mask.sum() or _touching(found, mask) <= 0.9:
        return False
    return _sharpness(grey, found, far) > _SHARP * _sharpness(grey, mask, found)


def _are_particles(grey: np.ndarray, mask: np.ndarray, found: np.ndarray, far: np.ndarray) -> bool:
    """Whether parts fainter than the particles of a mask are particles as well."""
    from scipy import ndimage

    numbers, _ = ndimage.label(found)
    labels, area, rounded = forms(numbers)
    large = area > least_area(typical_radius(mask))
    if large.sum() < _SEVERAL:
        return False
    order = np.argsort(rounded[large])
    weight = np.cumsum(area[large][order])
    if rounded[large][order][np.searchsorted(weight, weight[-1] / 2)] < _ROUND:
        return False
    kept = np.isin(numbers, labels[large])
    around = near(kept, 6) & ~near(kept, 2) & far
    if not around.any():
        return False
    # against what is beside: film and the gaps of a layer differ
    height = float(np.median(grey[kept]) - np.median(grey[around]))
    top = float(np.median(grey[mask]) - np.median(grey[far]))
    if height < max(_CLEAR * _noise(grey, far), 0.2 * top):
        return False
    return _sharpness(grey, kept, far) > _SHARP * _sharpness(grey, mask & ~near(kept), far)


def _noise(grey: np.ndarray, far: np.ndarray) -> float:
    """Spread of the background about its own course."""
    course = blurred(np.where(far, grey, 0).astype(np.float32), 8.0)
    course /= np.maximum(blurred(far.astype(np.float32), 8.0), 1e-3)
    return deviation((grey - course)[far])


def _sharpness(grey: np.ndarray, mask: np.ndarray, far: np.ndarray) -> float:
    """Slope across the rim towards the background, as a share of the contrast."""
    from scipy import ndimage

    rim = near(mask) & near(far) & ~mask
    contrast = float(np.median(grey[mask]) - np.median(grey[far])) if mask.any() else 0.0
    if contrast <= 0 or not rim.any():
        return 0.0
    slope = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1)) / 8
    return float(np.median(slope[rim])) / contrast


def near(mask: np.ndarray, reach: float = 3.0) -> np.ndarray:
    """A mask and some pixels around."""
    return np.asarray(distances(~mask) <= reach)


def _touching(shell: np.ndarray, mask: np.ndarray) -> float:
    """Share of a mask whose parts touch another, and of whose rim they are."""
    from scipy import ndimage

    numbers, count = ndimage.label(shell)
    around_mask = near(mask)
    touched = np.zeros(count + 1, bool)
    touched[np.unique(numbers[around_mask])] = True
    touched[0] = False
    rim = around_mask & ~mask
    around = float(near(shell)[rim].mean()) if rim.any() else 0.0
    return min(float(touched[numbers].sum() / shell.sum()), around + 0.15)
