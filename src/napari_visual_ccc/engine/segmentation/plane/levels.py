"""Grey levels that part particles from background where one threshold of Otsu does not."""

from __future__ import annotations

import numpy as np

from .foreground import deviation, distances, opened, otsu, typical_radius

# multiples of the background's spread: what stands out, least threshold
_FAR, _LOWEST = 4.0, 2.4

# few particles: share of the grey levels within 3 times the spread, and share of the variance that
# lies between Otsu's classes (0.64 for a Gaussian)
_ALIKE, _SEPARATE = 0.93, 0.68

# least area of shells by that of the particles
_SHELL = 0.1


def standardised(grey: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Grey levels as multiples of the spread about the background, if that prevails."""
    middle = float(np.median(grey[known]))
    return (grey - middle) / max(deviation(grey[known]), 1e-6)


def rare(standard: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Places far above the background and larger than noise."""
    return opened((standard > _FAR) & known, 1.5)


def tails(grey: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Contrast and area of what is far brighter, and far darker, than most of the image."""
    found = []
    for standard in (standardised(grey, known), standardised(-grey, known)):
        height = np.clip(standard[rare(standard, known)] - _FAR + 1, 0, 30)
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
    standard = standardised(grey, known)
    alike = float((np.abs(standard[known]) < 3).mean())
    if alike < _ALIKE or between > _SEPARATE * float(values.var()):
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
    spread = deviation(grey[far])
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
