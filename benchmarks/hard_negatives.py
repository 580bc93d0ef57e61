"""Pictures without an info bar that have straight edges, letters or flat bands, as figures do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.bar_layouts import Strip
from benchmarks.pens import families

Negative = Callable[[np.ndarray, np.random.Generator], np.ndarray]
NAMES = ("Al", "SiO2", "Si", "Pt", "TiN", "Glass", "substrate", "film", "core", "Cu", "a", "GaN")
# 10 to 16 letters: what authors write on a picture
NOTES = ("100 nm", "(a)", "(b) 450 °C", "z = 50 um", "500 nm", "c", "Rrms = 2.1 nm",
         "d = 0.34 nm", "2 µm")  # fmt: skip


def _turned(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(image, int(rng.choice([0, 0, 0, 1, 2, 3]))))


def _stored(image: np.ndarray) -> np.ndarray:
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _grain(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Noise of a detector or of a film, at times soft."""
    sigma = rng.choice([0, 0, 0.7, 1.5])
    noise = gaussian_filter(rng.normal(size=shape), sigma)
    return noise / noise.std() * rng.uniform(1.5, 14)


def _ink(image: np.ndarray, rng: np.random.Generator) -> int:
    return 255 if image.mean() < rng.uniform(90, 170) else 0


def label(image, text, x, y, size, rng, *, box=None) -> np.ndarray:
    """Write on a picture; `box` is the grey level of paper beneath."""
    image = np.array(image)
    family = str(rng.choice(families()))
    s = Strip(rng, *image.shape, family=family)
    line = s.pen.line(text, size).astype(float) / 255
    x, y = round(min(x, max(0, image.shape[1] - line.shape[1]))), round(min(y, image.shape[0] - 4))
    part = image[y : y + len(line), x : x + line.shape[1]].astype(float)
    if part.size == 0:
        return image
    line = line[: part.shape[0], : part.shape[1]]
    if box is not None:
        part[:] = box
    ink = _ink(part, rng) if box is None else 255 if box < 128 else 0
    image[y : y + part.shape[0], x : x + part.shape[1]] = part + line * (ink - part)
    return image


def ruler(image, x, y, length, thick, ink) -> np.ndarray:
    image = np.array(image)
    image[round(y) : round(y) + thick, round(x) : round(x + length)] = ink
    return image


def annotated(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Write one to four labels and a scale bar on the specimen, most near a border."""
    size = rng.uniform(0.03, 0.08) * image.shape[0] + 4
    rows, columns = image.shape
    for _ in range(int(rng.integers(1, 5))):
        y = rng.choice(
            [rng.uniform(2, 0.1 * rows), rows - 2 * size, rng.uniform(0, rows - 2 * size)]
        )
        box = rng.choice([None, None, 0, 255])
        image = label(
            image,
            str(rng.choice(NOTES)),
            rng.uniform(0, columns - 5 * size),
            max(0, y),
            size,
            rng,
            box=box,
        )
    if rng.random() < 0.7:
        y = rows - rng.uniform(0.4, 1.2) * size
        image = ruler(image, rng.uniform(0.02, 0.6) * columns, y, rng.uniform(0.1, 0.3) * columns,
                      max(2, round(size / 5)), int(rng.choice([0, 255])))  # fmt: skip
    return image


def caption(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A line of fields on the specimen itself, without paper."""
    s = Strip(
        rng,
        round(rng.uniform(0.05, 0.1) * image.shape[0]) + 10,
        image.shape[1],
        family=str(rng.choice(families())),
    )
    s.fields(s.height / 2, 0.6 * s.height, 6, s.width * rng.uniform(0.5, 0.95))
    share, ink = s.pixels / 255, _ink(image, rng)
    whole = image.astype(float)
    y = len(image) - s.height - int(rng.integers(0, 12))
    whole[y : y + s.height] += share * (ink - whole[y : y + s.height])
    return _stored(whole)


def layers(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cross-section: grainy or plain layers with straight edges, some of them named."""
    rows, columns = image.shape
    whole, edges, at = image.astype(float), [], rows
    for _ in range(int(rng.integers(1, 4))):
        at -= int(rng.uniform(0.04, 0.2) * rows)
        edges.append(max(at, rows // 4))
    wave = gaussian_filter(rng.normal(size=columns), columns / 12) * rng.choice([0, 0, 30, 200])
    y = np.arange(rows)[:, None]
    for edge in edges[::-1]:
        inside = np.clip((y - edge - wave) / rng.uniform(0.5, 4) + 0.5, 0, 1)
        layer = rng.uniform(0, 255) + _grain(image.shape, rng) * rng.choice([0.3, 1, 1])
        whole = (1 - inside) * whole + inside * layer
    made = _stored(whole)
    size = rng.uniform(0.03, 0.06) * rows + 5
    for edge in edges:
        if rng.random() < 0.75:
            for _ in range(int(rng.integers(1, 3))):
                text = str(rng.choice(NAMES if rng.random() < 0.7 else NOTES))
                made = label(
                    made,
                    text,
                    rng.uniform(0, 0.9) * columns,
                    edge + rng.uniform(2, 0.06 * rows + 3),
                    size,
                    rng,
                )
    return _turned(made, rng) if rng.random() < 0.2 else made


def empty_margin(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vacuum or film beside the specimen with a label and a scale bar on it."""
    rows, columns = image.shape
    depth, soft = rng.uniform(0.08, 0.3) * rows, rng.uniform(1, 25)
    wave = (
        gaussian_filter(rng.normal(size=columns), columns / 10)
        * columns
        / 3
        * rng.choice([0.2, 1, 2])
    )
    inside = np.clip((np.arange(rows)[:, None] - (rows - depth) - wave) / soft + 0.5, 0, 1)
    ground = rng.choice([rng.uniform(0, 30), rng.uniform(150, 255)])
    made = _stored((1 - inside) * image + inside * (ground + _grain(image.shape, rng)))
    size = rng.uniform(0.035, 0.07) * rows + 5
    y = rows - rng.uniform(0.3, 0.7) * depth - size / 2
    x = rng.uniform(0.02, 0.6) * columns
    made = label(made, str(rng.choice(NOTES)), x, y, size, rng)
    return ruler(
        made, x, y + 1.4 * size, 0.2 * columns, max(2, round(size / 6)), _ink(made[-10:], rng)
    )


def beads(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A regular array of shaded beads, holes or pillars, at times in rows that end."""
    rows, columns = image.shape
    pitch = rng.uniform(0.02, 0.1) * rows + 5
    y, x = np.mgrid[:rows, :columns] + rng.uniform(0, pitch, 2)[:, None, None]
    jitter = rng.choice([0, 0, 0.05])
    line = np.floor(y / pitch)
    x = x + pitch / 2 * (line % 2) * rng.choice([0, 1]) + jitter * pitch * np.sin(7 * line)
    r = np.hypot((y % pitch) / pitch - 0.5, (x % pitch) / pitch - 0.5)
    shape = np.clip((rng.uniform(0.25, 0.5) - r) * pitch / 2, 0, 1)
    shade = 1 - rng.uniform(0, 2) * r**2 + rng.uniform(-0.3, 0.3) * ((x % pitch) / pitch - 0.5)
    ground, ink = rng.uniform(0, 255, 2)
    made = ground + shape * (ink * shade - ground)
    if rng.random() < 0.4:
        at = int(rng.uniform(0.7, 0.95) * rows)
        made[at:] = rng.uniform(0, 255)
    made = _stored(made + _grain(image.shape, rng))
    return _turned(annotated(made, rng) if rng.random() < 0.3 else made, rng)


def text_boxes(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Boxes of text that cover a part of the width, opaque or see-through, at the border."""
    rows, columns = image.shape
    whole = image.astype(float)
    height, width = int(rng.uniform(0.06, 0.16) * rows), int(rng.uniform(0.15, 0.75) * columns)
    paper, opacity = int(rng.choice([0, 255])), rng.uniform(0.4, 1)
    s = Strip(rng, height, width, paper=paper, ink=255 - paper, family=str(rng.choice(families())))
    lines = int(rng.integers(1, 3))
    for k in range(lines):
        s.fields(height * (k + 0.5) / lines, 0.55 * height / lines, 4, width - 4)
    share = np.where(np.abs(s.pixels.astype(int) - paper) > 8, 1.0, opacity)
    y = int(rng.choice([0, rows - height, rng.integers(0, rows - height)]))
    x = int(rng.choice([0, columns - width, rng.integers(0, columns - width)]))
    part = whole[y : y + height, x : x + width]
    part[:] = share * s.pixels + (1 - share) * part
    return _stored(whole)


def fringes(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lattice fringes or a grating, straight or tilted, with a label."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    period, angle = rng.uniform(4, 60), rng.choice([0, 0, 0.01, rng.uniform(0, 3)])
    wave = np.sin(2 * np.pi * (y * np.cos(angle) + x * np.sin(angle)) / period)
    wave = np.sign(wave) if rng.random() < 0.4 else wave
    made = rng.uniform(60, 190) + rng.uniform(10, 60) * wave + _grain(image.shape, rng)
    if rng.random() < 0.5:
        made = 0.5 * made + 0.5 * image
    made = _stored(made)
    return annotated(made, rng) if rng.random() < 0.5 else made


def bands(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Charging, lost signal or a change of contrast: whole rows brighter or darker at once."""
    whole = image.astype(float)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.choice([rng.uniform(0.7, 0.97), rng.uniform(0, 1)]) * len(image))
        height = int(rng.uniform(0.02, 0.2) * len(image)) + 1
        rows = whole[at : at + height]
        rows[:] = rows * rng.uniform(0.3, 1.2) + rng.uniform(-60, 60)
    made = _stored(whole)
    return annotated(made, rng) if rng.random() < 0.5 else made


def ground(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A flat substrate or dark vacuum at the bottom, straight, grainy, with debris on it."""
    rows, columns = image.shape
    depth = int(rng.uniform(0.06, 0.28) * rows)
    whole = image.astype(float)
    whole[-depth:] = rng.choice([rng.uniform(0, 15), rng.uniform(0, 255)]) + _grain(
        (depth, columns), rng
    )
    y, x = np.mgrid[:rows, :columns]
    for _ in range(int(rng.choice([0, 4, 20, 60]))):
        at, r = (
            (rows - rng.uniform(0, depth), rng.uniform(0, columns)),
            rng.uniform(1, 0.02 * rows + 2),
        )
        whole[np.hypot(y - at[0], (x - at[1]) * rng.uniform(0.6, 1.6)) < r] = rng.uniform(0, 255)
    made = _stored(whole)
    return annotated(made, rng) if rng.random() < 0.5 else made


def panels(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A figure of several panels with gutters and letters at their corners."""
    rows, columns = image.shape
    made, gap, level = np.array(image), int(rng.integers(2, 16)), int(rng.choice([255, 255, 0]))
    size = rng.uniform(0.03, 0.06) * rows + 5
    for k in range(int(rng.integers(1, 3))):
        at = int(rng.uniform(0.3, 0.9) * rows) if rng.random() < 0.7 else rows - gap
        made[at : at + gap] = level
        if rng.random() < 0.7:
            made[:, int(rng.uniform(0.3, 0.7) * columns) :][:, :gap] = level
        y = at + gap + 2 if at < rows - 40 else 4
        made = label(made, f"({'ab'[k]})", 4, y, size, rng, box=rng.choice([None, 255]))
    return annotated(made, rng) if rng.random() < 0.5 else made


def figure_margin(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A plain margin of paper around the picture, without or with one letter."""
    depth = int(rng.uniform(0.03, 0.15) * image.shape[0])
    whole = np.pad(image, ((0, depth), (0, 0)), constant_values=int(rng.choice([0, 255])))
    if rng.random() < 0.5:
        text, x = str(rng.choice(["a", "(b)", "c)", "1"])), rng.uniform(0, 0.9) * whole.shape[1]
        whole = label(whole, text, x, len(whole) - 0.8 * depth, min(0.6 * depth, 30), rng)
    return _turned(whole, rng)


KINDS: dict[str, Negative] = {
    "labels and scale bars": annotated,
    "a line of fields without paper": caption,
    "annotated layers": layers,
    "label on an empty margin": empty_margin,
    "bead arrays": beads,
    "boxes of text": text_boxes,
    "fringes and gratings": fringes,
    "charging bands": bands,
    "flat ground": ground,
    "panels": panels,
    "margins of figures": figure_margin,
}
