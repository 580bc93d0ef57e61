"""Inputs of operations, taken from layers."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.widgets.layers.metadata import METADATA, keep_bar
from napari_visual_ccc.widgets.layers.source import level_like, record_of, take
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
