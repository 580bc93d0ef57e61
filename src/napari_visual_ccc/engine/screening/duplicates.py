"""Near-duplicates among small pictures of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...core.progress import Progress, Steps

# side of the pictures
SIDE = 96

# largest difference of two hashes of 64 bits: 92 % or more of copies that are cropped by a few
# pixels or noisy differ by less, tiles of the samples by more; some crops of NanoShapes differ by
# less too, so the images are compared as well
_MAX_BITS = 12

# of thumbnails of 96 px: largest shift of a copy, and sizes that it may be cropped to
_SHIFT, _SCALES = 4, (1.0, 0.97, 0.94)

# correlation of near-duplicates: 13 of 300,000 pairs of NanoShapes crops reach it, most of them
# the same particle in two files, and 75 to 100 % of copies cropped by 1 to 2 of 64 pixels
_MIN_CORRELATION = 0.97

# copies may be mirrored and turned: quarter turns of the image and of its mirror image, the image
# as it is first
_VIEWS = tuple((mirrored, turns) for mirrored in (False, True) for turns in range(4))


def hashes(pictures: np.ndarray) -> np.ndarray:
    """Perceptual hashes: signs of 64 low cosine frequencies, (n, h, w) uint8 → (n, 64) bool."""
    from scipy.fft import dctn

    small = pictures[:, ::3, ::3].astype(np.float32)
    low = dctn(small, axes=(1, 2), norm="ortho")[:, :9, :9].reshape(len(pictures), -1)[:, 1:65]
    return low > np.median(low, axis=1, keepdims=True)


def near_duplicates(
    pictures: np.ndarray,
    features: np.ndarray | None = None,
    least: float = 1.0,
    *,
    matters: Callable[[int, int], bool] = lambda *_: True,
    compared: int = 0,
) -> Steps[list[tuple[int, int, float]]]:
    """Find near-duplicates: perceptual hashes agree, and features or grey levels.

    Copies that are mirrored or turned by 90, 180 or 270 degrees are found by their grey levels.

    Parameters
    ----------
    pictures : (n, 96, 96) uint8 array
        From `crops.thumbnail`.
    features : (n, d) array, optional
        Of a network, of length one; without them grey levels alone are compared.
    least : float
        Smallest cosine similarity of the features.
    matters : callable
        Whether a pair of images is asked for; by default all are.
    compared : int
        Largest number of pairs with similar hashes that are compared, in the order of the images;
        0 compares all.

    Returns
    -------
    list of (int, int, float)
        Indices and similarity, the most similar first.
    """
    pairs: dict[tuple[int, int], float] = {}
    candidates = (one for one in _candidates(pictures) if matters(*one[:2]))
    for number, (i, j, view, done) in enumerate(candidates):
        if compared and number >= compared:
            break
        if number % 50 == 0:
            yield Progress(done, len(_VIEWS) * len(pictures), "comparing")
        if (i, j) in pairs:
            continue
        as_it_is = features is not None and view == _VIEWS[0]
        similar = float(features[i] @ features[j]) if as_it_is else 0.0  # type: ignore[index]
        known = as_it_is and similar >= least
        grey = 0.0 if known else _correlation(pictures[i], _turned(pictures[j], view))
        if known or grey >= _MIN_CORRELATION:
            pairs[i, j] = round(min(max(similar, grey), 1.0), 4)
    return sorted(((i, j, one) for (i, j), one in pairs.items()), key=lambda pair: -pair[2])


def _turned(pictures: np.ndarray, view: tuple[bool, int]) -> np.ndarray:
    mirrored, turns = view
    return np.ascontiguousarray(
        np.rot90(pictures[..., ::-1] if mirrored else pictures, turns, axes=(-2, -1))
    )


def _candidates(pictures: np.ndarray) -> Iterator[tuple[int, int, tuple[bool, int], int]]:
    """Pairs with similar hashes, in blocks: all pairs need too much memory."""
    signs = hashes(pictures).astype(np.float32) * 2 - 1
    done = 0
    for view in _VIEWS:
        others = hashes(_turned(pictures, view)).astype(np.float32) * 2 - 1
        for start in range(0, len(signs), 1000):
            apart = (signs.shape[1] - signs[start : start + 1000] @ others[start:].T) / 2
            rows, columns = np.nonzero(apart <= _MAX_BITS)
            for i, j in zip((rows + start).tolist(), (columns + start).tolist(), strict=True):
                if i < j:
                    yield i, j, view, done
            done += len(apart)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Highest correlation of two pictures over small shifts and crops of either of them."""
    import cv2

    best = -1.0
    for first, second in ((one, other), (other, one)):
        for scale in _SCALES:
            side = round(len(first) * scale)
            edge = (len(first) - side) // 2
            part = first[edge : edge + side, edge : edge + side]
            part = cv2.resize(part, first.shape[::-1], interpolation=cv2.INTER_LINEAR)
            middle = part[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
            if middle.std() == 0 or second.std() == 0:
                continue
            best = max(best, float(cv2.matchTemplate(second, middle, cv2.TM_CCOEFF_NORMED).max()))
    return best
