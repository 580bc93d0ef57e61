"""Inputs of operations, taken from layers."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.layers import LabelsLayer
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.widgets.layers.build import build
from napari_visual_ccc.widgets.layers.metadata import METADATA, keep_bar
from napari_visual_ccc.widgets.layers.source import (
    level_like,
    on_specimen,
    placed_on,
    record_of,
    take,
)
from napari_visual_ccc.workflow.operations import OPERATIONS
from napari_visual_ccc.workflow.record import fingerprint


def pyramid(headless, **more):
    levels = [np.zeros((64, 32)), np.zeros((32, 16)), np.zeros((16, 8))]
    return headless.add_image(levels, multiscale=True, **more)


def test_a_level_of_a_pyramid_has_larger_pixels_centred_on_their_blocks(headless):
    layer = pyramid(headless, scale=(2, 2), units="nm")
    source = take(layer, headless, level=1)
    assert source.data.shape == (32, 16)
    assert (source.spacing, source.unit, source.step) == ((4, 4), "nm", 2)
    assert source.corner == (0.5, 0.5)


def test_the_level_of_a_further_input_has_the_size_of_the_first(headless):
    layer = pyramid(headless)
    first = take(layer, headless, level=2)
    assert level_like(pyramid(headless), first) == 2
    assert level_like(headless.add_image(np.zeros((5, 5))), first) == 0


def test_the_info_bar_in_a_part_is_counted_in_its_pixels(headless):
    layer = pyramid(headless)
    keep_bar(layer, InfoBar(bottom=8, left=4))
    source = take(layer, headless, level=1)
    assert source.bar_in_part(source.info_bar) == InfoBar(bottom=4, left=2)


def test_a_layer_that_is_still_computed_is_refused(headless):
    layer = headless.add_image(np.zeros((8, 8)), metadata={METADATA: {"unfinished": True}})
    with pytest.raises(ValueError, match="not fully computed"):
        take(layer, headless)


def test_the_record_of_an_edited_layer_does_not_count(headless):
    layer = headless.add_image(np.zeros((8, 8)))
    assert record_of(layer) is None
    record = {"steps": [], "print": fingerprint(layer.data)}
    layer.metadata[METADATA] = record
    assert record_of(layer) == record
    layer.data[0, 0] = 1
    assert record_of(layer) is None


# levels that shrink unlike along axes -------------------------------------------------------------


@pytest.mark.case("S04v", "E04a")
@pytest.mark.parametrize(
    ("shape", "factors"),
    [((40, 64, 80), (2, 2, 2)), ((12, 64, 80), (1, 2, 4)), ((40, 64, 80), (4, 1, 1)),
     ((64, 80), (2, 4)), ((64, 80), (4, 1))],
)  # fmt: skip
def test_a_level_lies_where_the_finest_one_lies(viewer, shape, factors):
    fine = np.zeros(shape, np.uint8)
    coarse = np.zeros([size // by for size, by in zip(shape, factors, strict=True)], np.uint8)
    scale = (10, 2, 3)[-len(shape) :]
    layer = viewer.add_image([fine, coarse], multiscale=True, scale=scale, units="nm")
    source = take(layer, viewer, level=1)
    assert source.spacing == pytest.approx(np.multiply(scale, factors)[-len(source.spacing) :])
    placed = build(source, LabelsLayer(coarse, name="all"), {})
    sides = [np.ptp(one.extent.world, axis=0) / one.scale + 1 for one in (layer, placed)]
    assert sides[1] * factors == pytest.approx(sides[0])
    # centred on the blocks that its pixels stand for
    middle = [one.extent.world.mean(axis=0) for one in (layer, placed)]
    assert middle[1] == pytest.approx(middle[0])


def test_the_slice_of_a_level_is_the_one_that_has_the_slice_on_screen(viewer):
    fine = np.arange(8)[:, None, None] * np.ones((8, 16, 16))
    coarse = np.arange(4)[:, None, None] * np.ones((4, 8, 4))
    layer = viewer.add_image([fine, coarse], multiscale=True, scale=(10, 2, 2), units="nm")
    viewer.dims.set_current_step(0, 5)
    source = take(layer, viewer, planar=True, level=1)
    assert (source.data == 2).all()
    assert source.corner[0] == 5
    placed = build(source, LabelsLayer(np.ones((8, 4), np.uint8), name="one"), {})
    assert placed.data_to_world((0, 0, 0))[0] == 50


@pytest.mark.parametrize("size", [1, 2, 7])
def test_numbers_behind_the_columns_of_a_layer_are_told(viewer, size):
    layer = viewer.add_image(np.zeros((60, 70, size)), name="several", rgb=False)
    with pytest.raises(ValueError, match=r"several has .* numbers a pixel behind its columns"):
        take(layer, viewer)


@pytest.mark.parametrize(
    ("size", "unit", "right"), [(2, "nm", True), (2e-3, "um", True), (20, "angstrom", True),
                                (4, "nm", False), (2, "um", False)]
)  # fmt: skip
def test_grey_levels_of_layers_in_other_units_are_measured_and_of_other_sizes_refused(
    headless, size, unit, right
):
    labels = np.zeros((40, 50), np.uint8)
    labels[4:14, 6:26] = 1
    first = headless.add_labels(labels, scale=(2, 2), units="nm", name="grains")
    image = headless.add_image(labels * 200, scale=(size, size), units=unit, name="picture")
    source = take(first, headless)
    if not right:
        with pytest.raises(ValueError, match="picture do not lie on those of grains"):
            placed_on(take(image, headless), source)
        return
    beside = placed_on(take(image, headless), source)
    steps = on_specimen(OPERATIONS["region_table"], {"labels": source, "intensity": beside}, {}, {})
    table = run(steps).result.table
    assert table[["area_nm2", "intensity_mean"]].to_numpy().tolist() == [[800, 200]]


@pytest.mark.parametrize("rest", [0, 1])
def test_what_is_left_at_the_end_of_a_level_does_not_stretch_its_pixels(viewer, rest):
    fine = np.arange(8 + rest)[:, None, None] * np.ones((8 + rest, 16 + rest, 32 + rest))
    layer = viewer.add_image(
        [fine, fine[:8:2, :16:2, :32:4]], multiscale=True, scale=(10, 2, 2), units="nm"
    )
    assert take(layer, viewer, level=1).spacing == (20, 4, 8)
    viewer.dims.set_current_step(0, 7 + rest)
    assert (take(layer, viewer, planar=True, level=1).data == 6).all()


def test_a_pyramid_in_colour_gives_labels_of_its_size(viewer):
    fine = np.zeros((64, 80, 3), np.uint8)
    layer = viewer.add_image([fine, fine[::2, ::2]], multiscale=True, rgb=True)
    for level, shape in enumerate([(64, 80), (32, 40)]):
        source = take(layer, viewer, level=level)
        placed = build(source, LabelsLayer(np.ones(shape, np.uint8), name="all"), {})
        assert placed.scale.tolist() == [2**level] * 2
