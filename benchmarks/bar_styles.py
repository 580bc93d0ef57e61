"""Ten styles of info bars, drawn as microscopes draw them, and ways of spoiling the picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from napari_visual_ccc.core.micrograph import InfoBar

FIELDS = (
    "EHT = {v:.2f} kV", "WD = {w:.1f} mm", "Mag = {m:.2f} K X", "Signal A = SE2", "HV {v:.2f} kV",
    "curr {w:.2f} nA", "det ETD", "HFW {m:.1f} µm", "SEI", "X{n:,}", "SEM HV: {v:.1f} kV",
    "View field: {m:.0f} µm", "Det: BSE", "S4800 {v:.1f}kV {w:.1f}mm x{m:.1f}k SE(M)", "LED",
    "{d:02d}/{e:02d}/20{d:02d}", "spot {w:.1f}", "Stage at T = {w:.1f} °", "Univ. lab {e}",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A picture and where its bar is."""

    image: np.ndarray
    bar: InfoBar
    opaque: bool


class Panel:
    """A strip of pixels to draw on; `opacity` is 1 where nothing shines through."""

    def __init__(self, rng: np.random.Generator, height: int, width: int, paper: int, ink: int):
        self.rng, self.height, self.width = rng, height, width
        self.paper, self.ink, self.opacity = paper, ink, 1.0
        self.image = Image.new("L", (width, height), paper)
        self.draw = ImageDraw.Draw(self.image)
        if rng.random() < 0.2:
            # letters without grey rims
            self.draw.fontmode = "1"
        self.face = str(rng.choice(_faces()))

    def font(self, size: float) -> ImageFont.FreeTypeFont:
        """Give the typeface of this panel in a size, 9 at least."""
        size = max(9, round(size))
        return (
            ImageFont.load_default(size) if not self.face else ImageFont.truetype(self.face, size)
        )

    def field(self) -> str:
        """Make up what microscopes write."""
        v, w, m = self.rng.choice([1, 3, 5, 15, 20, 30]), *self.rng.uniform(2, 90, 2)
        n, d, e = 500 * int(self.rng.integers(1, 200)), *self.rng.integers(1, 28, 2)
        return str(self.rng.choice(FIELDS)).format(v=v, w=w / 6, m=m, n=n, d=int(d), e=int(e))

    def write(self, x: float, y: float, text: str, size: float) -> float:
        """Write with the middle of the letters at `y`; give where the text ends."""
        font = self.font(size)
        self.draw.text((x, y), text, fill=self.ink, font=font, anchor="lm")
        return x + self.draw.textlength(text, font=font)

    def line(self, y: float, size: float, left: float, right: float, gap: float = 2.0) -> None:
        """Write fields until there is no more room; always one."""
        x = left
        for k in range(12):
            text = self.field()
            width = self.draw.textlength(text, font=self.font(size))
            if x + width > right:
                if k == 0:
                    self.write(x, y, text[: max(6, int(len(text) * (right - x) / width))], size)
                return
            x = self.write(x, y, text, size) + gap * size

    def scale(self, x: float, y: float, length: float, style: str, size: float) -> None:
        """Draw a scale bar, with or without ends."""
        thick = max(1, round(size / 8))
        self.draw.rectangle((x, y - thick, x + length, y), fill=self.ink)
        if style == "ends":
            for end in (x, x + length):
                self.draw.line((end, y - size / 3, end, y + size / 3), fill=self.ink, width=thick)

    def logo(self, x: float, y: float, size: float, kind: str) -> None:
        """Draw a sign of a firm."""
        box = (x, y, x + size, y + size)
        if kind == "round":
            self.draw.ellipse(box, outline=self.ink, width=max(1, round(size / 10)))
            self.draw.ellipse((x + size / 3, y + size / 3, x + size / 1.5, y + size / 1.5),
                              fill=(self.ink + self.paper) // 2)  # fmt: skip
        else:
            self.draw.rectangle(box, fill=self.ink)
            font = self.font(size / 3)
            self.draw.text((x + size / 2, y + size / 2), "LAB", fill=self.paper, font=font,
                           anchor="mm")  # fmt: skip


def _faces() -> list[str]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    names = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif", "STIXGeneral")
    return ["", *(str(folder / f"{name}.ttf") for name in names)]


# styles: rng, height, width → panel --------------------------------------------------------------


def white_two_lines(rng: np.random.Generator, height: int, width: int) -> Panel:
    """Zeiss: black on white, a bracket over the scale, two lines, a black box at the right."""
    p = Panel(rng, height, width, int(rng.integers(250, 256)), int(rng.integers(0, 20)))
    size = height * 0.26
    p.write(6, height * 0.28, f"{rng.choice([1, 2, 10, 20, 200])} µm", size)
    p.scale(6, height * 0.72, width * rng.uniform(0.06, 0.15), "ends", size)
    for y in (0.28, 0.72):
        p.line(height * y, size, width * 0.22, width * 0.85, 3)
    p.logo(width - height, height * 0.15, height * 0.7, "box")
    return p


def black_cells(rng: np.random.Generator, height: int, width: int) -> Panel:
    """FEI: white frame, cells of two lines, the scale in the last, a round logo in the first."""
    p = Panel(rng, height, width, int(rng.integers(0, 4)), 255)
    p.draw.rectangle((0, 0, width - 1, height - 1), outline=p.ink)
    p.logo(3, height * 0.15, height * 0.7, "round")
    x, size, last = height * 1.1, height * 0.32, width * rng.uniform(0.55, 0.7)
    while x < last:
        p.draw.line((x, 0, x, height), fill=p.ink)
        p.write(x + 4, height * 0.28, str(rng.choice(["HV", "det", "WD", "HFW", "mag"])), size)
        value = f"{rng.uniform(1, 90):.1f} {rng.choice(['kV', 'nA', 'mm', 'µm'])}"
        x = p.write(x + 4, height * 0.72, value, size) + 5
    p.draw.line((x, 0, x, height), fill=p.ink)
    p.scale(x + 10, height * 0.3, max(8, width - x - 24), "ends", size)
    p.write(x + 12, height * 0.72, f"{rng.choice([1, 5, 50, 500])} µm", size)
    return p


def black_one_line(rng: np.random.Generator, height: int, width: int) -> Panel:
    """JEOL: one line of white letters, a thick line as scale at its right."""
    p = Panel(rng, height, width, 0, int(rng.integers(220, 256)))
    size = height * rng.uniform(0.45, 0.6)
    p.line(height * 0.5, size, 8, width * 0.7)
    p.write(width * 0.74, height * 0.6, f"{rng.choice([1, 10, 100])}µm", size)
    p.scale(width * 0.74, height * 0.25, width * rng.uniform(0.1, 0.2), "line", size)
    return p


def ticks(rng: np.random.Generator, height: int, width: int) -> Panel:
    """Hitachi: letters at the left, eleven ticks as scale at the right."""
    p = Panel(rng, height, width, 0, 255)
    size = height * rng.uniform(0.35, 0.5)
    p.line(height * 0.45, size, 10, width * 0.65, 1)
    for k in range(11):
        x = width * 0.72 + k * width * 0.022
        p.draw.line((x, height * 0.15, x, height * 0.45), fill=p.ink, width=max(1, round(size / 9)))
    p.write(width * 0.75, height * 0.72, f"{rng.choice([1, 5, 50])}.00um", size)
    return p


def grid(rng: np.random.Generator, height: int, width: int) -> Panel:
    """TESCAN: dark grey, a grid of cells of two or three lines, a big name."""
    p = Panel(rng, height, width, int(rng.integers(0, 60)), 255)
    rows = 3 if height >= 60 else 2
    size = 0.62 * height / rows
    for k in range(rows):
        for left in (0.01, 0.3):
            p.line(height * (k + 0.5) / rows, size, width * left, width * (left + 0.27), 1)
        if k:
            y = round(height * k / rows)
            p.draw.line((0, y, width * 0.6, y), fill=p.ink)
    p.draw.line((width * 0.6, 0, width * 0.6, height), fill=p.ink)
    p.write(width * 0.7, height * 0.5, "VEGA LAB", min(height * 0.5, width * 0.05))
    return p


def grey(rng: np.random.Generator, height: int, width: int) -> Panel:
    """A bar of middle grey with white or black letters."""
    paper = int(rng.integers(80, 180))
    p = Panel(rng, height, width, paper, 255 if paper < 140 else 0)
    size = height * (0.5 if height < 40 else 0.28)
    for y in (0.5,) if height < 40 else (0.28, 0.72):
        p.line(height * y, size, 8, width * 0.75)
    p.logo(width - height, height * 0.15, height * 0.7, str(rng.choice(["box", "round"])))
    return p


def dark_glass(rng: np.random.Generator, height: int, width: int) -> Panel:
    """The specimen shines through black; white letters."""
    p = black_one_line(rng, height, width) if rng.random() < 0.5 else ticks(rng, height, width)
    p.opacity = rng.uniform(0.45, 0.8)
    return p


def milk_glass(rng: np.random.Generator, height: int, width: int) -> Panel:
    """The specimen shines through white; black letters."""
    p = Panel(rng, height, width, 255, 0)
    size = height * (0.5 if height < 40 else 0.28)
    for y in (0.5,) if height < 40 else (0.28, 0.72):
        p.line(height * y, size, 8, width * 0.75)
    p.scale(width * 0.8, height * 0.6, width * 0.12, "line", size)
    p.opacity = rng.uniform(0.45, 0.8)
    return p


def thin(rng: np.random.Generator, height: int, width: int) -> Panel:
    """A strip as high as its letters need, black or white, with a line at its inner edge."""
    dark = rng.random() < 0.5
    p = Panel(rng, height, width, 0 if dark else 255, 255 if dark else 0)
    p.line(height * 0.5, min(height * 0.6, 20), 5, width * rng.uniform(0.5, 0.95), 1.5)
    if rng.random() < 0.5:
        p.draw.line((0, 0, width, 0), fill=p.ink)
    return p


def side_panel(rng: np.random.Generator, height: int, width: int) -> Panel:
    """Short lines of letters under each other, a scale and a logo: `height` is the wide side."""
    dark = rng.random() < 0.6
    p = Panel(rng, height, width, int(rng.integers(0, 30)) if dark else 255, 255 if dark else 0)
    size = max(10.0, width * rng.uniform(0.08, 0.14))
    y = size * 1.5
    while y < height * rng.uniform(0.5, 0.8):
        p.line(y, size, 0.06 * width, 0.97 * width, 1)
        y += size * rng.uniform(1.4, 2.2)
    p.scale(0.1 * width, height * 0.88, 0.7 * width, "ends", size)
    p.logo(0.2 * width, height * 0.9, min(0.08 * height, 0.6 * width), "round")
    return p


STYLES: dict[str, Callable[[np.random.Generator, int, int], Panel]] = {
    "white, two lines (Zeiss)": white_two_lines,
    "black, framed cells (FEI)": black_cells,
    "black, one line (JEOL)": black_one_line,
    "black, ticks (Hitachi)": ticks,
    "dark grey, grid (TESCAN)": grid,
    "middle grey": grey,
    "translucent black": dark_glass,
    "translucent white": milk_glass,
    "thin strip": thin,
    "side panel": side_panel,
}
# least and largest height; what needs two lines cannot be thin
_HEIGHTS = {"white, two lines (Zeiss)": 40, "black, framed cells (FEI)": 34,
            "dark grey, grid (TESCAN)": 40, "side panel": 90}  # fmt: skip


def with_bar(image: np.ndarray, style: str, rng: np.random.Generator) -> Drawn:
    """Put a bar of a style on an image of 8 bit, over its border or beside it."""
    side = "bottom"
    if style == "side panel":
        side = str(rng.choice(["left", "right"]))
    else:
        # bars turned by a quarter: scans, and panels with upright letters
        side = str(rng.choice(["bottom", "top", "left", "right"], p=[0.55, 0.3, 0.075, 0.075]))
    turned = side in ("left", "right")
    length = image.shape[0] if turned else image.shape[1]
    other = image.shape[1] if turned else image.shape[0]
    least = _HEIGHTS.get(style, 24)
    most = min(40 if style == "thin strip" else 120, round(0.24 * other))
    most = max(most, least) if style != "side panel" else max(least, min(240, other // 4))
    height = int(rng.integers(least, most + 1))
    if style == "side panel":
        drawn = STYLES[style](rng, length, height)
        panel = np.array(drawn.image)
    else:
        drawn = STYLES[style](rng, height, length)
        panel = np.array(drawn.image)
        if turned:
            panel = np.rot90(panel, 1 if side == "left" else 3)
    whole = image.copy()
    if drawn.opacity == 1 and rng.random() < 0.5:
        pad = {"top": ((height, 0), (0, 0)), "bottom": ((0, height), (0, 0)),
               "left": ((0, 0), (height, 0)), "right": ((0, 0), (0, height))}[side]  # fmt: skip
        whole = np.pad(whole, pad)
    place: tuple[slice, slice] = {
        "top": np.s_[:height, :], "bottom": np.s_[-height:, :],
        "left": np.s_[:, :height], "right": np.s_[:, -height:],
    }[side]  # fmt: skip
    opaque = np.where(np.abs(panel.astype(int) - drawn.paper) > 8, 1.0, drawn.opacity)
    whole[place] = np.round(opaque * panel + (1 - opaque) * whole[place]).astype(np.uint8)
    return Drawn(whole, InfoBar(**{side: height}), drawn.opacity == 1)


def spoilt(made: Drawn, rng: np.random.Generator) -> Drawn:
    """Resize it, add noise of 1 to 3 %, save it as JPEG, make it 16 bit or float: each at times."""
    image, bar = made.image, made.bar
    if made.opaque and rng.random() < 0.1:
        # 12 bits of the detector in 16; letters and paper at the ends of the 16
        rows, columns = bar.specimen(*image.shape)
        deep = image.astype(np.uint16) * 257
        deep[rows, columns] = image[rows, columns].astype(np.uint16) * 16
        return replace(made, image=deep)
    if rng.random() < 0.15:
        by = rng.uniform(0.75, 1.6)
        size = tuple(round(by * n) for n in image.shape[::-1])
        image = np.array(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
        bar = InfoBar(*(round(by * n) for n in (bar.top, bar.bottom, bar.left, bar.right)))
    if rng.random() < 0.4:
        noise = rng.normal(0, 255 * rng.uniform(0.01, 0.03), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=int(rng.integers(60, 96)))
        image = np.array(Image.open(file))
    kind = rng.choice(["u1", "u2", "f4"], p=[0.7, 0.15, 0.15])
    return Drawn(image.astype(kind) * (257 if kind == "u2" else 1), bar, made.opaque)
