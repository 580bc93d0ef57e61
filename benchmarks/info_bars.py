"""How well info bars are found: ``python -m benchmarks.info_bars DATA [tune]``.

DATA is the folder of development micrographs. Bars of ten styles are drawn on one half of its
images, which the detector was not adjusted on; ``tune`` takes the other half. Prints tables.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.bar_styles import STYLES, spoilt, with_bar
from benchmarks.no_bars import KINDS
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
BARS, NONE = 60, 40
WITHIN = 2


def images(data: Path, tune: bool) -> dict[Path, np.ndarray]:
    """One half of the micrographs, each once."""
    found: dict[tuple[str, str], Path] = {}
    for kind, (pattern, end) in SOURCES.items():
        for path in sorted(data.glob(pattern)):
            original = path.stem.split(end)[0]
            if (zlib.crc32(f"{kind} {original}".encode()) % 2 == 0) == tune:
                found.setdefault((kind, path.stem), path)
    return {path: grey(path) for path in found.values()}


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


def drawn(whole: list[np.ndarray], style: str, tune: bool) -> Iterator[tuple[np.ndarray, InfoBar]]:
    for k in range(BARS):
        rng = np.random.default_rng((list(STYLES).index(style), k, int(tune)))
        made = with_bar(whole[int(rng.integers(len(whole)))], style, rng)
        made = spoilt(made, rng)
        yield made.image, made.bar


def without(every: list[np.ndarray], kind: str, tune: bool) -> Iterator[np.ndarray]:
    for k in range(len(every) if kind == "as they are" else NONE):
        rng = np.random.default_rng((100 + list(KINDS).index(kind), k, int(tune)))
        yield KINDS[kind](
            every[k] if kind == "as they are" else every[rng.integers(len(every))], rng
        )


def main(data: Path, tune: bool) -> None:
    every = list(images(data, tune).values())
    whole = [image for image in every if not mosaic(image)]
    print(f"{len(every)} micrographs, {len(whole)} of them for drawing bars on\n")
    print("| style | bars | detected | within 2 rows | largest error |\n|---|---:|---:|---:|---:|")
    right = wrong = total = 0
    seconds = []
    for style in STYLES:
        errors = []
        for image, true in drawn(whole, style, tune):
            start = time.process_time()
            found = find_info_bar(image)
            seconds.append((time.process_time() - start) / image.size * 2**20)
            total += 1
            if found:
                errors.append(error(found, true))
        good = sum(e <= WITHIN for e in errors)
        right, wrong = right + good, wrong + len(errors) - good
        worst = max(errors, default=0)
        print(f"| {style} | {BARS} | {len(errors)} | {good} | {worst} |", flush=True)
    print("\n| without a bar | images | rows lost |\n|---|---:|---:|")
    for kind in KINDS:
        lost = [bool(find_info_bar(image)) for image in without(every, kind, tune)]
        wrong += sum(lost)
        print(f"| {kind} | {len(lost)} | {sum(lost)} |", flush=True)
    print(f"\nprecision {right / (right + wrong):.3f}, recall {right / total:.3f}")
    print(f"{1e3 * np.median(seconds):.0f} ms of processor for 1024²")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "tune" in sys.argv[2:])
