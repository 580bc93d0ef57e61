"""A second, independent set of figures: other particles, fonts, arrows, insets, panels, colours.

Nothing of `particles` was chosen on it before it was measured for the first time; half 0 was looked
at afterwards, half 1 was not.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, zoom
from skimage.draw import ellipse, polygon

from .particles import METHODS, Case, Method, judged, micrographs, summary

SIDE = 640
KINDS = ("bimodal", "hollow", "facets", "needles", "grains", "relief", "holes", "lognormal")
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cmr10")
COLOURS = ((255, 255, 0), (255, 0, 0), (255, 255, 255), (0, 0, 0), (0, 200, 255))


class Figure(NamedTuple):
    """A figure; what `ignored` covers (insets, gaps of panels) is not counted."""

    image: np.ndarray
    truth: np.ndarray
    ignored: np.ndarray


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw particles as grey levels 0 to 1 with their labels."""
    rng = np.random.default_rng(90_000 + seed)
    kind = KINDS[seed % len(KINDS)]
    radius = float(np.exp(rng.uniform(np.log(9), np.log(60))))
    truth = np.zeros((SIDE, SIDE), np.int32)
    for number in range(1, 3000):
        if (truth > 0).mean() > 0.08 + 0.5 * ((seed // 8) % 4) / 3 or number > 60 + 6 * truth.max():
            break
        rows, columns = _outline(kind, radius, rng)
        free = (truth[rows, columns] == 0).mean() if len(rows) else 0
        # some particles touch or hide a little of another
        if len(rows) > 30 and free > rng.choice([1.0, 0.97, 0.85]):
            new = truth[rows, columns] == 0
            truth[rows[new], columns[new]] = truth.max() + 1
    return _lit(kind, truth, radius, rng), truth


def _outline(kind: str, radius: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y, x = rng.uniform(-0.02, 1.02, 2) * SIDE
    size = radius * np.exp(rng.normal(0, 0.45 if kind == "lognormal" else 0.12))
    turn = rng.uniform(0, 2 * np.pi)
    if kind == "needles":
        return ellipse(y, x, 3 * size, 0.45 * size, (SIDE, SIDE), rotation=turn - np.pi)
    if kind in ("facets", "grains"):
        corners = int(rng.integers(3, 7)) if kind == "facets" else 9
        angles = turn + np.arange(corners) * 2 * np.pi / corners
        far = size * rng.uniform(0.85, 1.15, corners) * (1.2 if kind == "facets" else 1)
        return polygon(y + far * np.sin(angles), x + far * np.cos(angles), (SIDE, SIDE))
    return ellipse(y, x, size, size * rng.uniform(0.75, 1), (SIDE, SIDE), rotation=turn - np.pi)


def _lit(kind: str, truth: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    inside = truth > 0
    each = np.clip(1 + rng.normal(0, 0.12, truth.max() + 1), 0.5, 1.5)
    if kind == "bimodal":
        each *= np.where(rng.random(len(each)) < 0.4, 0.45, 1.0)
    signal = each[truth] * inside
    rim = inside & (gaussian_filter(inside.astype(float), 0.12 * radius) < 0.85)
    if kind == "hollow":
        signal = signal * np.where(rim, 1.0, rng.uniform(0.45, 0.7))
    if kind == "relief":
        height = gaussian_filter(inside.astype(float), 0.4 * radius)
        slope = np.gradient(height, axis=0) * 0.4 * radius
        signal = signal * (0.8 + slope) + 0.2 * rim
    ground = np.zeros(truth.shape)
    if kind == "holes":
        ground += 0.25 * (zoom(rng.normal(size=(4, 4)), SIDE / 4, order=3) > 0.3)
    if rng.random() < 0.5:
        grain = gaussian_filter(rng.normal(size=truth.shape), rng.uniform(1, 3))
        ground += rng.uniform(0.02, 0.08) * grain / grain.std()
    image = gaussian_filter(signal + ground, rng.uniform(0.5, 2))
    if rng.random() < 0.3:
        # a fringe of defocus
        image += 0.6 * (image - gaussian_filter(image, 3))
    return (image - image.min()) / np.ptp(image)


def spoilt(grey: np.ndarray, truth: np.ndarray, seed: int) -> Figure:
    """Make a figure of grey levels 0 to 1: light, noise, panels, annotations, sizes, JPEG."""
    rng = np.random.default_rng(70_000 + seed)
    grey = _exposed(grey, rng)
    image = np.uint8(np.clip(grey, 0, 1) * 255)
    ignored = np.zeros(truth.shape, bool)
    if rng.random() < 0.2:
        image, truth, ignored = _panels(image, truth, rng)
    picture = Image.fromarray(image)
    if coloured := rng.random() < 0.3:
        picture = picture.convert("RGB")
    size = _size(image.shape, rng)
    kernel = int(rng.choice([Image.Resampling.LANCZOS, Image.Resampling.BILINEAR]))
    picture = picture.resize(size, kernel)
    truth, ignored = (
        np.asarray(Image.fromarray(one.astype(np.int32)).resize(size, Image.Resampling.NEAREST))
        for one in (truth, ignored)
    )
    ignored = ignored > 0
    for draw, share in ((_inset, 0.15), (_caption, 0.6), (_bar, 0.6), (_arrows, 0.25)):
        if rng.random() < share:
            picture, truth, ignored = draw(picture, truth, ignored, coloured, rng)
    for _ in range(int(rng.integers(0, 3))):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(35, 92)))
        picture = Image.open(file)
    return Figure(np.array(picture), np.where(ignored, 0, truth), ignored)


def _exposed(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[0 : 1 : grey.shape[0] * 1j, 0 : 1 : grey.shape[1] * 1j]
    if rng.random() < 0.5:
        grey = 1 - grey
    grey = 0.1 + 0.8 * grey ** rng.uniform(0.7, 1.5)
    if rng.random() < 0.3:
        centre = rng.uniform(0.2, 0.8, 2)
        grey = grey * (1 - rng.uniform(0.2, 0.7) * ((y - centre[0]) ** 2 + (x - centre[1]) ** 2))
    if rng.random() < 0.2:
        grey = grey + rng.uniform(-0.3, 0.3) * x
    dose = rng.choice([20, 60, 200, 1000])
    grey = rng.poisson(np.clip(grey, 0, 2) * dose) / dose
    return gaussian_filter(grey, rng.choice([0, 0.6, 1.0]))


def _size(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int]:
    factor = rng.uniform(300, 1100) / shape[0]
    return round(shape[1] * factor), round(shape[0] * factor)


def _panels(
    image: np.ndarray, truth: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two or four panels with a white gap."""
    image, truth, gap = image.copy(), truth.copy(), np.zeros(truth.shape, bool)
    half, wide = truth.shape[1] // 2, int(rng.integers(4, 16))
    gap[:, half : half + wide] = True
    if rng.random() < 0.5:
        half = truth.shape[0] // 2
        gap[half : half + wide] = True
    image[gap] = 255
    return image, truth, gap


def _ink(coloured: bool, rng: np.random.Generator) -> tuple[int, ...] | int:
    return COLOURS[rng.integers(len(COLOURS))] if coloured else int(rng.choice([0, 255]))


def _font(size: int, rng: np.random.Generator) -> ImageFont.FreeTypeFont:
    from matplotlib import font_manager, get_data_path

    name = FONTS[rng.integers(len(FONTS))]
    path = f"{get_data_path()}/fonts/ttf/{name}.ttf"
    return ImageFont.truetype(path or font_manager.findfont("DejaVu Sans"), size)


Drawn = tuple[Image.Image, np.ndarray, np.ndarray]


def _written(
    picture: Image.Image, truth: np.ndarray, text: str, at: tuple[float, float], ink: object,
    paper: object, size: int, rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    draw, font = ImageDraw.Draw(picture), _font(size, rng)
    left, top, right, bottom = draw.textbbox(at, text, font=font)
    if paper is not None:
        edge = size // 4
        frame = (left - edge, top - edge, right + edge, bottom + edge)
        draw.rectangle(frame, fill=paper)
        truth = truth.copy()
        rows, columns = (
            slice(max(int(frame[1]), 0), int(frame[3])),
            slice(max(int(frame[0]), 0), int(frame[2])),
        )
        truth[rows, columns] = 0
    draw.text(at, text, fill=ink, font=font)
    return truth


def _caption(
    picture: Image.Image, truth: np.ndarray, ignored: np.ndarray, coloured: bool,
    rng: np.random.Generator,
) -> Drawn:  # fmt: skip
    text = str(rng.choice(["(a)", "b", "C", "(iv)", "Pt/C 400 °C", "pH 7", "d = 12.4 nm", "SEI"]))
    size = int(picture.height * rng.uniform(0.04, 0.1))
    left = 0.02 if rng.random() < 0.7 else 0.7
    at = (left * picture.width, (0.02 if rng.random() < 0.8 else 0.85) * picture.height)
    ink = _ink(coloured, rng)
    paper = None if rng.random() < 0.6 else _opposite(ink)
    return picture, _written(picture, truth, text, at, ink, paper, size, rng), ignored


def _opposite(ink: tuple[int, ...] | int) -> tuple[int, ...] | int:
    light = np.mean(ink) > 127
    value = 0 if light else 255
    return value if isinstance(ink, int) else (value, value, value)


def _bar(
    picture: Image.Image, truth: np.ndarray, ignored: np.ndarray, coloured: bool,
    rng: np.random.Generator,
) -> Drawn:  # fmt: skip
    long, thick = (
        picture.width * rng.uniform(0.1, 0.35),
        max(2, picture.height * rng.uniform(0.004, 0.02)),
    )
    left = rng.choice([0.04, 0.9 - long / picture.width]) * picture.width
    top = picture.height * rng.uniform(0.9, 0.96)
    ink = _ink(coloured, rng)
    text = str(rng.choice(["200 nm", "5 µm", "1 µm", "10 nm", "0.2 µm", "50nm"]))
    size = int(picture.height * rng.uniform(0.03, 0.06))
    truth = _written(picture, truth, text, (left, top - 1.4 * size), ink, None, size, rng)
    ImageDraw.Draw(picture).rectangle((left, top, left + long, top + thick), fill=ink)
    return picture, truth, ignored


def _arrows(
    picture: Image.Image, truth: np.ndarray, ignored: np.ndarray, coloured: bool,
    rng: np.random.Generator,
) -> Drawn:  # fmt: skip
    draw, ink = ImageDraw.Draw(picture), _ink(coloured, rng)
    wide = max(2, picture.height // 150)
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0.15, 0.85, 2) * picture.size
        along = picture.height * rng.uniform(0.05, 0.12) * np.array([1, rng.choice([-1, 0, 1])])
        head = along / np.hypot(*along) * 4 * wide
        across = head[::-1] * [1, -1]
        draw.line((x, y, x + along[0], y + along[1]), fill=ink, width=wide)
        tip = np.array([x, y]) + along
        corners = [tuple(tip + head), tuple(tip + 0.6 * across), tuple(tip - 0.6 * across)]
        draw.polygon(corners, fill=ink)
    if rng.random() < 0.4:
        x, y = rng.uniform(0.1, 0.6, 2) * picture.size
        draw.rectangle(
            (x, y, x + 0.2 * picture.width, y + 0.2 * picture.height), outline=ink, width=wide
        )
    return picture, truth, ignored


def _inset(
    picture: Image.Image, truth: np.ndarray, ignored: np.ndarray, coloured: bool,
    rng: np.random.Generator,
) -> Drawn:  # fmt: skip
    """An enlarged part in a corner with a white frame."""
    width, height = (int(n * rng.uniform(0.22, 0.35)) for n in picture.size)
    x, y = (int(rng.uniform(0.2, 0.7) * n) for n in picture.size)
    part = picture.crop((x, y, x + width // 3, y + height // 3)).resize((width, height))
    left = 0 if rng.random() < 0.5 else picture.width - width
    picture.paste(part, (left, picture.height - height))
    frame = (left, picture.height - height, left + width - 1, picture.height - 1)
    ImageDraw.Draw(picture).rectangle(
        frame, outline=255 if not coloured else (255, 255, 255), width=3
    )
    ignored = ignored.copy()
    ignored[frame[1] : frame[3] + 1, frame[0] : frame[2] + 1] = True
    return picture, truth, ignored


Source = tuple[str, np.ndarray, np.ndarray]


def figures(
    sources: Callable[[], Iterator[Source]], drawn: int = 96, halves: tuple[int, ...] = (0, 1)
) -> Iterator[tuple[str, int, Figure]]:
    """Figures of both halves or one, with the half of their scene or micrograph."""
    for seed in range(drawn):
        if seed // 8 % 2 not in halves:
            continue
        yield KINDS[seed % len(KINDS)], seed // 8 % 2, spoilt(*scene(seed), seed)
    for number, (name, image, truth) in enumerate(sources()):
        if number % 2 not in halves:
            continue
        for turn in range(3 if name == "powder" else 1):
            rng = np.random.default_rng(80_000 + 10 * number + turn)
            part = rng.uniform(0.45, 0.95)
            height, width = (int(part * n) for n in truth.shape)
            top, left = (
                int(rng.integers(0, n - m + 1))
                for n, m in zip(truth.shape, (height, width), strict=True)
            )
            inside = np.s_[top : top + height, left : left + width]
            figure = spoilt(image[inside] / 255, truth[inside], 1000 + 10 * number + turn)
            yield name, number % 2, figure


def table(
    data: Path,
    methods: dict[str, Method] = METHODS,
    halves: tuple[int, ...] = (0, 1),
    step: int = 1,
) -> pd.DataFrame:
    """One row a figure and method; what is not counted is taken out of the labels."""
    rows = []
    every = figures(lambda: micrographs(data), halves=halves)
    for number, (kind, half, figure) in islice(enumerate(every), None, None, step):
        image = figure.image
        case = Case(kind, half, image, figure.truth, kind != "nanocomposite")
        for name, method in methods.items():
            # the others take no colours
            grey = image if image.ndim == 2 or name == "particles" else image.mean(axis=-1)
            found = np.where(figure.ignored, 0, method(grey))
            row = {"number": number, "set": kind, "half": half, "method": name}
            rows.append(row | judged(found, case))
    return pd.DataFrame(rows)


def main(data: Path, step: int = 1) -> None:
    """Print the second table of docs/particles.md."""
    summary(table(data, step=step), "half 0: looked at afterwards", "half 1: not looked at")
