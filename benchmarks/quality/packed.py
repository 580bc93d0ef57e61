"""A third set of figures: packed particles, which cover 55 to 92 % of an image, and dark boxes.

The side of such images is hard: particles fill the border, and gaps are fewer and rarer than they.
Figures of `half` 0 were used to choose evidence and weights, those of half 1 were not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.spatial import cKDTree

from .figures import figure
from .particles import METHODS, Case, Method, judged, summary
from .unseen import spoilt

SIDE = 512
KINDS = ("spheres", "cubes", "grains", "plates", "pebbles", "rods", "boxed")
DRAWN = 112

Labels = np.ndarray


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw packed particles as grey levels 0 to 1 with their labels; every seventh a dark box."""
    rng = np.random.default_rng(300_000 + seed)
    kind = KINDS[seed % len(KINDS)]
    radius = float(np.exp(rng.uniform(np.log(9), np.log(48))))
    truth = PLACE[kind](radius, rng)
    if kind != "boxed" and rng.random() < 0.5:
        truth = _with_gaps(truth, radius, rng)
    grey = _lit(truth, rng)
    if kind == "boxed" or rng.random() < 0.12:
        height, width = (int(SIDE * n) for n in rng.uniform(0.08, 0.3, 2))
        top, left = (int(rng.uniform(0, SIDE - n)) for n in (height, width))
        inside = np.s_[top : top + height, left : left + width]
        grey[inside], truth[inside] = (0.0 if rng.random() < 0.7 else 1.0), 0
    return grey, truth


def _spheres(radius: float, rng: np.random.Generator) -> Labels:
    """Spheres of several sizes that lie on each other; the deepest are hidden in part."""
    truth = np.zeros((SIDE, SIDE), np.int32)
    y, x = np.mgrid[:SIDE, :SIDE]
    wanted, spread = rng.uniform(0.65, 0.9), rng.uniform(0.05, 0.4)
    for number in range(1, 3000):
        size = radius * np.exp(rng.normal(0, spread))
        place = rng.uniform(-0.02, 1.02, 2) * SIDE
        top, left = (np.clip(place - size, 0, SIDE)).astype(int)
        low, right = (np.clip(place + size + 1, 0, SIDE)).astype(int)
        inside = np.s_[top:low, left:right]
        disc = (y[inside] - place[0]) ** 2 + (x[inside] - place[1]) ** 2 < size**2
        if disc.any() and (truth[inside][disc] > 0).mean() < 0.25:
            truth[inside][disc & (truth[inside] == 0)] = number
        if (truth > 0).mean() > wanted:
            break
    return truth


def _cells(centres: np.ndarray, gap: float, rounded: float) -> Labels:
    """Cells about centres with gaps of a width between them, and corners rounded by a radius."""
    y, x = np.mgrid[:SIDE, :SIDE]
    far, which = cKDTree(centres).query(np.stack([y.ravel(), x.ravel()], 1), k=2)
    (one, other), first = far.T, which[:, 0]
    apart = np.hypot(*(centres[which[:, 1]] - centres[first]).T)
    from_wall = (other**2 - one**2) / (2 * apart)
    body = (from_wall > gap / 2).reshape(SIDE, SIDE)
    labels = np.where(body, first.reshape(SIDE, SIDE) + 1, 0)
    if rounded < 1:
        return labels
    core = ndimage.distance_transform_edt(np.pad(body, 1, mode="edge")) > rounded
    return labels * (ndimage.distance_transform_edt(~core)[1:-1, 1:-1] <= rounded)


def _grains(radius: float, rng: np.random.Generator) -> Labels:
    count = max(int(SIDE**2 / (np.pi * radius**2)), 6)
    centres = rng.uniform(-0.1, 1.1, (round(1.4 * count), 2)) * SIDE
    return _cells(centres, radius * rng.uniform(0.1, 0.3), 0.0)


def _pebbles(radius: float, rng: np.random.Generator) -> Labels:
    centres = _jittered(radius, rng, 0.35)
    return _cells(centres, radius * rng.uniform(0.08, 0.25), radius * rng.uniform(0.3, 0.7))


def _plates(radius: float, rng: np.random.Generator) -> Labels:
    return _cells(_jittered(radius, rng, 0.08), radius * rng.uniform(0.1, 0.3), 0.0)


def _jittered(radius: float, rng: np.random.Generator, jitter: float) -> np.ndarray:
    step = 2 * radius
    rows, columns = np.mgrid[-1 : SIDE / (0.866 * step) + 2, -1 : SIDE / step + 2]
    places = np.stack([rows * 0.866 * step, (columns + rows % 2 / 2) * step], -1).reshape(-1, 2)
    return places + rng.normal(0, jitter * radius, places.shape)


def _cubes(radius: float, rng: np.random.Generator) -> Labels:
    """Squares in rows, turned a little each."""
    return _blocks(radius, radius, rng)


def _rods(radius: float, rng: np.random.Generator) -> Labels:
    return _blocks(radius * rng.uniform(1.5, 3), 0.5 * radius, rng)


def _blocks(long: float, wide: float, rng: np.random.Generator) -> Labels:
    truth = np.zeros((SIDE, SIDE), np.int32)
    y, x = np.mgrid[:SIDE, :SIDE]
    turn, gap = rng.uniform(0, np.pi), rng.uniform(1.05, 1.3)
    reach = int(0.8 * SIDE)
    number = 0
    for row, v in enumerate(np.arange(-reach, reach, 2 * wide * gap)):
        for u in np.arange(-reach, reach, 2 * long * gap) + row % 2 * long * rng.uniform(0, 1):
            angle = turn + rng.normal(0, 0.06)
            up, right = np.sin(turn), np.cos(turn)
            cy, cx = SIDE / 2 + u * up + v * right, SIDE / 2 + u * right - v * up
            half = long + wide
            top, left = (int(np.clip(n - half, 0, SIDE)) for n in (cy, cx))
            low, end = (int(np.clip(n + half, 0, SIDE)) for n in (cy, cx))
            inside = np.s_[top:low, left:end]
            dy, dx = y[inside] - cy, x[inside] - cx
            along, across = (
                dx * np.cos(angle) + dy * np.sin(angle),
                dy * np.cos(angle) - dx * np.sin(angle),
            )
            block = (np.abs(along) < long) & (np.abs(across) < wide) & (truth[inside] == 0)
            number += 1
            truth[inside][block] = number
    return truth


def _sparse(radius: float, rng: np.random.Generator) -> Labels:
    """Few discs."""
    truth = np.zeros((SIDE, SIDE), np.int32)
    y, x = np.mgrid[:SIDE, :SIDE]
    for number in range(1, int(rng.uniform(0.02, 0.15) * SIDE**2 / (np.pi * radius**2)) + 3):
        place, size = rng.uniform(0, SIDE, 2), radius * np.exp(rng.normal(0, 0.15))
        truth[(y - place[0]) ** 2 + (x - place[1]) ** 2 < size**2] = number
    return truth


PLACE: dict[str, Callable[[float, np.random.Generator], Labels]] = {
    "spheres": _spheres,
    "cubes": _cubes,
    "grains": _grains,
    "plates": _plates,
    "pebbles": _pebbles,
    "rods": _rods,
    "boxed": _sparse,
}


def _with_gaps(truth: Labels, radius: float, rng: np.random.Generator) -> Labels:
    """Take particles away: single ones, or all of a patch."""
    gone = rng.random(truth.max() + 1) < rng.choice([0.0, 0.05, 0.15])
    truth = np.where(gone[truth], 0, truth)
    if rng.random() < 0.4:
        y, x = rng.uniform(0, SIDE, 2)
        rows, columns = np.mgrid[:SIDE, :SIDE]
        patch = np.hypot(rows - y, columns - x) < rng.uniform(2, 5) * radius
        truth = np.where(np.isin(truth, np.unique(truth[patch])), 0, truth)
    return truth


def _lit(truth: Labels, rng: np.random.Generator) -> np.ndarray:
    """Light particles: flat, as domes or with bright rims; gaps are darkest in their middle."""
    inside = truth > 0
    walls = (ndimage.grey_dilation(truth, (3, 3)) != ndimage.grey_erosion(truth, (3, 3))) & inside
    depth = ndimage.distance_transform_edt(inside & ~walls)
    half = max(float(np.percentile(depth[inside], 95)), 1.0)
    each = np.clip(1 + rng.normal(0, rng.choice([0.04, 0.15, 0.25]), truth.max() + 1), 0.4, 1.8)
    look = rng.choice(["flat", "dome", "rim"])
    body = np.ones(truth.shape)
    if look == "dome":
        body = 0.35 + 0.65 * np.sqrt(np.clip(depth / half, 0, 1))
    elif look == "rim":
        body = 0.7 + 0.5 * np.exp(-4 * depth / half)
    signal = rng.uniform(0.2, 0.6) * body * each[truth] * inside
    outside = ndimage.distance_transform_edt(~inside)
    signal -= rng.uniform(0, 0.15) * (1 - np.exp(-outside / half)) * ~inside
    grain = ndimage.gaussian_filter(rng.normal(size=truth.shape), rng.uniform(0.8, 3))
    signal += rng.choice([0, 0.01, 0.04]) * grain / grain.std()
    signal = ndimage.gaussian_filter(signal, rng.uniform(0.5, 2))
    return (signal - signal.min()) / np.ptp(signal)


def cases(seeds: range = range(DRAWN), halves: tuple[int, ...] = (0, 1)) -> Iterator[Case]:
    """Figures in turn by the ways of both other sets."""
    for seed in seeds:
        half = seed // len(KINDS) % 2
        if half not in halves:
            continue
        grey, truth = scene(seed)
        if seed // len(KINDS) % 4 < 2:
            image, truth = figure(np.uint8(255 * grey), truth, 7000 + seed)
        else:
            image, truth, ignored = spoilt(grey, truth, 7000 + seed)
            truth = np.where(ignored, -1, truth)
        yield Case(KINDS[seed % len(KINDS)], half, image, truth)


def table(
    methods: dict[str, Method] = METHODS, halves: tuple[int, ...] = (0, 1), step: int = 1
) -> pd.DataFrame:
    """One row a figure and method; what is not counted is taken out of the labels."""
    rows = []
    for number, case in islice(enumerate(cases(halves=halves)), None, None, step):
        image, counted = case.image, case.truth >= 0
        case = case._replace(truth=np.where(counted, case.truth, 0))
        for name, method in methods.items():
            grey = image if image.ndim == 2 or name == "particles" else image.mean(axis=-1)
            found = np.where(counted, method(grey), 0)
            row = {"number": number, "set": case.name, "half": case.half, "method": name}
            rows.append(row | judged(found, case))
    return pd.DataFrame(rows)


def main(data: Path, step: int = 1) -> None:
    """Print the third table of docs/particles.md; all of it is drawn."""
    summary(table(step=step), "half 0: used for tuning", "half 1: not looked at")
