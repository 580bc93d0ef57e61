import numpy as np
import pytest

from napari_visual_ccc.arrays.tiling import (
    bands,
    blur_halo,
    blur_sides,
    cuts,
    edges,
    plane_tiles,
    starts,
    tiles,
    volume_tiles,
)


def written(shape, parts):
    """How often each element is written; what is read is checked on the way."""
    counts = np.zeros(shape, int)
    places = np.arange(counts.size).reshape(shape)
    for part in parts:
        counts[(*part.plane, *part.write)] += 1
        read = places[(*part.plane, *part.read)]
        np.testing.assert_array_equal(read[part.keep], places[(*part.plane, *part.write)])
    return counts


def test_cuts_have_halos_as_far_as_the_axis_goes():
    first, middle, last = cuts(25, 10, halo=3)
    assert first == (slice(0, 10), slice(0, 13), slice(0, 10))
    assert middle == (slice(10, 20), slice(7, 23), slice(3, 13))
    assert last == (slice(20, 25), slice(17, 25), slice(3, 8))


@pytest.mark.parametrize("sigma", [100.1, 1e9, 1e38, np.inf, np.nan])
def test_a_blur_that_leaves_nothing_of_an_image_is_refused(sigma):
    with pytest.raises(ValueError, match=r"the image has 50: .*; choose at most 100"):
        blur_halo(sigma, (50, 40))


def test_a_blur_reads_four_standard_deviations():
    assert [blur_halo(sigma, (50, 40)) for sigma in (0.5, 1.0, 100.0)] == [4, 6, 402]


def test_a_blur_ends_where_only_the_mean_of_an_axis_remains():
    np.testing.assert_array_equal(blur_sides(2.0, (4, 1, 0.5), (3, 9, 9)), [0.5, 2, 4])
    np.testing.assert_array_equal(blur_sides(2.0, (1e-30, 1, 1), (3, 9, 9)), [18, 2, 2])


@pytest.mark.parametrize("shape", [(50, 40), (2, 1, 17, 9), (3, 300, 1)])
@pytest.mark.parametrize("halo", [None, 0, 1, 30])
@pytest.mark.parametrize("limits", [{}, {"least": 200, "columns": 23}, {"pixels": 1}])
def test_tiles_cover_planes_once(shape, halo, limits):
    assert (written(shape, plane_tiles(shape, halo, **limits)) == 1).all()


@pytest.mark.parametrize("shape", [(50, 40, 30), (2, 1, 17, 9)])
@pytest.mark.parametrize("halo", [None, (0, 0, 0), (1, 2, 3), (30, 1, 1)])
@pytest.mark.parametrize("voxels", [1, 4000, 1 << 22])
def test_blocks_cover_volumes_once(shape, halo, voxels):
    assert (written(shape, volume_tiles(shape, halo, voxels)) == 1).all()


def test_planes_are_whole_without_a_halo_and_bands_with_one_of_zero():
    assert [part.write for part in plane_tiles((2, 9000, 7), None)] == 2 * [
        (slice(0, 9000), slice(0, 7))
    ]
    assert all(part.write[1] == slice(0, 7) for part in plane_tiles((9000, 7), 0, 700))
    assert len(list(plane_tiles((9000, 70), 0))) == 4


def test_tiles_of_any_axes():
    assert (written((3, 4, 5), tiles((3, 4, 5), (2,))) == 1).all()


def test_bands_are_rows_of_planes():
    found = list(bands((2, 4, 100_000), pixels=100_000))
    assert found == [((plane,), slice(row, row + 1)) for plane in range(2) for row in range(4)]


def test_equal_parts_are_no_longer_than_asked_for():
    assert edges(1024, 1024).tolist() == [0, 1024]
    assert edges(1025, 1024).tolist() == [0, 512, 1025]
    assert np.diff(edges(9999, 50)).max() <= 50


@pytest.mark.parametrize(
    ("length", "expected"), [(10, [0]), (512, [0]), (513, [0, 1]), (1024, [0, 256, 512])]
)
def test_windows_are_spread_evenly(length, expected):
    assert starts(length, 512, 3) == expected
