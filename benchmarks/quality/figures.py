"""Make published figures of micrographs: lettering, boxes, bars, shading, resampling, JPEG."""

from __future__ import annotations

import cv2
import numpy as np

ROWS = 512


def figure(image: np.ndarray, truth: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Degrade an image as on its way into an article; the truth follows crops and sizes."""
    rng = np.random.default_rng(1000 + seed)
    image, truth = _cropped(image, truth, rng)
    if rng.random() < 0.5:
        image = 255 - image
    if rng.random() < 0.25:
        image = _shaded(image, rng)
    image = _resampled(image, rng)
    image, truth = _annotated(image, truth, rng)
    if rng.random() < 0.7:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 91))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_GRAYSCALE)
    return image, truth


def _cropped(
    image: np.ndarray, truth: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    part = rng.uniform(0.5, 1.0) if rng.random() < 0.6 else 1.0
    height, width = (int(part * n) for n in image.shape)
    top = int(rng.integers(0, image.shape[0] - height + 1))
    left = int(rng.integers(0, image.shape[1] - width + 1))
    inside = np.s_[top : top + height, left : left + width]
    size = (round(width * ROWS / height), ROWS)
    shrinks = height > ROWS
    image = cv2.resize(image[inside], size, interpolation=cv2.INTER_AREA if shrinks else 1)
    labels = cv2.resize(truth[inside].astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
    return image, labels.astype(np.int32)


def _shaded(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
    a, b, c = rng.uniform(-1, 1, 3)
    shade = 1 + rng.uniform(0.1, 0.35) * (a * x + b * y + 0.7 * c * (x**2 + y**2))
    return np.uint8(np.clip(image * shade, 0, 255))


def _resampled(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.5:
        return image
    factor = rng.uniform(0.3, 1.5)
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_CUBIC)


def _annotated(
    image: np.ndarray, truth: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    image = image.copy()
    if rng.random() < 0.6:
        _letter(image, rng)
    if rng.random() < 0.7:
        _scale_bar(image, rng)
    if rng.random() < 0.15:
        image, truth = _bar(image, truth, rng)
    return image, truth


def _ink(rng: np.random.Generator) -> int:
    return int(rng.choice([0, 255]))


def _text(image: np.ndarray, text: str, at: tuple[int, int], size: float, ink: int) -> None:
    font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
    thick = max(1, round(2.2 * size))
    cv2.putText(image, text, at, font[len(text) % 3], size, ink, thick, cv2.LINE_AA)


def _letter(image: np.ndarray, rng: np.random.Generator) -> None:
    text = str(rng.choice(["(a)", "(b)", "(c)", "a", "B", "d)", "(e1)", "TiO2", "1 h"]))
    size = rng.uniform(0.8, 2.4)
    height, width = int(34 * size), int((8 + 19 * len(text)) * size)
    ink = _ink(rng)
    left = 0 if rng.random() < 0.75 else image.shape[1] - width - 1
    top = 0 if rng.random() < 0.85 else image.shape[0] - height - 1
    if rng.random() < 0.4:
        cv2.rectangle(image, (left, top), (left + width, top + height), 255 - ink, -1)
    _text(image, text, (left + int(6 * size), top + int(26 * size)), size, ink)


def _scale_bar(image: np.ndarray, rng: np.random.Generator) -> None:
    text = str(rng.choice(["100 nm", "50 nm", "500 nm", "1 um", "2 um", "0.5 um", "20nm"]))
    size = rng.uniform(0.6, 1.6)
    long = int(image.shape[1] * rng.uniform(0.1, 0.35))
    width = max(long, int(19 * len(text) * size)) + 16
    height = int(44 * size) + 12
    left = int(rng.choice([4, max(4, image.shape[1] - width - 6)]))
    top = image.shape[0] - height - int(rng.integers(2, 14))
    ink = _ink(rng)
    if rng.random() < 0.3:
        cv2.rectangle(image, (left, top), (left + width, top + height), 255 - ink, -1)
    thick = int(rng.integers(3, 11))
    line = top + height - thick - 4
    cv2.rectangle(image, (left + 8, line), (left + 8 + long, line + thick), ink, -1)
    if rng.random() < 0.85:
        _text(image, text, (left + 6, top + int(28 * size)), size, ink)


def _bar(
    image: np.ndarray, truth: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """An info bar that replaces the lowest rows."""
    rows = int(rng.integers(24, 60))
    paper = _ink(rng)
    bar = np.full((rows, image.shape[1]), paper, np.uint8)
    size = rows / 60
    text = "SU8000 15.0kV 8.1mm x100k SE(U)    500nm"
    _text(bar, text, (8, int(rows * 0.65)), size, 255 - paper)
    image, truth = image.copy(), truth.copy()
    image[-rows:], truth[-rows:] = bar, 0
    return image, truth
