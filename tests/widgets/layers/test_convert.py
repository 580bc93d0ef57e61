"""Micrographs as layer data, and layers as micrographs."""

from __future__ import annotations

import dask.array as da
import numpy as np
from napari.layers import Image, Labels, Layer

from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.widgets.layers.convert import as_micrograph, frame_of, layer_data


def test_a_micrograph_comes_back_from_its_layer():
    one = Micrograph(
        np.zeros((3, 8, 9), np.uint8), (2.0, 3.0), "nm", name="copper",
        axes=(Axis("z", 5.0, "nm"),), info_bar=InfoBar(bottom=2),
        metadata={"facts": {"detector": "SE2"}, "origin": (10.0, 20.0)},
    )  # fmt: skip
    layer = Layer.create(*layer_data(one))
    found = as_micrograph(*layer.as_layer_data_tuple())
    assert (found.spacing, found.unit, found.name) == (one.spacing, one.unit, one.name)
    assert (found.axes, found.info_bar) == (one.axes, one.info_bar)
    assert found.metadata["facts"] == {"detector": "SE2"}
    assert found.metadata["origin"] == [10, 20]


def test_labels_are_marked_as_such():
    labels = Labels(np.ones((4, 4), int))
    found = as_micrograph(*labels.as_layer_data_tuple())
    assert found.metadata["labels"]
    assert layer_data(found)[2] == "labels"


def test_a_pyramid_is_its_finest_level():
    levels = [np.zeros((64, 32)), np.zeros((32, 16))]
    layer = Image(levels, multiscale=True)
    assert as_micrograph(*layer.as_layer_data_tuple()).data.shape == (64, 32)
    data, options, kind = layer_data(Micrograph(levels[0], levels=(levels[1],)))
    assert (len(data), options["multiscale"], kind) == (2, True, "image")


def test_the_frame_of_a_layer_has_its_transform_and_computes_nothing():
    def fail(block):
        raise AssertionError("was computed")

    lazy = da.zeros((8, 9), chunks=4).map_blocks(fail, dtype=float, meta=np.empty((0, 0)))
    about = {"scale": (2, 3), "translate": (5, 7), "rotate": 30, "units": ("nm", "nm")}
    frame, layer = frame_of(about), Image(np.zeros((8, 9)), **about)
    np.testing.assert_allclose(frame.data_to_world((4, 5)), layer.data_to_world((4, 5)))
    found = as_micrograph(lazy, {**about, "name": "lazy"}, "image")
    assert found.unit == "nm"
