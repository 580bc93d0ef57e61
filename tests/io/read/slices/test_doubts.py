"""Names whose order is doubtful."""

from __future__ import annotations

import pytest

from napari_visual_ccc.io.read.slices.doubts import doubts
from napari_visual_ccc.io.read.slices.order import by_number


@pytest.mark.parametrize(
    ("names", "why"),
    [(["z_500", "z_1um"], "units of z_1um and z_500"),
     (["mag_500", "mag_1k"], "units of mag_1k and mag_500"),
     (["5 mfoo", "1 foo"], "units of 1 foo and 5 mfoo"),
     (["5nm", "3ms"], "units of 3ms and 5nm"),
     (["sec1e1", "sec1e2", "sec2e1"], "sec1e2 may have a power of ten"),
     (["e_1x10-3", "e_1x10-2"], "e_1x10-3 is taken for a power of ten"),
     (["1A", "1B", "10", "11"], "1A may have hexadecimal")],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_told(names, why):
    (said,) = doubts(by_number([f"{one}.tif" for one in names]))
    assert why.replace(".tif", "") in said.replace(".tif", "")
    assert said.endswith("check the order")


@pytest.mark.parametrize(
    "names",
    [["s1", "s2", "s10"], ["s1", "s2", "s2A"], ["1A", "1B", "2A", "2B"], ["d_500nm", "d_1um"],
     ["08", "09", "0A"], ["A01", "A02", "B01"], ["dose1e17", "dose2e17"], ["t_-30", "t_30"],
     ["e_10^-3", "e_10^-2"], ["s_1_top", "s_2_top"], ["1x10", "2x10"], ["5kV_1", "5kV_2"],
     ["bottom", "top"], ["s_I", "s_II", "s_III"]],
    ids=lambda names: names[0],
)  # fmt: skip
def test_of_clear_names_nothing_is_told(names):
    assert doubts(by_number([f"{one}.tif" for one in names])) == ()
