import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import (
    Axis,
    InfoBar,
    Micrograph,
    has_colours,
    plane_shape,
    titled_facts,
)
from napari_visual_ccc.core.pixel_size import PixelSize

STACK = np.zeros((2, 3, 4, 4))

AXES = (Axis("t", 5.0, "s"), Axis("z", 10.0, "nm"))


def test_a_micrograph_knows_its_voxel():
    assert Micrograph(STACK, (2.0, 2.0), "nm", axes=AXES).voxel == (10, 2, 2)
    # another unit is converted; another axis, or no scale at all, gives none
    assert Micrograph(STACK, (2.0, 2.0), "µm", axes=AXES).voxel == pytest.approx((0.01, 2, 2))
    assert Micrograph(STACK, (2.0, 2.0), "1/nm", axes=AXES).voxel == (2, 2)
    assert Micrograph(STACK, (2.0, 2.0), "nm", axes=AXES[:1]).voxel == (2, 2)
    assert Micrograph(STACK, axes=AXES).voxel is None


def test_pixel_size_has_the_step_of_z_where_it_is_known():
    stack = Micrograph(STACK, (2.0, 3.0), "nm", axes=AXES)
    assert stack.pixel_size == PixelSize((10.0, 2.0, 3.0), "nm")
    assert Micrograph(STACK, (2.0, 3.0), "nm").pixel_size == PixelSize((2.0, 3.0), "nm")
    assert Micrograph(STACK).pixel_size is None
    assert Micrograph(STACK, (1.0, 1.0)).pixel_size is None


def test_specimen_is_what_the_info_bar_leaves():
    bar = InfoBar(bottom=3, left=1)
    assert bar.specimen(10, 20) == (slice(0, 7), slice(1, 20))
    assert str(bar) == "3 px at the bottom, 1 px at the left"
    assert bar and not InfoBar()
    with pytest.raises(ValueError, match="leaves nothing"):
        bar.specimen(3, 20)


def test_colour_is_a_last_axis_that_has_no_name():
    assert has_colours(Micrograph(np.zeros((4, 5, 3))))
    assert not has_colours(Micrograph(np.zeros((4, 5, 3)), axes=(Axis("z"),)))
    assert plane_shape(np.zeros((4, 5, 3))) == (4, 5)
    assert plane_shape(np.zeros((7, 4, 5))) == (4, 5)


@pytest.mark.parametrize(
    ("place", "bar"),
    [
        (np.s_[0:50, 0:100], InfoBar(top=5, left=3)),
        (np.s_[60:95, 10:20], InfoBar(bottom=15)),
        (np.s_[2:100, 1:100], InfoBar(top=3, bottom=20, left=2)),
        (np.s_[85:90, 0:100], InfoBar(bottom=5, left=3)),
    ],
)
def test_the_info_bar_within_a_part(place, bar):
    assert InfoBar(top=5, bottom=20, left=3).within((100, 100), place) == bar


def test_an_info_bar_says_what_lies_beyond_it_and_what_may_be_one():
    bar = InfoBar(bottom=94, beneath=34)
    assert str(bar) == "94 px at the bottom, 34 of them specimen beyond the bar"
    assert bar == InfoBar(**bar.pixels) == InfoBar(bottom=94, doubtful=InfoBar(top=3))
    assert not InfoBar(doubtful=InfoBar(top=3))
    assert InfoBar().doubt == ""
    assert "info_bar=InfoBar(top=3)" in InfoBar(doubtful=InfoBar(top=3)).doubt


def test_unknown_sizes_of_chunks_are_a_sentence():
    lazy = da.from_array(np.arange(12.0).reshape(4, 3), chunks=2)
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        plane_shape(lazy[lazy[:, 0] > 3])


def test_facts_have_titles_in_one_order_and_others_follow():
    facts = {"spot_size": 3, "tilt_deg": -0.0, "voltage_kv": 15.0}
    assert titled_facts(facts) == [("Voltage (kV)", "15"), ("Tilt (°)", "0"), ("Spot size", "3")]
