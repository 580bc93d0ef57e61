"""Images without a info bar that look as if they had one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Spoiler = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _turned(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(image, int(rng.integers(4))))


def _depth(image: np.ndarray, rng: np.random.Generator) -> int:
    return int(rng.integers(20, max(24, image.shape[0] // 4)))


def as_it_is(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


def crop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A window of 100 to 500 pixels, turned: particles touch all borders."""
    side = int(min(rng.integers(100, 501), *image.shape))
    y, x = (int(rng.integers(0, n - side + 1)) for n in image.shape)
    return _turned(image[y : y + side, x : x + side], rng)


def margin(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An empty margin of one grey level, as a shifted or padded image has."""
    depth = _depth(image, rng)
    whole = image.copy()
    whole[-depth:] = rng.choice([0, 255, int(rng.integers(256))])
    return _turned(whole, rng)


def resin(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A straight flat layer with grains or pores of one grey level in it."""
    depth, whole = _depth(image, rng), image.copy()
    layer = Image.new("L", (image.shape[1], depth), int(rng.integers(0, 256)))
    draw, ink = ImageDraw.Draw(layer), int(rng.integers(0, 256))
    for _ in range(int(rng.integers(5, 120))):
        x, y, r = rng.uniform(0, layer.width), rng.uniform(0, depth), rng.uniform(1, 8)
        draw.ellipse((x - r, y - r, x + r, y + r * rng.uniform(0.7, 1.4)), fill=ink)
    whole[-depth:] = np.array(layer)
    return _turned(_noisy(whole, rng), rng)


def substrate(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dark ground at the border, saturated in parts, over which the specimen stands out."""
    depth, cut = _depth(image, rng), int(rng.integers(60, 160))
    fade = np.clip((np.arange(len(image)) - (len(image) - depth)) / 6, 0, 1)[:, None]
    kept = np.where(image > cut, image, image * (1 - fade)).astype(np.uint8)
    return _turned(_noisy(kept, rng), rng)


def layers(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Thin films in cross-section: straight flat layers that end with the image."""
    whole, at = image.copy(), len(image)
    for _ in range(int(rng.integers(1, 4))):
        at -= int(rng.integers(8, 60))
        if at < len(image) // 2:
            break
        whole[at:] = int(rng.integers(0, 256))
    return _turned(_noisy(whole, rng), rng)


def vignette(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    y, x = (np.linspace(-1, 1, n) for n in image.shape)
    fall = np.clip(rng.uniform(1.4, 2.2) - np.hypot(y[:, None], x), 0, 1)
    return (image * fall).astype(np.uint8)


def gradient(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Nothing but light that falls off to one side, with noise."""
    ramp = np.linspace(*rng.uniform(0, 255, 2), image.shape[0])[:, None]
    return _turned(_noisy(np.broadcast_to(ramp, image.shape).astype(np.uint8), rng), rng)


def text_on_specimen(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Letters and a scale bar drawn on the specimen itself."""
    drawn = Image.fromarray(image)
    draw, ink = ImageDraw.Draw(drawn), int(rng.choice([0, 255]))
    size = int(rng.integers(12, 32))
    y = image.shape[0] - 2 * size
    draw.text((10, y), "HV 15.0 kV  WD 8.2 mm  det SE", fill=ink,
              font=ImageFont.load_default(size))  # fmt: skip
    draw.rectangle((image.shape[1] * 0.7, y, image.shape[1] * 0.9, y + 4), fill=ink)
    return np.array(drawn)


def dots(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A regular array of holes or pillars, such as a lattice or a grating of a calibration."""
    pitch = int(rng.integers(12, 48))
    size = pitch * rng.uniform(0.3, 0.8)
    wide = size * rng.choice([1.0, 1.0, 0.5])
    y, x = (np.arange(n) + rng.uniform(0, pitch) for n in image.shape)
    inside = (y % pitch < size)[:, None] & (x % pitch < wide)
    ground, ink = rng.integers(0, 256, 2)
    return _turned(_noisy(np.where(inside, ink, ground).astype(np.uint8), rng), rng)


def binary(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask: two grey levels only."""
    return _turned(np.where(image > np.median(image), 255, 0).astype(np.uint8), rng)


def _noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    sigma = 255 * rng.choice([0, 0.005, 0.02])
    return np.clip(image + rng.normal(0, 1, image.shape) * sigma, 0, 255).astype(np.uint8)


def in_a_row(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A straight flat layer with like particles, or the bars of a grating, in one to three rows."""
    whole, depth = image.copy(), int(rng.integers(20, max(24, image.shape[0] // 5)))
    ground = int(rng.choice([rng.integers(0, 90), rng.integers(0, 256)]))
    ink = int(np.clip(ground + rng.choice([-1, 1]) * rng.integers(60, 220), 0, 255))
    ink = ink if abs(ink - ground) > 50 else 0 if ground > 128 else 255
    layer = np.full((depth, image.shape[1]), ground, np.uint8)
    lines = int(rng.choice([1, 1, 2, 3]))
    size = rng.uniform(0.2, 0.65) * depth / lines
    pitch, jitter, vary = size * rng.uniform(1.3, 3), *rng.choice([0, 0.1, 0.3], 2)
    form = FORMS[rng.integers(len(FORMS))]
    for middle in (np.arange(lines) + rng.uniform(0.35, 0.65)) * depth / lines:
        for x in np.arange(rng.uniform(0, pitch), image.shape[1], pitch):
            at = np.array([middle, x]) + rng.normal(0, jitter, 2) * (0.3 * size, pitch - size)
            radius = max(1.0, size / 2 * np.exp(rng.normal(0, vary)))
            left = max(0, int(at[1] - 2 * radius))
            part = layer[:, left : int(at[1] + 2 * radius) + 2]
            y, x = np.ogrid[: part.shape[0], left : left + part.shape[1]]
            part[form((y - at[0]) / radius, (x - at[1]) / radius, rng)] = ink
    whole[-depth:] = layer
    return np.ascontiguousarray(np.rot90(_noisy(whole, rng), int(rng.choice([0, 0, 0, 1, 2]))))


def _bulky(y: np.ndarray, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An irregular grain."""
    turn, shift = np.arctan2(y, x), rng.uniform(0, 2 * np.pi, 2)
    waves = np.cos(2 * turn + shift[0]) + np.cos(3 * turn + shift[1])
    return np.hypot(y, x) < 1 + 0.15 * waves


FORMS = (
    lambda y, x, rng: np.maximum(abs(y), abs(x)) < 1,
    lambda y, x, rng: np.hypot(y, x) < 1,
    lambda y, x, rng: (abs(y) < 1) & (abs(x) < 0.35),
    lambda y, x, rng: (y < 0.9) & (2 * abs(x) - 1 < y),
    _bulky,
)


KINDS: dict[str, Spoiler] = {
    "as they are": as_it_is,
    "crops": crop,
    "empty margins": margin,
    "flat layer with grains": resin,
    "dark substrate": substrate,
    "thin films": layers,
    "vignette": vignette,
    "gradient": gradient,
    "letters on the specimen": text_on_specimen,
    "regular dots": dots,
    "binary": binary,
}
