"""Draw particles with their truth, as transmission and scanning micrographs show them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

KINDS = ("sphere", "rod", "cube", "irregular", "aggregate", "core-shell", "porous", "packed")

# side of the drawn micrographs
SIDE = 512

# particles are placed at random until so many attempts have failed
_ATTEMPTS = 400


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a micrograph of particles.

    Returns
    -------
    image : (512, 512) uint8 array
    truth : (512, 512) int32 array
        One label a particle.
    """
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    truth, depth = _place(kind, rng)
    body = _body(kind, truth, depth, rng)
    image = _film(rng) + rng.choice([-1, 1]) * rng.uniform(0.15, 0.45) * body
    image = gaussian_filter(image, rng.uniform(0.4, 1.6))
    image = image + rng.normal(0, rng.choice([0.01, 0.02, 0.04, 0.07]), image.shape)
    low, high = np.percentile(image, (0.2, 99.8))
    return np.uint8(np.clip((image - low) / (high - low), 0, 1) * 255), truth


def _place(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the particles, and their depth from 0 at the rim to 1."""
    truth = np.zeros((SIDE, SIDE), np.int32)
    depth = np.zeros((SIDE, SIDE))
    radius = float(np.exp(rng.uniform(np.log(8), np.log(70))))
    spread = rng.choice([0.03, 0.1, 0.3])
    wanted = rng.choice([0.03, 0.08, 0.15, 0.3, 0.45, 0.6])
    if kind == "packed":
        radius = float(np.exp(rng.uniform(np.log(10), np.log(50))))
        places = _lattice(radius, rng)
        spread = min(spread, 0.1)
    elif kind == "aggregate":
        radius = min(radius, 25.0)
        places = _chains(radius, wanted, rng)
    else:
        places = rng.uniform(-0.05, 1.05, (5000, 2)) * SIDE
    label = 0
    touching = kind in ("packed", "aggregate")
    for tried, (y, x) in enumerate(places):
        size = radius * np.exp(rng.normal(0, spread))
        stamp = SHAPES.get(kind, _disc)(size, rng)
        label += _stamp(truth, depth, stamp, (int(y), int(x)), label + 1, 0.35 if touching else 0.0)
        covered = (truth > 0).mean()
        if (covered >= wanted and kind != "packed") or tried > _ATTEMPTS + 3 * label:
            break
    return truth, depth


def _lattice(radius: float, rng: np.random.Generator) -> np.ndarray:
    step = radius * rng.uniform(2.0, 2.25)
    rows = np.arange(-1, SIDE / (step * 0.866) + 2)
    places = [
        (row * step * 0.866, (column + (row % 2) / 2) * step)
        for row in rows
        for column in np.arange(-1, SIDE / step + 2)
    ]
    places = np.array(places) + rng.normal(0, 0.04 * step, (len(places), 2))
    return rng.permutation(places[rng.random(len(places)) > rng.choice([0.0, 0.1, 0.3])])


def _chains(radius: float, wanted: float, rng: np.random.Generator) -> np.ndarray:
    places: list[np.ndarray] = []
    clusters = max(1, int(wanted * SIDE**2 / (np.pi * radius**2) / 12))
    for _ in range(clusters):
        members = [rng.uniform(0, SIDE, 2)]
        for _ in range(int(rng.integers(4, 24))):
            angle = rng.uniform(0, 2 * np.pi)
            step = 1.85 * radius * np.array([np.sin(angle), np.cos(angle)])
            members.append(members[rng.integers(len(members))] + step)
        places += members
    return np.array(places)


def _grid(size: float) -> tuple[np.ndarray, np.ndarray]:
    half = int(3 * size) + 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    return y, x


def _disc(size: float, rng: np.random.Generator) -> np.ndarray:
    y, x = _grid(size)
    return np.sqrt(np.clip(1 - (y**2 + x**2) / size**2, 0, None))


def _turned(size: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y, x = _grid(size)
    angle = rng.uniform(0, np.pi)
    return y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)


def _rod(size: float, rng: np.random.Generator) -> np.ndarray:
    y, x = _turned(size, rng)
    length, width = size * rng.uniform(1.2, 2.5), size * rng.uniform(0.35, 0.6)
    beyond = np.clip(np.abs(y) - length + width, 0, None)
    return np.sqrt(np.clip(1 - (beyond**2 + x**2) / width**2, 0, None))


def _cube(size: float, rng: np.random.Generator) -> np.ndarray:
    y, x = _turned(size, rng)
    rim = np.maximum(np.abs(y), np.abs(x)) + 0.1 * (np.abs(y) + np.abs(x))
    return (rim < size) * (0.8 + 0.2 * np.clip(1 - rim / size, 0, 1))


def _irregular(size: float, rng: np.random.Generator) -> np.ndarray:
    y, x = _grid(size)
    angle = np.arctan2(y, x)
    rim = sum(
        rng.normal(0, 0.22 / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
        for order in range(2, 7)
    )
    edge = size * np.clip(1 + rim, 0.4, 1.8)
    return np.clip(1 - (np.hypot(y, x) / edge) ** 2, 0, None) ** 0.4


SHAPES: dict[str, Callable[[float, np.random.Generator], np.ndarray]] = {
    "rod": _rod,
    "cube": _cube,
    "irregular": _irregular,
}


def _stamp(
    truth: np.ndarray,
    depth: np.ndarray,
    stamp: np.ndarray,
    place: tuple[int, int],
    label: int,
    overlap: float,
) -> bool:
    half = stamp.shape[0] // 2
    low = [max(p - half, 0) for p in place]
    high = [min(p + half + 1, SIDE) for p in place]
    if low[0] >= high[0] or low[1] >= high[1]:
        return False
    there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    corner = [p - half for p in place]
    own = stamp[low[0] - corner[0] : high[0] - corner[0], low[1] - corner[1] : high[1] - corner[1]]
    inside = own > 0
    if inside.sum() < 12 or (truth[there][inside] > 0).mean() > overlap:
        return False
    new = inside & (truth[there] == 0)
    truth[there][new] = label
    depth[there][inside] = np.maximum(depth[there][inside], own[inside])
    return True


def _body(kind: str, truth: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Signal of the particles: thickness, or a surface with bright rims."""
    each = 1 + rng.normal(0, rng.choice([0.05, 0.2]), truth.max() + 1)
    inside = truth > 0
    look = rng.choice(["thick", "flat", "rim"])
    if look == "thick":
        signal = 0.35 + 0.65 * depth
    elif look == "flat":
        signal = np.ones_like(depth)
    else:
        signal = 0.65 + 0.5 * np.exp(-depth * 4)
    if kind == "core-shell":
        signal = np.where(depth > rng.uniform(0.6, 0.85), 1.0, rng.uniform(0.3, 0.5))
    if kind == "porous":
        pores = gaussian_filter(rng.normal(size=truth.shape), rng.uniform(1.2, 2.5))
        signal = signal * (1 + rng.uniform(0.2, 0.6) * np.clip(pores / pores.std(), -2, 1))
    elif rng.random() < 0.3:
        grain = gaussian_filter(rng.normal(size=truth.shape), rng.uniform(1, 4))
        signal = signal * (1 + 0.15 * grain / grain.std())
    return signal * inside * np.clip(each, 0.4, None)[truth]


def _film(rng: np.random.Generator) -> np.ndarray:
    """Support film: grain, a slope, a vignette, patches of another thickness."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    film = np.full((SIDE, SIDE), 0.5)
    if rng.random() < 0.35:
        angle = rng.uniform(0, 2 * np.pi)
        film += rng.uniform(0.05, 0.2) * (np.sin(angle) * y + np.cos(angle) * x)
    if rng.random() < 0.25:
        film -= rng.uniform(0.05, 0.3) * (x**2 + y**2)
    if rng.random() < 0.25:
        patches = zoom(rng.normal(size=(5, 5)), SIDE / 5, order=3)
        film += rng.uniform(0.02, 0.08) * patches
    if rng.random() < 0.5:
        grain = gaussian_filter(rng.normal(size=film.shape), rng.uniform(0.8, 3))
        film += rng.uniform(0.01, 0.03) * grain / grain.std()
    return film
