"""How well info bars are found: ``python -m benchmarks.info_bars DATA [tune] [COUNT]``.

DATA is the folder of development micrographs. Bars of many layouts are drawn on one half of its
images, which the detector was not trained on, and spoilt as figures are; pictures without a bar
that look as if they had one are spoilt as well. ``tune`` takes the other half. Prints tables.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.bar_layouts import LAYOUTS, Barred, drawn
from benchmarks.bar_styles import STYLES, with_bar
from benchmarks.bar_styles import spoilt as spoilt_style
from benchmarks.degrade import degraded, soft, spoilt
from benchmarks.hard_negatives import KINDS as HARD
from benchmarks.more_layouts import HELD_BACK, more_bars
from benchmarks.no_bars import KINDS as PLAIN
from benchmarks.no_bars import in_a_row
from benchmarks.pens import families
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.engine.acquisition.bar_detector import find_info_bar

# pattern, and what ends the name of the original: its copies and neighbours stay in one half
SOURCES = {
    "powder": ("ampis_powder/images/*.png", "_tile"),
    "nanocomposite": ("nanocomposite/images/*", "."),
    "coating": ("segmentation/ebc*/*/images/*.png", "."),
    "superalloy": ("segmentation/super*/*/images/*.png", "_"),
    "nanoparticles": ("nanoshapes/images/*/*.png", "_"),
}
WITHIN, COUNT = 2, 600


def image_paths(data: Path, tune: bool) -> list[Path]:
    """Files of one half of the micrographs, each once."""
    found: dict[tuple[str, str], Path] = {}
    for kind, (pattern, end) in SOURCES.items():
        for path in sorted(data.glob(pattern)):
            original = path.stem.split(end)[0]
            if (zlib.crc32(f"{kind} {original}".encode()) % 2 == 0) == tune:
                found.setdefault((kind, path.stem), path)
    return list(found.values())


def images(data: Path, tune: bool) -> dict[Path, np.ndarray]:
    """One half of the micrographs."""
    return {path: grey(path) for path in image_paths(data, tune)}


def grey(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("L"))


def mosaic(image: np.ndarray) -> bool:
    """Whether an image was put together of several: straight edges through its middle."""
    for one in (image, image.T):
        steps = np.median(np.abs(np.diff(one.astype(float), axis=0)), axis=1)
        inner = steps[len(steps) // 4 : -len(steps) // 4]
        if inner.max() > 6 * np.median(steps) + 4:
            return True
    return False


def error(found: InfoBar, true: InfoBar) -> int:
    """Rows (or columns) by which the worst border is wrong."""
    return max(
        abs(getattr(found, b) - getattr(true, b)) for b in ("top", "bottom", "left", "right")
    )


def backgrounds(data: Path, tune: bool) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """One half of the micrographs, and those of them that are one picture."""
    every = [image[:1024, :1200] for image in images(data, tune).values()]
    return every, [image for image in every if not mosaic(image)]


def bars(whole: list[np.ndarray], count: int, rng: np.random.Generator) -> Iterator[Barred]:
    """Bars of all layouts and letters in turn, spoilt."""
    for k in range(count):
        image = whole[rng.integers(len(whole))]
        if rng.random() < 0.3:
            side = int(rng.uniform(0.4, 1) * min(image.shape))
            y, x = (int(rng.integers(0, n - side + 1)) for n in image.shape)
            image = image[y : y + side, x : x + side]
        if k % 3 == 2:
            yield _styled(image, list(STYLES)[k // 3 % len(STYLES)], rng)
            continue
        layout = list(LAYOUTS)[k % len(LAYOUTS)]
        yield spoilt(drawn(image, layout, str(rng.choice(families())), rng), rng)


def far_inside(whole: list[np.ndarray], count: int, rng: np.random.Generator) -> Iterator[Barred]:
    """Opaque bars with a fifth to a third of the height beneath them, spoilt."""
    layouts = [layout for layout in LAYOUTS if layout not in ("translucent", "grey")]
    for k in range(count):
        image = whole[rng.integers(len(whole))]
        layout, family = layouts[k % len(layouts)], str(rng.choice(families()))
        yield spoilt(drawn(image, layout, family, rng, far=rng.uniform(0.2, 0.35)), rng)


def figures(whole: list[np.ndarray], count: int, rng: np.random.Generator) -> Iterator[Barred]:
    """Opaque bars in Latin letters on large micrographs, as soft as in articles."""
    large = [image for image in whole if len(image) >= 900]
    layouts = [layout for layout in LAYOUTS if layout != "translucent"]
    for k in range(count):
        family = str(rng.choice(["sans", "default", "typewriter", "strokes"]))
        image = large[rng.integers(len(large))]
        yield soft(drawn(image, layouts[k % len(layouts)], family, rng), rng)


def _styled(image: np.ndarray, style: str, rng: np.random.Generator) -> Barred:
    """A bar of the first ten styles, of which some are side panels or 16 bit."""
    made = with_bar(image, style, rng)
    if rng.random() < 0.7:
        made = spoilt_style(made, rng)
    border, height = next((b, n) for b, n in made.bar.pixels.items() if n)
    return Barred(made.image, border, height, 0, style, "default")


def without(
    every: list[np.ndarray], count: int, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Pictures of all kinds without a bar in turn, spoilt."""
    kinds = {**PLAIN, **HARD}
    for k in range(count):
        kind = list(kinds)[k % len(kinds)]
        yield kind, degraded(kinds[kind](every[rng.integers(len(every))], rng), rng)


def rows_of_particles(
    every: list[np.ndarray], count: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Layers along a border with particles in rows, two thirds of them spoilt.

    Apart from `without`, whose pictures stay those that the other weights were chosen on.
    """
    for k in range(count):
        image = in_a_row(every[rng.integers(len(every))], rng)
        yield image if k % 3 == 0 else degraded(image, rng)


def main(data: Path, tune: bool, count: int) -> None:
    rng = np.random.default_rng(3 + tune)
    every, whole = backgrounds(data, tune)
    print(f"{len(every)} micrographs, {len(whole)} of them for drawing bars on\n")
    seconds: list[float] = []
    table: dict[str, list[str]] = defaultdict(list)
    for made in bars(whole, count, rng):
        table[made.layout].append(_outcome(made, _timed(made.image, seconds)))
    for made in figures(whole, count // 4, rng):
        kind = "soft figures, specimen beneath" if made.beneath else "soft figures"
        table[kind].append(_outcome(made, _timed(made.image, seconds)))
    print("| bar | drawn | within 2 rows | wrong edge | proposed | missed |")
    print("|---|---:|---:|---:|---:|---:|")
    table["all"] = [one for found in table.values() for one in found]
    # a generator of its own: the other pictures stay those of the numbers that are known
    for made in far_inside(whole, count // 4, np.random.default_rng(13 + tune)):
        table["much beneath"].append(_outcome(made, _timed(made.image, seconds)))
    for made in more_bars(whole, HELD_BACK, count // 2, np.random.default_rng(23 + tune)):
        table[f"{made.layout} (never trained on)"].append(
            _outcome(made, _timed(made.image, seconds))
        )
    for name, found in table.items():
        counts = " | ".join(str(found.count(k)) for k in ("right", "wrong", "proposed", "missed"))
        print(f"| {name} | {len(found)} | {counts} |", flush=True)
    lost: dict[str, list[InfoBar]] = defaultdict(list)
    for kind, image in without(every, count, rng):
        lost[kind].append(_timed(image, seconds))
    for image in rows_of_particles(every, count // 4, rng):
        lost["particles in a row"].append(_timed(image, seconds))
    lost["all"] = [one for found in lost.values() for one in found]
    print("\n| without a bar | images | rows lost | proposed |\n|---|---:|---:|---:|")
    for kind, every_bar in lost.items():
        doubtful = sum(bool(bar.doubtful) for bar in every_bar)
        print(f"| {kind} | {len(every_bar)} | {sum(map(bool, every_bar))} | {doubtful} |")
    print(f"\n{1e3 * np.median(seconds):.0f} ms of processor for 1024²")


def _timed(image: np.ndarray, seconds: list[float]) -> InfoBar:
    start = time.process_time()
    found = find_info_bar(image)
    seconds.append((time.process_time() - start) / image.size * 2**20)
    return found


def _outcome(made: Barred, found: InfoBar) -> str:
    true = InfoBar(**{made.border: made.taken})
    if found:
        return "right" if error(found, true) <= WITHIN else "wrong"
    close = found.doubtful and error(found.doubtful, true) <= WITHIN
    return "proposed" if close else "missed"


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[2:] if one.isdigit()]
    main(Path(sys.argv[1]), "tune" in sys.argv[2:], numbers[0] if numbers else COUNT)
