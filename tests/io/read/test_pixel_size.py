"""Units, numbers and the choice among stated pixel sizes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.units import unit_of
from napari_visual_ccc.io.read.pixel_size import (
    PRINTED,
    PixelSizeClaim,
    number,
    of_print,
    resolve_pixel_size,
)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("micron", "µm"), ("μm", "µm"), ("um", "µm"), ("\\u00B5m", "µm"), ("nanometer", "nm"),
     ("A", "Å"), ("\u212b", "Å"), ("1 / nm", "1/nm"), ("nm^-1", "1/nm"), ("1/A", "1/Å"),
     ("inches", "inch"), ("", "px"), (None, "px"), ("Pixels", "px"), ("furlong", "furlong")],
)  # fmt: skip
def test_units_have_one_name(text, unit):
    assert unit_of(text) == unit


@pytest.mark.parametrize(
    ("size", "unit", "found"),
    [(3e-9, "m", (3, "nm")), (1e-4, "cm", (1000, "nm")), (1, "inch", (2.54e7, "nm")),
     (2, "µm", (2, "µm")), (2, "pm", (2, "pm")), (1.5, "Å", (1.5, "Å")), (2, "mm", (2, "mm")),
     (5e8, "1/m", (0.5, "1/nm")), (0.5, "1/nm", (0.5, "1/nm"))],
)  # fmt: skip
def test_metres_and_inches_become_nanometres_and_readable_units_stay(size, unit, found):
    spacing, name, source, notes = resolve_pixel_size(
        [PixelSizeClaim("a test", (size, size), unit)]
    )
    assert (spacing, name) == (pytest.approx((found[0], found[0])), found[1])
    assert source == "a test"
    assert not notes


@pytest.mark.parametrize(
    ("size", "unit"),
    [(0, "nm"), (-1, "nm"), (np.inf, "nm"), ("x", "nm"), (5, "furlong"), (20, "m")],
)
def test_what_is_no_pixel_size_is_named_and_not_used(size, unit):
    spacing, name, source, notes = resolve_pixel_size(
        [PixelSizeClaim("a test", (size, size), unit)]
    )
    assert (spacing, name, source) == (None, "px", "")
    assert "a test" in notes[0]


def test_sizes_that_agree_within_their_digits_do_not_contradict_each_other():
    sizes = [
        PixelSizeClaim("one", (3.0004, 3.0004), "nm"),
        PixelSizeClaim("two", (0.003, 0.003), "µm"),
    ]
    assert resolve_pixel_size(sizes) == ((3.0004, 3.0004), "nm", "one", ())


@pytest.mark.parametrize(
    ("text", "value"), [("25.00 K X", 25_000), ("3,5", 3.5), ("1e-3 m", 1e-3), (b"2", 2), (4, 4)]
)
def test_numbers_as_microscopes_write_them(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "K", None, True, float("nan"), "1.#IND"[2:], [1]])
def test_what_is_no_number_is_none(text):
    assert number(text) is None


@pytest.mark.parametrize(
    ("sizes", "unit", "text"),
    [((1 / 300, 1 / 300), "inch", "300 dpi"), ((1 / 118.11, 1 / 118.11), "cm", "300 dpi"),
     ((1 / 28.35, 1 / 28.35), "cm", "72 dpi"), ((1 / 1200, 1 / 600), "inch", "600 x 1200 dpi"),
     ((1 / 2540, 1 / 2540), "inch", "2540 dpi"), ((1 / 5000,) * 2, None, "5000 without a unit"),
     ((1.0, 1.0), None, ""), ((1.0, 1.0), "cm", ""), ((1.0, 1.0), "inch", ""),
     ((None, None), "inch", ""), ((1e-7, 1e-7), "cm", "")],
)  # fmt: skip
def test_a_resolution_for_print_is_told(sizes, unit, text):
    told = of_print(sizes, unit).get(PRINTED, "")
    assert told.startswith(text)
    assert bool(told) is bool(text)
    assert not told or told.endswith("not used as a pixel size")
