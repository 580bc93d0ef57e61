import math

import pytest

from napari_visual_ccc.core.pixel_size import (
    PixelSize,
    diameter_of,
    least_pixels,
    nanometres,
    pixel_shape,
    pixel_side,
    scaled,
    voxel_shape,
)


@pytest.mark.parametrize("spacing", [2.0, 2, (2, 2), [7.0, 2.0, 2.0], (9, 7, 2, 2)])
def test_spacing_of_any_length_gives_a_pixel(spacing):
    assert PixelSize.of(spacing, "nm") == PixelSize((2.0, 2.0), "nm")


def test_no_spacing_is_no_pixel_size():
    assert PixelSize.of(None) is None
    assert PixelSize.of(None, "nm", axes=3) is None


def test_one_number_is_a_cubic_voxel():
    assert PixelSize.of(2, "nm", axes=3).sizes == (2, 2, 2)
    assert PixelSize.of((9, 4, 3, 2), "nm", axes=3).sizes == (4, 3, 2)


@pytest.mark.parametrize(
    ("spacing", "unit", "axes", "words"),
    [
        (2.0, "px", 2, "of which unit"),
        (2.0, "", 3, "of which unit"),
        ((0.0, 1.0), "nm", 2, "a pixel; it must be above zero"),
        ((1.0, float("nan")), "nm", 2, "above zero"),
        ((1.0, float("inf")), "nm", 2, "above zero"),
        ((0.0, 1.0, 1.0), "nm", 3, "a voxel; it must be above zero"),
        ((1.0, 1.0), "nm", 3, "step between slices"),
        (1e-31, "nm", 2, "a pixel; it must be between 1e-30 and 1e.30"),
        ((1.0, 1e31), "nm", 2, "a pixel; it must be between 1e-30 and 1e.30"),
        ((1e-300, 1.0, 1.0), "nm", 3, "a voxel; it must be between 1e-30 and 1e.30"),
    ],
)
def test_impossible_sizes_are_refused(spacing, unit, axes, words):
    with pytest.raises(ValueError, match=words):
        PixelSize.of(spacing, unit, axes)


def test_extent_of_pixels_and_voxels_has_its_column():
    pixel, voxel = PixelSize((2.0, 3.0), "nm"), PixelSize((4.0, 2.0, 3.0), "µm")
    assert (pixel.extent_column, pixel.extent) == ("area_nm2", 6.0)
    assert (voxel.extent_column, voxel.extent) == ("volume_µm3", 24.0)
    assert pixel.length_column("perimeter") == "perimeter_nm"


@pytest.mark.parametrize(
    ("spacing", "unit", "expected"),
    [
        ((2.0, 2.0), "nm", 2.0),
        ((1.0, 4.0), "nm", 2.0),
        ((5.0, 5.0), "Å", 0.5),
        ((0.5, 0.5), "µm", 500.0),
        ((9.0, 2.0, 2.0), "pm", 0.002),
        ((1.0, 1.0), "1/nm", None),
        ((1.0, 1.0), "px", None),
        (None, "nm", None),
    ],
)
def test_nanometres_are_the_geometric_mean_of_the_sides(spacing, unit, expected):
    assert nanometres(spacing, unit) == (None if expected is None else pytest.approx(expected))


def test_only_sizes_within_slices_grow_with_the_stride():
    assert PixelSize((4.0, 2.0, 3.0), "nm").scaled(16) == PixelSize((4.0, 32.0, 48.0), "nm")
    assert scaled((4.0, 2.0, 3.0), 16) == (4.0, 32.0, 48.0)
    assert scaled(None, 16) is None


def test_thick_slices_are_several_pixels_deep():
    assert voxel_shape(PixelSize((8.0, 4.0, 1.0), "nm")) == (4, 2, 0.5)
    assert voxel_shape(None) == (1, 1, 1)


@pytest.mark.case("S03")
@pytest.mark.parametrize(
    ("size", "square"),
    [((2, 2), True), ((0.05071414, 0.05070176), True), ((1.32, 1.33), True), ((1.0, 1.02), False),
     ((2, 1), False), ((3.0, 0.1 + 0.2), False), ((0.3, 0.1 + 0.2), True)],
)  # fmt: skip
def test_rounding_does_not_stretch_a_pixel(size, square):
    assert PixelSize(size, "nm").is_square is square
    assert PixelSize(size[::-1], "nm").is_square is square


def test_a_square_pixel_has_a_side():
    assert PixelSize((2.3, 2.3), "nm").side == 2.3
    assert PixelSize((1.32, 1.33), "nm").side == pytest.approx(1.325, abs=1e-3)


def test_the_shape_of_a_pixel_has_the_area_of_one():
    assert pixel_shape(None) is None
    assert pixel_shape(PixelSize((2.0, 2.01), "nm")) is None
    height, width = pixel_shape(PixelSize((8.0, 2.0), "nm"))
    assert (height, width) == (2, 0.5)


@pytest.mark.parametrize("sizes", [None, (2614.5, 2614.5), (0.0013, 0.0017), (3.3, 1.1, 1.7)])
@pytest.mark.parametrize("axes", [2, 3])
def test_the_diameter_of_some_pixels_keeps_as_many(sizes, axes):
    if sizes and len(sizes) < axes:
        sizes = (2.0, *sizes)
    size = None if sizes is None else PixelSize.of(sizes, "nm", axes)
    for pixels in (0, 1, 2, 7, 50, 999_999, 10**7 + 1):
        diameter = diameter_of(pixels, axes) * pixel_side(sizes, axes)
        assert least_pixels(diameter, size, axes) == pixels
        # what is a little larger than they are keeps more
        assert pixels == 0 or least_pixels(diameter * 1.001, size, axes) > pixels


def test_the_smallest_object_is_a_circle_or_a_ball():
    assert least_pixels(20, PixelSize((2.0, 2.0), "nm")) == math.ceil(math.pi * 25)
    assert least_pixels(20, PixelSize((4.0, 2.0, 2.0), "nm"), 3) == math.ceil(math.pi / 6 * 500)
    for wrong in (-1, math.inf, math.nan):
        with pytest.raises(ValueError, match="min_diameter is"):
            least_pixels(wrong, None)
