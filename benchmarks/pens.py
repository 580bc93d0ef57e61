"""Ways of writing on an info bar: typefaces, stroke fonts, other scripts, made-up glyphs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# whole families are held out together
FAMILIES = {
    "sans": ("DejaVuSans", "DejaVuSans-Bold", "cmss10"),
    "serif": ("DejaVuSerif", "STIXGeneral", "STIXGeneralBol", "cmr10", "DejaVuSerif-Bold"),
    "typewriter": ("DejaVuSansMono", "cmtt10", "DejaVuSansMono-Bold"),
    "default": ("",),
    "strokes": ("0", "1", "2", "3", "4", "5"),
    "other scripts": ("uni",),
    "glyphs": ("glyphs",),
}
OTHER = (
    "加速電圧 {v} kV", "倍率 x{n}", "作動距離 {w:.1f} mm", "検出器",
    "日付 20{d:02d}/{e:02d}/{d:02d}",
    "放大倍数 {n} X", "工作距离 {w:.1f} mm", "电压 {v} kV", "探测器 二次电子", "样品 {e} 号",
    "ускор. напряж. {v} кВ", "увел. {n} x", "раб. раст. {w:.1f} мм", "Детектор ВЭ",
    "Поле {m:.1f} мкм", "Μεγέθυνση {n}", "Τάση {v} kV", "Vergrößerung {n} x", "Échelle {m:.0f} µm",
    "透過電子顕微鏡",
)  # fmt: skip


class Pen(Protocol):
    """Gives a picture of a line of text, 255 where there is ink."""

    def width(self, text: str, size: float) -> float:
        """Give the length of a line of text."""
        ...

    def line(self, text: str, size: float) -> np.ndarray:
        """Draw a line of text."""
        ...


class Typeface:
    """A font of Pillow; `rough` letters have no grey rims."""

    def __init__(self, face: str, rough: bool) -> None:
        self.face, self.rough = face, rough

    def font(self, size: float) -> ImageFont.FreeTypeFont:
        """Give the typeface in a size, 6 at least."""
        size = max(6, round(size))
        if not self.face:
            return ImageFont.load_default(size)
        return ImageFont.truetype(str(_folder() / f"{self.face}.ttf"), size)

    def width(self, text: str, size: float) -> float:
        """Give the length of a line of text."""
        return self.font(size).getlength(text)

    def line(self, text: str, size: float) -> np.ndarray:
        """Draw a line of text."""
        image = Image.new("L", (int(self.width(text, size)) + 4, round(1.5 * size) + 2))
        draw = ImageDraw.Draw(image)
        draw.fontmode = "1" if self.rough else "L"
        draw.text((1, image.height / 2), text, fill=255, font=self.font(size), anchor="lm")
        return np.array(image)


class Strokes:
    """A font of OpenCV, drawn by lines of one width as old microscopes did."""

    def __init__(self, face: int, bold: bool) -> None:
        self.face, self.bold = face, bold

    def _set(self, size: float) -> tuple[float, int]:
        thick = max(1, round(size / (8 if self.bold else 14)))
        return cv2.getFontScaleFromHeight(self.face, max(5, round(0.72 * size)), thick), thick

    def width(self, text: str, size: float) -> float:
        """Give the length of a line of text."""
        return float(cv2.getTextSize(_plain(text), self.face, *self._set(size))[0][0])

    def line(self, text: str, size: float) -> np.ndarray:
        """Draw a line of text."""
        scale, thick = self._set(size)
        image = np.zeros((round(1.5 * size) + 2, round(self.width(text, size)) + 6), np.uint8)
        at = (2, round(len(image) / 2 + 0.36 * size))
        cv2.putText(image, _plain(text), at, self.face, scale, 255, thick, cv2.LINE_AA)
        return image


class OtherScripts:
    """Chinese, Japanese, Russian and Greek, in the font that OpenCV 5 brings."""

    def __init__(self) -> None:
        self.face = cv2.FontFace("uni")

    def width(self, text: str, size: float) -> float:
        """Give the length of a line of text."""
        box = cv2.getTextSize((0, 0), text, (0, 0), self.face, max(6, round(size)))
        return float(box[2])

    def line(self, text: str, size: float) -> np.ndarray:
        """Draw a line of text."""
        image = np.zeros((round(1.5 * size) + 2, round(self.width(text, size)) + 6), np.uint8)
        at = (2, round(len(image) / 2 + 0.36 * size))
        cv2.putText(image, text, at, 255, self.face, max(6, round(size)))
        return image


class Glyphs:
    """Signs of two to four strokes between the nodes of a grid: a script that nobody knows."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.signs = [rng.integers(0, (3, 4), (int(rng.integers(3, 6)), 2)) for _ in range(40)]
        self.thick, self.pitch = rng.uniform(8, 14), rng.uniform(0.62, 0.85)

    def width(self, text: str, size: float) -> float:
        """Give the length of a line of text."""
        return len(text) * self.pitch * size

    def line(self, text: str, size: float) -> np.ndarray:
        """Draw a line of text."""
        image = np.zeros((round(1.5 * size) + 2, round(self.width(text, size)) + 6), np.uint8)
        top = (len(image) - 0.75 * size) / 2
        cell = np.array([0.5 * self.pitch * size / 1.6, 0.75 * size / 3])
        for k, sign in enumerate(text):
            if sign != " ":
                nodes = self.signs[ord(sign) % 40] * cell + (2 + k * self.pitch * size, top)
                points = np.round(8 * nodes).astype(np.int32)[:, None]
                thick = max(1, round(size / self.thick))
                cv2.polylines(image, [points], False, 255, thick, cv2.LINE_AA, 3)
        return image


@cache
def _folder() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts/ttf"


def _plain(text: str) -> str:
    """Text in ASCII, which is all that stroke fonts have."""
    return text.replace("µ", "u").replace("°", "o").encode("ascii", "replace").decode()


def families() -> list[str]:
    """Families that this machine can draw."""
    there = hasattr(cv2, "FontFace")
    return [name for name in FAMILIES if name != "other scripts" or there]


def pen(family: str, rng: np.random.Generator) -> Pen:
    """One pen of a family."""
    face = str(rng.choice(FAMILIES[family]))
    if family == "strokes":
        return Strokes(int(face), bool(rng.random() < 0.4))
    if family == "other scripts":
        return OtherScripts()
    if family == "glyphs":
        return Glyphs(rng)
    return Typeface(face, bool(rng.random() < 0.25))
