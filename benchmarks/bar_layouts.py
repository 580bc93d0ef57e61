"""Layouts of info bars after those of microscopes, in any script, and how figures spoil them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.bar_styles import FIELDS
from benchmarks.pens import OTHER, Glyphs, OtherScripts, families, pen

FREE = (
    "sample_{e}_{d}.tif", "Univ. of Somewhere", "Print Mag: {n}x @ 51 mm",
    "{d}:{e}:{d} p  20{d:02d}", "TEM Mode: Imaging", "Cal: {w:.3f} nm/pix", "HV={v}.0kV",
    "Direct Mag: {n}x", "AMT Camera System", "Microscopist: {e}", "Scan Speed : {e}",
    "Camera: XR-{e}, Exposure: {n} (ms)", "Noise Reduction = Line Avg",
)  # fmt: skip
UNITS = ("µm", "nm", "um", "mm")


class Strip:
    """A strip of pixels to draw on; `opacity` below 1 lets the specimen through the paper."""

    def __init__(self, rng, height, width, *, paper=0, ink=255, family="sans") -> None:
        self.rng, self.height, self.width, self.opacity = rng, height, width, 1.0
        self.paper, self.ink = int(paper), int(ink)
        self.pixels = np.full((height, width), paper, np.uint8)
        self.pen = pen(family, rng)

    def text(self) -> str:
        """Make up what microscopes write."""
        rng = self.rng
        v, (w, m) = int(rng.choice([1, 3, 5, 15, 20, 30, 80, 200])), rng.uniform(2, 90, 2)
        d, e = (int(n) for n in rng.integers(1, 28, 2))
        if isinstance(self.pen, Glyphs | OtherScripts) and rng.random() < 0.7:
            texts = OTHER
        else:
            texts = FIELDS if rng.random() < 0.7 else FREE
        return str(rng.choice(texts)).format(v=v, w=w / 6, m=m, n=500 * d, d=d, e=e)

    def length(self) -> str:
        """Make up the length of a scale bar."""
        return f"{self.rng.choice([1, 2, 5, 10, 20, 50, 100, 200, 500])} {self.rng.choice(UNITS)}"

    def write(self, x: float, y: float, text: str, size: float) -> float:
        """Write with the middle of the letters at `y`; give where the text ends."""
        line = self.pen.line(text, size).astype(float) / 255
        top, left = round(y - len(line) / 2), max(0, round(x))
        cut = slice(max(0, -top), max(0, min(len(line), self.height - top)))
        line = line[cut, : max(0, self.width - left)]
        rows = slice(top + cut.start, top + cut.start + len(line))
        part = self.pixels[rows, left : left + line.shape[1]]
        part[:] = np.round(part + line * (self.ink - part.astype(float)))
        return x + line.shape[1]

    def fields(self, y, size, left, right, gap=2.0) -> None:
        """Write fields until there is no more room; always one."""
        x = left
        for k in range(14):
            text = self.text()
            width = self.pen.width(text, size)
            if x + width > right:
                if k == 0:
                    text = text[: max(5, int(len(text) * (right - x) / max(width, 1)))]
                    self.write(x, y, text, size)
                return
            x = self.write(x, y, text, size) + gap * size

    def box(self, x0, y0, x1, y1, ink=None) -> None:
        """Fill a rectangle."""
        rows, columns = slice(max(0, round(y0)), round(y1)), slice(max(0, round(x0)), round(x1))
        self.pixels[rows, columns] = self.ink if ink is None else ink

    def scale(self, x, y, length, size, kind) -> None:
        """Draw a scale bar: a line, one with ends, ticks, a block, or dots as JEOL."""
        thick = max(1, round(size / 8))
        if kind == "ticks":
            for k in range(11):
                self.box(
                    x + k * length / 10, y - size / 3, x + k * length / 10 + thick, y + size / 3
                )
            return
        self.box(
            x, y - thick / 2, x + length, y + (thick + 1) / 2 + (size / 4 if kind == "block" else 0)
        )
        if kind == "ends":
            for end in (x, x + length - thick):
                self.box(end, y - size / 2, end + thick, y + size / 2)

    def logo(self, x, y, size) -> None:
        """Draw a sign of a firm: round, or a box with a gradient or letters."""
        x, y, size = round(x), round(y), max(6, round(size))
        if self.rng.random() < 0.5:
            cv2.circle(
                self.pixels, (x + size // 2, y + size // 2), size // 2, self.ink, max(1, size // 12)
            )
            cv2.circle(
                self.pixels,
                (x + size // 2, y + size // 2),
                size // 5,
                (self.ink + self.paper) // 2,
                -1,
            )
            return
        part = self.pixels[max(0, y) : y + size, x : x + size]
        part[:] = np.linspace(60, 150, part.shape[0])[:, None] if part.size else 0
        cv2.putText(
            self.pixels,
            "LAB",
            (x + 1, y + round(0.65 * size)),
            2,
            size / 60,
            self.paper,
            1,
            cv2.LINE_AA,
        )

    def frame(self, thick: int = 1) -> None:
        """Draw a line along all sides."""
        cv2.rectangle(self.pixels, (0, 0), (self.width - 1, self.height - 1), self.ink, thick)


def _lines(s: Strip, count: int, share: float, left: float, right: float) -> float:
    """Write `count` lines one under the other; give the size of the letters."""
    size = share * s.height / count
    for k in range(count):
        s.fields(s.height * (k + 0.5) / count, size, left, right, s.rng.uniform(0.8, 4))
    return size


def zeiss(rng, height, width, family) -> Strip:
    """White with a frame: scale with its length at the left, two lines, a box at the right."""
    s = Strip(
        rng, height, width, paper=rng.integers(245, 256), ink=rng.integers(0, 20), family=family
    )
    if rng.random() < 0.6:
        s.frame()
    size = _lines(s, 2, 0.55, width * 0.22, width * rng.uniform(0.6, 0.88))
    s.write(8, height * 0.25, s.length(), size)
    s.scale(8, height * 0.7, width * rng.uniform(0.05, 0.2), size, rng.choice(["ends", "line"]))
    if rng.random() < 0.7:
        s.logo(width - 1.2 * height, height * 0.12, height * 0.75)
    return s


def zeiss_short(rng, height, width, family) -> Strip:
    """White: scale, and few fields spread over one or two lines."""
    s = Strip(rng, height, width, paper=255, ink=0, family=family)
    if rng.random() < 0.5:
        s.frame()
    count = 1 if height < 40 else int(rng.integers(1, 3))
    size = (0.5 if count == 1 else 0.3) * height
    for x in np.linspace(0.25, 0.8, int(rng.integers(2, 5))):
        for k in range(count):
            s.write(width * x, height * (k + 0.5) / count, s.text()[:16], size)
    s.write(6, height * 0.28, s.length(), size)
    s.scale(6, height * 0.75, width * rng.uniform(0.05, 0.2), size, "ends")
    return s


def fei(rng, height, width, family) -> Strip:
    """Cells of two lines, names above values; the scale in the last; white on black, framed."""
    s = Strip(
        rng, height, width, paper=rng.integers(0, 10), ink=rng.integers(230, 256), family=family
    )
    s.frame()
    s.logo(3, height * 0.15, height * 0.7)
    x, size, last = height * 1.1, height * rng.uniform(0.26, 0.36), width * rng.uniform(0.5, 0.72)
    names = ("HV", "det", "WD", "HFW", "mag", "curr", "mode", "tilt", "spot", "x: {e}", "dwell")
    while x < last:
        s.box(x, 0, x + 1, height)
        end = s.write(x + 4, height * 0.27, str(rng.choice(names)), size)
        value = f"{rng.uniform(1, 90):.1f} {rng.choice(['kV', 'nA', 'mm', 'µm', 'x', '°'])}"
        x = max(end, s.write(x + 4, height * 0.73, value, size)) + 5
    s.box(x, 0, x + 1, height)
    s.scale(x + 8, height * 0.28, max(10, width - x - 20), size, rng.choice(["line", "ends"]))
    s.write(x + 0.35 * (width - x), height * 0.28, s.length(), size)
    s.write(x + 12, height * 0.73, s.text()[:14], size)
    return s


def xl30(rng, height, width, family) -> Strip:
    """Philips and older FEI: one or two lines of names and values, a line as scale, no frame."""
    s = Strip(rng, height, width, paper=rng.choice([0, 0, 255]), family=family)
    s.ink = 255 if s.paper < 128 else 0
    size = _lines(s, 2, 0.62, 6, width * 0.62)
    s.scale(width * 0.66, height * 0.3, width * rng.uniform(0.08, 0.3), size, "ends")
    s.write(width * 0.72, height * 0.3 + size, s.length(), size)
    if rng.random() < 0.5:
        s.box(0, 0, width, max(1, height // 30))
    return s


def jeol(rng, height, width, family) -> Strip:
    """One line of white letters on black; a thick line as scale amid them."""
    s = Strip(
        rng, height, width, paper=rng.integers(0, 6), ink=rng.integers(215, 256), family=family
    )
    size = height * rng.uniform(0.4, 0.7)
    x = s.write(8, height / 2, str(rng.choice(["SEI", "LEI", "NONE", "COMPO", "UED"])), size) + size
    for text in (s.text()[:7], s.text()[:8]):
        x = s.write(x, height / 2, text, size) + size * rng.uniform(0.8, 3)
    s.scale(
        x,
        height * rng.uniform(0.2, 0.4),
        width * rng.uniform(0.08, 0.2),
        size,
        rng.choice(["line", "block"]),
    )
    x = s.write(x, height * 0.62, s.length(), size) + 2 * size
    s.fields(height / 2, size, min(x, width * 0.85), width - 6)
    return s


def jeol_two(rng, height, width, family) -> Strip:
    """JEOL with two lines and a row of dots above the length."""
    s = Strip(rng, height, width, paper=0, ink=255, family=family)
    size = _lines(s, 2, 0.7, 8, width * rng.uniform(0.5, 0.7))
    s.scale(width * 0.75, height * 0.28, width * 0.15, size, rng.choice(["ticks", "line", "ends"]))
    s.write(width * 0.77, height * 0.72, s.length(), size)
    return s


def hitachi(rng, height, width, family) -> Strip:
    """S-4800, SU: one line at the left, eleven ticks with the length at the right."""
    s = Strip(rng, height, width, paper=rng.integers(0, 12), family=family)
    size = height * rng.uniform(0.4, 0.62)
    s.fields(height * 0.5, size, rng.uniform(0, 12), width * rng.uniform(0.4, 0.66), 0.8)
    s.scale(width * 0.7, height * 0.3, width * rng.uniform(0.15, 0.25), size, "ticks")
    s.write(width * 0.75, height * 0.72, s.length(), size * 0.8)
    return s


def hitachi_tem(rng, height, width, family) -> Strip:
    """A thin strip or several lines in another language below or above a film."""
    s = Strip(rng, height, width, paper=rng.choice([0, 255, 255, 240]), family=family)
    s.ink = 255 if s.paper < 128 else 0
    count = max(1, min(4, height // 22))
    size = _lines(s, count, rng.uniform(0.55, 0.75), 5, width * rng.uniform(0.5, 0.8))
    s.scale(width * 0.8, height * 0.35, width * 0.12, size, "line")
    s.write(width * 0.8, height * 0.7, s.length(), min(size, height * 0.3))
    return s


def tescan(rng, height, width, family) -> Strip:
    """Cells in a grid of two or three lines, the scale and a large name at the right."""
    s = Strip(
        rng, height, width, paper=rng.integers(0, 70), ink=rng.integers(220, 256), family=family
    )
    rows = 3 if height >= 54 else 2
    size, column = 0.6 * height / rows, width * rng.uniform(0.26, 0.32)
    for k in range(rows):
        for left in (0, column):
            s.write(left + 5, height * (k + 0.5) / rows, s.text()[:22], size)
        if k:
            s.box(0, height * k / rows, 2 * column, height * k / rows + 1)
    for x in (column, 2 * column):
        s.box(x, 0, x + 1, height)
    s.scale(2 * column + 10, height * 0.3, width * 0.1, size, "ends")
    s.write(2 * column + 10, height * 0.7, s.length(), size)
    s.write(
        width * 0.78,
        height * 0.5,
        "VEGA LAB"[: int(rng.integers(4, 9))],
        min(height * 0.5, width * 0.04),
    )
    return s


def amt(rng, height, width, family) -> Strip:
    """AMT cameras: many lines of small letters at the left, the scale at the right; on white."""
    s = Strip(rng, height, width, paper=rng.choice([255, 255, 0]), family=family)
    s.ink = 255 if s.paper < 128 else 0
    count = max(2, min(6, height // 14))
    size = 0.8 * height / count
    for k in range(count):
        s.write(5, height * (k + 0.5) / count, s.text(), size)
    for k in range(min(3, count - 1)):
        s.write(width * 0.7, height * (k + 0.5) / count, s.text()[:16], size)
    s.scale(width * 0.7, height * 0.88, width * 0.15, size, "block")
    return s


def gatan(rng, height, width, family) -> Strip:
    """A strip with a scale bar and its length, and at times a name."""
    s = Strip(rng, height, width, paper=rng.choice([0, 255]), family=family)
    s.ink = 255 if s.paper < 128 else 0
    size = min(height * 0.5, 40)
    s.scale(10, height * 0.75, width * rng.uniform(0.15, 0.35), size, "block")
    s.write(12, height * 0.33, s.length(), size)
    s.fields(height * 0.4, size, width * rng.uniform(0.4, 0.6), width - 8)
    return s


def grey(rng, height, width, family) -> Strip:
    """Middle grey with white or black letters in one to three lines."""
    paper = rng.integers(60, 200)
    s = Strip(rng, height, width, paper=paper, ink=255 if paper < 135 else 0, family=family)
    count = max(1, min(3, height // 26))
    size = _lines(s, count, 0.58, 8, width * rng.uniform(0.6, 0.95))
    s.scale(width * 0.82, height * 0.8, width * 0.12, size, "ends")
    return s


def glass(rng, height, width, family) -> Strip:
    """The specimen shines through a darkened or a whitened strip."""
    dark = rng.random() < 0.65
    made = [jeol, hitachi, xl30, grey, gatan, tescan][int(rng.integers(6))](
        rng, height, width, family
    )
    s = Strip(rng, height, width, paper=0 if dark else 255, ink=255 if dark else 0, family=family)
    share = np.abs(made.pixels.astype(float) - made.paper) / max(1, abs(made.ink - made.paper))
    s.pixels = np.round(s.paper + share.clip(0, 1) * (s.ink - s.paper)).astype(np.uint8)
    s.opacity = rng.uniform(0.35, 0.8)
    return s


def thin(rng, height, width, family) -> Strip:
    """As high as its letters need, dark or light, often with a line at its inner edge."""
    s = Strip(rng, height, width, paper=rng.choice([0, 255]), family=family)
    s.ink = 255 if s.paper < 128 else 0
    s.fields(
        height * 0.52,
        min(height * rng.uniform(0.55, 0.8), 22),
        4,
        width * rng.uniform(0.5, 0.98),
        1.2,
    )
    if rng.random() < 0.4:
        s.box(0, 0, width, 1)
    return s


Layout = Callable[[np.random.Generator, int, int, str], Strip]
LAYOUTS: dict[str, tuple[Layout, int]] = {
    # and the least height
    "Zeiss": (zeiss, 34), "Zeiss, few fields": (zeiss_short, 24), "FEI": (fei, 28),
    "XL30": (xl30, 28),
    "JEOL": (jeol, 14), "JEOL, two lines": (jeol_two, 28), "Hitachi": (hitachi, 14),
    "Hitachi TEM": (hitachi_tem, 14), "TESCAN": (tescan, 34), "AMT": (amt, 34),
    "Gatan": (gatan, 24),
    "grey": (grey, 16), "translucent": (glass, 18), "thin": (thin, 12),
}  # fmt: skip


@dataclass(frozen=True)
class Barred:
    """A picture with a bar at a border, `beneath` it rows of specimen."""

    image: np.ndarray
    border: str
    height: int
    beneath: int
    layout: str
    family: str
    # rows that its letters were made for
    least: int = 12

    @property
    def taken(self) -> int:
        """Rows or columns that are left out."""
        return self.height + self.beneath


def drawn(
    image: np.ndarray,
    layout: str,
    family: str,
    rng: np.random.Generator,
    far: float = 0.0,
    layouts: dict[str, tuple[Layout, int]] = LAYOUTS,
) -> Barred:
    """Put a bar on an image of 8 bit: over it, beside it, or some rows away from its border.

    `far` is a share of the rows that lies beneath an opaque bar, at the bottom or top.
    """
    make, least = layouts[layout]
    border = str(rng.choice(["bottom", "top", "left", "right"], p=[0.72, 0.18, 0.05, 0.05]))
    if far and border in ("left", "right"):
        border = "bottom"
    turns = {"bottom": 0, "top": 2, "left": 3, "right": 1}[border]
    upright = np.ascontiguousarray(image if border == "top" else np.rot90(image, -turns))
    rows, along = upright.shape
    most = max(least, min(120, round(0.22 * rows)))
    # most bars of vendors take 4 to 12 % of the height
    height = int(np.clip(rng.triangular(0.03, 0.08, 0.22) * rows, least, most))
    strip = make(rng, height, along, family)
    beneath = 0
    if border in ("bottom", "top") and strip.opacity == 1 and rng.random() < 0.25:
        beneath = int(min(rng.integers(14, 101), rows // 6))
    if far:
        beneath = round(far * rows)
    if border == "top":
        upright = upright[::-1]
    whole = upright
    if strip.opacity == 1 and not beneath and rng.random() < 0.5:
        whole = np.vstack([upright, np.zeros((height, along), np.uint8)])
    whole = whole.copy()
    place = slice(len(whole) - beneath - height, len(whole) - beneath)
    share = np.where(np.abs(strip.pixels.astype(int) - strip.paper) > 8, 1.0, strip.opacity)
    under, panel = whole[place], strip.pixels
    if border == "top":
        panel, share = panel[::-1], share[::-1]
    whole[place] = np.round(share * panel + (1 - share) * under)
    whole = whole[::-1] if border == "top" else np.rot90(whole, turns)
    return Barred(np.ascontiguousarray(whole), border, height, beneath, layout, family, least)


def choose(rng: np.random.Generator, hold: str = "") -> tuple[str, str]:
    """A layout and a family of letters, any but the one held out."""
    layouts = [name for name in LAYOUTS if name != hold]
    there = [name for name in families() if name != hold]
    return str(rng.choice(layouts)), str(rng.choice(there))
