"""Which side of a threshold is particles, their typical size, and their mask without flaws."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ...core.progress import run
from .shading import blurred, enlarged, resized
from .watershed import split_mask

# what counts as a clear difference between both sides, and the weight of it
EVIDENCE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "roundness": (0.1, 3.5),
        "spread of grey levels": (1.0, 1.5),
        "rare grey levels": (1.0, 1.5),
        "size distribution": (0.5, 0.5),
        "separate objects": (2.0, 0.3),
        "border": (0.4, 0.5),
    }
)

# longest side on which both sides are judged, in pixels
_JUDGED = 512

# below this sum the side is doubtful
DOUBTFUL = 1.5

# neck of touching particles, as for the split itself
_SHARE = 0.25

# blur as a share of the typical radius, and by noise over contrast; least, and limits of the most
_BLUR, _NOISE, _LIMITS = 0.06, 3.5, (0.8, 1.5, 4.0)

# multiples of the background's spread: what stands out, least threshold
_FAR, _LOWEST = 4.0, 2.4

# few particles: share of the grey levels within 3 times the spread, and share of the variance that
# lies between Otsu's classes (0.64 for a Gaussian)
_ALIKE, _SEPARATE = 0.93, 0.68

# least area of shells by that of the particles
_SHELL = 0.1

# roundness of a side without whole parts, and its weight by that of all parts
_HOLLOW, _CUT = 0.85, 0.2

# percentiles beyond which grey levels do not widen the bins of a histogram
_OUTLIERS = (0.05, 99.95)

# shares of the typical radius: of an opening, and of the radius of the smallest particle
_OPENED, _LEAST = 0.15, 0.3

# a hole is filled below this share of a typical particle, or if it is as round as a pore
_PORE, _ROUND = 0.02, 0.8


def blur_for(plane: np.ndarray, grey: np.ndarray, mask: np.ndarray, radius: float) -> float:
    """Standard deviation of a blur that narrow gaps survive and noise does not.

    Parameters
    ----------
    plane, grey : (Y, X) float array
        As it is, and blurred and even.
    mask : (Y, X) bool array
        Particles of the first pass.
    radius : float
        Their typical radius in pixels.
    """
    if mask.all() or not mask.any():
        return _LIMITS[0]
    contrast = abs(float(np.median(grey[mask]) - np.median(grey[~mask])))
    noise = _deviation(plane - blurred(plane, 1.0))
    wanted = max(_BLUR * radius, _NOISE * noise / max(contrast, 1e-6))
    return float(np.clip(wanted, _LIMITS[0], np.clip(0.12 * radius, *_LIMITS[1:])))


def otsu(values: np.ndarray) -> float:
    """Otsu's threshold, whatever the outliers.

    Raises
    ------
    ValueError
        If all values are alike.
    """
    from skimage.filters import threshold_otsu

    low, high = np.percentile(values, _OUTLIERS)
    if low == high:
        low, high = values.min(), values.max()
    if low == high:
        raise ValueError("image has 1 grey level: too few to tell particles from background")
    return float(threshold_otsu(np.clip(values, low, high), nbins=512))


def distances(mask: np.ndarray) -> np.ndarray:
    """Distance to the background in pixels; the border of the image is no edge."""
    import cv2

    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found)


def typical_radius(mask: np.ndarray) -> float:
    """Half width of the objects of a mask in pixels: the median by area.

    Every maximum of the distance to the background counts by its square, so that specks, however
    many, do not lower it.
    """
    import cv2

    far = distances(np.pad(mask, 1))[1:-1, 1:-1]
    peaks = (cv2.dilate(far, np.ones((5, 5), np.uint8)) == far) & (far > 0)
    radii = np.sort(far[peaks])
    if not len(radii):
        return 0.0
    weights = np.cumsum(radii.astype(np.float64) ** 2)
    return float(radii[np.searchsorted(weights, weights[-1] / 2)])


def cleaned(mask: np.ndarray, radius: float, least: float = 0.0) -> np.ndarray:
    """Fill pores, open and drop specks.

    Parameters
    ----------
    mask : (Y, X) bool array
    radius : float
        Typical radius of a particle in pixels.
    least : float
        Least area in pixels; 0: a share of a typical particle.
    """
    return without_specks(
        opened(filled(mask, radius), _OPENED * radius), least or least_area(radius)
    )


def least_area(radius: float) -> float:
    """Area in pixels of the smallest particle, given the typical radius."""
    return float(np.pi * (_LEAST * radius) ** 2)


def filled(mask: np.ndarray, radius: float) -> np.ndarray:
    """Fill holes that are pores; gaps between touching particles, which are hollow, stay."""
    from scipy import ndimage
    from skimage.measure import regionprops

    holes, count = ndimage.label(~mask)
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    whole = np.pi * radius**2
    close = sizes < max(_PORE * whole, 4)
    middle = np.flatnonzero(~close & (sizes < whole))
    places = ndimage.find_objects(holes)
    for number in middle:
        if number and places[number - 1] is not None:
            (found,) = regionprops((holes[places[number - 1]] == number).astype(np.uint8))
            close[number] = found.solidity > _ROUND
    close[rim_of(holes)] = False
    close[0] = False
    return mask | close[holes]


def opened(mask: np.ndarray, reach: float) -> np.ndarray:
    """Opening by a disc of a radius in pixels."""
    if reach < 1:
        return mask
    core = distances(np.pad(mask, 1, mode="edge")) > reach
    if not core.any():
        return np.zeros_like(mask)
    return np.asarray((distances(~core) <= reach)[1:-1, 1:-1])


def without_specks(mask: np.ndarray, least: float) -> np.ndarray:
    """Drop objects of less than an area in pixels."""
    from scipy import ndimage

    numbers, _ = ndimage.label(mask)
    keep = np.bincount(numbers.ravel()) >= least
    keep[0] = False
    return np.asarray(keep[numbers])


def rim_of(numbers: np.ndarray) -> np.ndarray:
    """Labels at the border of the image."""
    edges = (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])
    return np.unique(np.concatenate(edges))


def judge_sides(bright: np.ndarray, known: np.ndarray, grey: np.ndarray) -> dict[str, float]:
    """Weigh the evidence that the bright side is particles.

    Parameters
    ----------
    bright : (Y, X) bool array
        Pixels above the threshold.
    known : (Y, X) bool array
        Pixels that count.
    grey : (Y, X) float array
        Blurred image, even.

    Returns
    -------
    dict
        Weighted evidence by name, each positive for bright particles; their sum decides.
    """
    tails = _tails(grey, known)
    scale = min(1.0, _JUDGED / max(grey.shape))
    shape = tuple(max(round(n * scale), 1) for n in grey.shape)
    known, bright = enlarged(known, shape), enlarged(bright, shape)
    grey = resized(grey, scale)
    dark = known & ~bright
    one, other = _forms(bright), _forms(dark)
    found = {name: one[name] - other[name] for name in one}
    edge = known.copy()
    edge[2:-2, 2:-2] = False
    found["border"] = 1 - 2 * float(bright[edge].mean()) if edge.any() else 0.0
    found["spread of grey levels"] = float(
        np.log((_deviation(grey[bright]) + 1e-6) / (_deviation(grey[dark]) + 1e-6))
    )
    found["rare grey levels"] = (tails[0] - tails[1]) / (sum(tails) + 0.05)
    weighed = {}
    for name, (clear, weight) in EVIDENCE.items():
        weighed[name] = weight * float(np.clip(found[name] / clear, -2, 2))
    return weighed


def _standard(grey: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Grey levels as multiples of the spread about the background, if that prevails."""
    middle = float(np.median(grey[known]))
    return (grey - middle) / max(_deviation(grey[known]), 1e-6)


def _rare(standard: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Places far above the background and larger than noise."""
    return opened((standard > _FAR) & known, 1.5)


def _tails(grey: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Contrast and area of what is far brighter, and far darker, than most of the image."""
    found = []
    for standard in (_standard(grey, known), _standard(-grey, known)):
        height = np.clip(standard[_rare(standard, known)] - _FAR + 1, 0, 30)
        found.append(float(height.sum()) / max(int(known.sum()), 1))
    return found[0], found[1]


def sparse(grey: np.ndarray, known: np.ndarray, objects: str = "auto") -> np.ndarray | None:
    """Mask of the bright side where particles are too few for Otsu's threshold.

    Then nearly all grey levels are those of the background, Otsu's threshold divides its noise, and
    particles are what stands out. Around them both classes have a like number of pixels again.
    None where there are two classes of grey levels, or nothing stands out.
    """
    values = grey[known]
    bright = values > otsu(values)
    share = float(bright.mean())
    between = share * (1 - share) * (values[bright].mean() - values[~bright].mean()) ** 2
    standard = _standard(grey, known)
    alike = float((np.abs(standard[known]) < 3).mean())
    if alike < _ALIKE or between > _SEPARATE * float(values.var()):
        return None
    tails = _tails(grey, known)
    sign = 1 if objects == "bright" or (objects == "auto" and tails[0] >= tails[1]) else -1
    seeds = _rare(sign * standard, known)
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


def with_shells(grey: np.ndarray, mask: np.ndarray, known: np.ndarray) -> float | None:
    """Lower threshold that takes in shells of particles that are brighter than the background.

    Shells are a class of grey levels of their own that touches the particles nearly everywhere.
    None where there are no shells.
    """
    outside = known & ~mask
    if not mask.any() or outside.sum() < 100:
        return None
    level = otsu(grey[outside])
    shell = outside & (grey > level)
    far = outside & ~shell
    base, top = float(np.median(grey[far])), float(np.median(grey[mask]))
    spread = _deviation(grey[far])
    shell = opened(shell, max(0.12 * typical_radius(mask), 2.5))
    if shell.sum() < _SHELL * mask.sum():
        return None
    middle = float(np.median(grey[shell]))
    clear = middle - base > 4 * spread and 0.2 < (middle - base) / (top - base) < 0.75
    return level if clear and _touching(shell, mask) > 0.9 else None


def _touching(shell: np.ndarray, mask: np.ndarray) -> float:
    """Share of a mask whose parts touch another, and of whose rim they are."""
    from scipy import ndimage

    numbers, count = ndimage.label(shell)
    near = distances(~mask) <= 3
    touched = np.zeros(count + 1, bool)
    touched[np.unique(numbers[near])] = True
    touched[0] = False
    rim = near & ~mask
    around = float((distances(~shell)[rim] <= 3).mean()) if rim.any() else 0.0
    return min(float(touched[numbers].sum() / shell.sum()), around + 0.15)


def _deviation(values: np.ndarray) -> float:
    """Robust standard deviation: by the median."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def _forms(mask: np.ndarray) -> dict[str, float]:
    """Forms and sizes of the parts of a mask, weighted by area."""
    from scipy import ndimage
    from skimage.measure import regionprops

    clean = cleaned(mask, typical_radius(mask))
    numbers, count = ndimage.label(clean)
    apart = float(np.log1p(count - (rim_of(numbers) > 0).sum()))
    parts = run(split_mask(clean, least=1.0, share=_SHARE))
    every = [part for part in regionprops(parts) if part.area >= 12]
    if not every:
        return {"roundness": _HOLLOW, "size distribution": -1.0, "separate objects": 0.0}
    area = np.array([part.area for part in every])
    # an ellipse of the same moments has the area of a convex particle, not that of a gap; what the
    # border cuts is straight whichever side it is of
    ellipse = [np.pi / 4 * p.axis_major_length * p.axis_minor_length for p in every]
    own = np.where(np.isin([part.label for part in every], rim_of(parts)), 0, area)
    unknown = _CUT * area.sum()
    rounded = float((own * area / np.maximum(ellipse, 1)).sum())
    sizes = float(np.sqrt(np.cov(np.log(area), aweights=area))) if len(area) > 1 else 1.0
    return {
        "roundness": (rounded + _HOLLOW * unknown) / (float(own.sum()) + unknown),
        "size distribution": -sizes,
        "separate objects": apart,
    }
