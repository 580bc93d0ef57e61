"""Quantities in names of slices."""

from __future__ import annotations

import random

import pytest

from napari_visual_ccc.io.read.slices.order import by_number, gaps, ordered
from napari_visual_ccc.io.read.slices.quantities import plain


@pytest.mark.parametrize(
    "order",
    [
        ["e_1e-3", "e_1e-2", "e_1e-1"],
        ["a_5E+02", "a_1E+03", "a_2E+03"],
        ["x2,5e-4_y2", "x1.5e-3_y2", "x0.1_y2"],
        ["1e5", "2e5", "1e10"],
        ["2.5e3x", "1e4x", "1.2e4x"],
        ["rate -1e-2", "rate -1e-3", "rate 1e-3"],
        ["d_20nm", "d_500nm", "d_1um", "d_1.5µm"],
        ["t_500us", "t_1ms", "t_2s", "t_1min"],
        ["30min", "1h", "90min"],
        ["500 V", "5 kV", "10 kV"],
        ["500x_a", "2kx_a", "10kx_a"],
        ["900kPa", "1MPa", "1.1MPa"],
        ["d_2nm", "d_10nm"],
        ["s_I", "s_II", "s_IV", "s_V", "s_IX", "s_X"],
        ["layer iii b", "layer iv b", "layer v b"],
        ["d1e-1", "d0.5", "d2", "d1e1"],
        ["dose1e17", "dose5e17", "dose2e18"],
        ["e_10^-3", "e_10^-2", "e_10^-1", "e_10^2"],
        ["e_1x10-3", "e_5x10-3", "e_1x10-2"],
        ["c2*10^-4_b", "c1*10^-3_b"],
        ["c 5×10⁻⁴", "c 10⁻³", "c 10²"],
        ["d_5mA", "d_1A"],
        ["8A", "1nm"],
        ["10uL", "500µL", "1mL"],
        ["5nM", "2µM", "5mM", "1M"],
        ["100kx", "1Mx"],
        ["500k", "1M"],
        ["5mW", "1W"],
        ["90mN", "1N"],
        ["50mK", "4K"],
        ["500ppb", "1ppm"],
        ["500MHz", "1GHz"],
        ["08", "09", "0A", "0B", "10"],
        ["s_0x19", "s_0x1a", "s_0x1f", "s_0x20"],
        ["0e0", "0e9", "0ea", "0f0"],
        # no quantities: names of samples, numbers behind a hyphen, letters
        ["sec1e1", "sec1e2", "sec2e1"],
        ["a1e2b", "a1e10b"],
        [f"1e-{k}" for k in range(1, 13)],
        ["im_1e1", "im_1f0", "im_2a3"],
        ["scan_C", "scan_D", "scan_I", "scan_L"],
        ["1m_a", "2s_a", "3m_a"],
        ["z0,5", "z1,25", "z1,5"],
        ["1A", "1B", "2A", "2B", "10A"],
        ["1A", "1B", "10", "11"],
        ["r1x10", "r2x10"],
    ],
    ids=lambda order: order[0],
)
def test_quantities_decide_the_order(order):
    names = [f"{name}.tif" for name in order]
    random.Random(1).shuffle(names)
    assert by_number(names) == [f"{name}.tif" for name in order]


@pytest.mark.parametrize(
    ("names", "by"),
    [(["e_1e-3", "e_1e-2"], "the values in their names, 1e-3 to 1e-2"),
     (["d_900nm", "d_1um"], "the values in their names, 900nm to 1um"),
     (["dose9e17", "dose2e18"], "the values in their names, 9e17 to 2e18"),
     (["09", "0A"], "the values in their names, 09 to 0A"),
     (["s_I", "s_II"], "the values in their names, I to II"),
     (["s1", "s2"], "their numbers"),
     (["bottom", "top"], "their names, as no number in them differs (bottom to top)")],
)  # fmt: skip
def test_what_decides_is_said(names, by):
    assert ordered(names[::-1]) == (names, by)


def test_a_lost_slice_of_quantities_is_found():
    assert (
        "1 number is" in gaps([f"d_{one}.tif" for one in ("800nm", "900nm", "1.1um", "1.2um")])[0]
    )


def test_quantities_are_plain_numbers():
    found = plain({"a": "x_1.5e-3", "b": "x_2e-4"})
    assert found.stems == {"a": "x_0.0015", "b": "x_0.0002"}
    assert found.values == {"a": "1.5e-3", "b": "2e-4"}
    assert plain({"a": "s1", "b": "s2"}) == ({"a": "s1", "b": "s2"}, {})
