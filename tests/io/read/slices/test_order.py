"""The order of slices by the numbers in their names and by the angles beside them."""

from __future__ import annotations

import random

import pytest

from napari_visual_ccc.io.read.slices.order import by_number, gaps, natural, ordered, series, tilts


@pytest.mark.parametrize(
    "order",
    [
        ["tilt-10deg", "tilt-2deg", "tilt+2deg", "tilt+10deg"],
        ["tilt-10deg", "tilt-2deg", "tilt0deg", "tilt+2deg", "tilt+10deg"],
        ["tilt_-1.5", "tilt_-1.25", "tilt_-1", "tilt_-0.5", "tilt_0", "tilt_1.25", "tilt_1.5"],
        ["tilt_-1.50", "tilt_-1.5_b", "tilt_-1.25", "tilt_0.0"],
        ["t_\u221210", "t_\u22122", "t_0", "t_2"],
        ["a_m60", "a_m30", "a_p00", "a_p30"],
        ["m10", "m02", "p00", "p02"],
        ["tiltn10", "tiltn2", "tiltp2", "tiltp10"],
        ["s_m1p5", "s_m0p5", "s_p0p0", "s_p0p5", "s_p1p5"],
        ["neg10", "neg2", "0", "2", "10"],
        ["Neg_10", "Neg_2", "Pos_2", "Pos_10"],
        ["z minus 4", "z minus 3", "z plus 1"],
        ["m1", "m2", "m10"],
        ["p1_m2", "p2_m1", "p3_m3"],
        ["pos1", "pos2", "pos10"],
        ["run1-2", "run1-10", "run2-1"],
        ["map1", "map2", "pmap1"],
        ["2024-01-9_s1", "2024-01-9_s2", "2024-01-10_s3", "2024-01-10_s10"],
        ["s1.9", "s1.10", "s1.11"],
    ],
    ids=lambda order: order[0],
)
def test_signs_of_all_kinds_decide_the_order(order):
    names = [f"{name}.tif" for name in order]
    random.Random(0).shuffle(names)
    assert by_number(names) == [f"{name}.tif" for name in order]


@pytest.mark.parametrize(
    "pattern", ["TS_01_{0:03}_{1:.1f}", "Position_1_{0:03}_{1:.2f}_20231010_12000{0}_EER"]
)
def test_angles_come_before_the_number_of_the_exposure(pattern):
    # the dose-symmetric scheme: 0, 3, -3, -6, 6
    names = [pattern.format(k, angle) + ".tif" for k, angle in enumerate((0, 3, -3, -6, 6))]
    there, by = ordered(names)
    assert [names.index(one) for one in there] == [3, 2, 0, 1, 4]
    assert by == "the angles in their names, -6 to 6"


def test_the_angle_of_an_mdoc_decides(tmp_path):
    angles = (0.01, 2.5, -2.5, -5.02, 5)
    names = [f"frames_{k:03}.tif" for k in range(5)]
    sections = [
        f"[ZValue = {k}]\r\nTiltAngle = {angle}\r\nSubFramePath = X:\\day\\{name}\r\n"
        for k, (angle, name) in enumerate(zip(angles, names, strict=True))
    ]
    (tmp_path / "ts.mrc.mdoc").write_text("PixelSpacing = 2\r\n" + "\r\n".join(sections))
    paths = [tmp_path / name for name in names]
    assert list(tilts(paths).values()) == list(angles)
    # motion correction writes other endings
    assert list(tilts([path.with_suffix(".png") for path in paths]).values()) == list(angles)
    assert tilts([*paths, tmp_path / "other.tif"]) == {}


def test_each_movie_may_have_an_mdoc_of_its_own(tmp_path):
    for k, angle in enumerate((0, -3)):
        text = f"T = SerialEM\n[FrameSet = 0]\nTiltAngle = {angle}\n"
        (tmp_path / f"m{k}.tif.mdoc").write_text(text)
    assert list(tilts([tmp_path / "m0.tif", tmp_path / "m1.tif"]).values()) == [0, -3]
    assert tilts([]) == {}


@pytest.mark.parametrize(
    ("numbers", "count"),
    [((1, 2, 4, 5), 1), ((0, 2, 4, 10), 2), ((1, 2, 3, 40), 36), ((1, 2, 3), 0), ((1, 3), 0),
     ((1, 2, 4), 1),
     ((5, 10, 15), 0), ((120000, 120013, 120031, 120040), 0)],
)  # fmt: skip
def test_missing_numbers_are_counted(numbers, count):
    found = gaps([f"slice_{one:03}_20kV.tif" for one in numbers])
    assert bool(found) == bool(count)
    assert not count or found[0].startswith(f"{count} number")


def test_missing_angles_are_named():
    (note,) = gaps(["t_-3.0.tif", "t_-1.5.tif", "t_1.5.tif"])
    assert "between t_-1.5.tif and t_1.5.tif" in note


def test_natural_order_is_by_value():
    assert sorted(["a10", "a2", "A1"], key=natural) == ["A1", "a2", "a10"]


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["s0", "s1", "s0_8bit", "s1_8bit"], 2), (["s01", "s02", "s01_mask", "s02_mask"], 2),
        (["s0_ch00", "s0_ch01", "s1_ch00", "s1_ch01"], 2),
        (["z1_c0", "z1_c1", "z1_c2", "z2_c0", "z2_c1", "z2_c2"], 3),
        (["m30", "m60", "p30", "p60"], 0), (["t-3", "t+3", "t-6", "t+6"], 0),
        (["s1", "s2", "s3", "s2_b"], 0), (["a1", "b2", "c3", "d4"], 0), (["a", "b"], 0),
        (["z1_c0", "z2_c0", "z3_c0"], 0),
    ],
)  # fmt: skip
def test_several_series_of_the_same_slices_are_told(names, count):
    found = series(ordered([f"{name}.tif" for name in names])[0])
    assert bool(found) == bool(count)
    assert not count or found[0].startswith(f"{count} series of names have the same numbers")
