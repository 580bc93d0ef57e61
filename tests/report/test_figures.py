"""Scale bars of a round length, and pictures that are the same on every run."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from napari_visual_ccc.core.layers import ImageLayer, LabelsLayer
from napari_visual_ccc.core.pixel_size import PixelSize
from napari_visual_ccc.core.units import LENGTHS
from napari_visual_ccc.report import figures

ONE, FIVE = PixelSize((1.0, 1.0), "nm"), PixelSize((5.0, 5.0), "nm")


@pytest.mark.parametrize(
    ("most", "unit", "text"),
    [
        (999, "nm", "500 nm"), (1000, "nm", "1 µm"), (2600, "nm", "2 µm"), (0.7, "nm", "0.5 nm"),
        (0.3, "µm", "200 nm"), (30, "Å", "2 nm"), (7, "Å", "5 Å"), (70, "pm", "50 pm"),
        (2500, "µm", "2 mm"), (3, "cm", "20 mm"), (2, "m", "2 m"), (64, "px", "50 px"),
        (6, "1/nm", "5 nm⁻¹"), (0.03, "1/nm", "0.02 nm⁻¹"), (9, "V", "5 V"),
    ],
)  # fmt: skip
def test_scale_bars_are_told_in_the_unit_that_suits(most, unit, text):
    assert figures.round_length(most, unit)[1] == text


@given(st.floats(1e-6, 1e9), st.sampled_from(["pm", "Å", "nm", "µm", "mm", "cm", "m", "px"]))
def test_scale_bars_are_round_and_long(most, unit):
    length, text = figures.round_length(most, unit)
    assert most / 2.5 * (1 - 1e-6) <= length <= most * (1 + 1e-6)
    number, name = text.split()
    assert float(number) / 10.0 ** np.floor(np.log10(float(number)) + 1e-9) == pytest.approx(
        int(f"{float(number):.0e}"[0])
    )
    assert int(f"{float(number):.0e}"[0]) in (1, 2, 5)
    metres = LENGTHS
    if name in metres:
        assert float(number) * metres[name] == pytest.approx(length * metres[unit], rel=1e-5)


def test_svg_is_vectors_and_text_around_the_pixels(tmp_path, discs):
    labels = LabelsLayer((discs < 130).astype(np.int32))
    for name in ("a.svg", "b.svg"):
        figures.preview(labels, tmp_path / name, image=discs, pixel_size=FIVE)
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert ">200 nm<" in text
    assert text.count("data:image/png;base64") == 2
    assert text == (tmp_path / "b.svg").read_text(encoding="utf-8")


def test_a_bar_is_as_long_as_it_says(tmp_path, discs):
    """160 pixels of 5 nm: a quarter is 200 nm, which are 40 of 160 pixels."""
    figures.preview(ImageLayer(discs), tmp_path / "a.svg", pixel_size=FIVE)
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    image = float(re.search(r'<image[^>]* width="([\d.]+)"', text)[1])
    bars = re.findall(r'd="M ([\d.]+) [\d.]+ *\n?L ([\d.]+) [^"]*" [^>]*fill: #ffffff', text)
    widths = [abs(float(b) - float(a)) for a, b in bars]
    assert any(width == pytest.approx(image / 4, rel=0.02) for width in widths), (image, widths)


def test_oblong_pixels_are_drawn_oblong(tmp_path):
    data = np.full((100, 100), 50, np.uint8)
    data[10:90, 10:90] = 200
    figures.preview(ImageLayer(data), tmp_path / "a.png", pixel_size=PixelSize((2.0, 1.0), "nm"))
    drawn = np.asarray(Image.open(tmp_path / "a.png").convert("L"))
    black = drawn < 5
    height, width = np.ptp(np.flatnonzero(black.any(axis=1))), np.ptp(np.flatnonzero(black.any(0)))
    assert height / width == pytest.approx(2, rel=0.03)


def test_layers_are_drawn_above_each_other(tmp_path, discs):
    below = ImageLayer(discs)
    above = LabelsLayer((discs < 130).astype(np.int32))
    figures.overlay([below], tmp_path / "a.png", title="particles", pixel_size=ONE)
    figures.overlay([below, above], tmp_path / "b.png", title="particles")
    plain, coloured = (
        np.asarray(Image.open(tmp_path / n).convert("HSV")) for n in ("a.png", "b.png")
    )
    assert (plain[..., 1] > 100).mean() < 0.001
    assert (coloured[..., 1] > 100).mean() > 0.03


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
@pytest.mark.parametrize(
    "name", ["$\\frac{a}$", "\U0001f52c \u7c92\u5b50", "a\x1b[31m\x07b", "\\$1 $2"]
)
def test_names_of_classes_do_not_stop_a_figure(tmp_path, ending, name):
    """A formula with an error was not drawn, and letters that the font lacks were warned of."""
    figure = Figure()
    axes = figure.subplots()
    axes.set_title(name)
    axes.set_yticks([0, 1], [name, "b"])
    axes.semilogx([1, 1000], [0, 1])
    figures.save(figure, tmp_path / f"a.{ending}")
    assert (tmp_path / f"a.{ending}").stat().st_size > 1000
    if ending == "svg" and "frac" in name:
        assert name in (tmp_path / "a.svg").read_text("utf-8")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_file_that_cannot_be_written_to_its_end_is_named(tmp_path, discs, ending):
    resource = pytest.importorskip("resource")
    figure = Figure()
    figure.subplots().imshow(discs)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # as on a full disk: the first bytes are written, the others are refused
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(OSError, match=f"a.{ending}: could not be written"):
            figures.save(figure, tmp_path / f"a.{ending}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())
