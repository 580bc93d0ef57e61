"""The sample micrographs in napari."""

from __future__ import annotations

from napari.layers import Image, Labels, Layer

from napari_visual_ccc.widgets.layers.metadata import calibration
from napari_visual_ccc.widgets.layers.viewers import scale_bar
from napari_visual_ccc.widgets.plugin.samples import layers


def test_a_sample_opens_with_its_masks():
    image, *masks = (Layer.create(*one) for one in layers("nanoparticles"))
    assert isinstance(image, Image)
    assert masks
    for mask in masks:
        assert isinstance(mask, Labels)
        assert mask.data.shape == image.data.shape
        assert calibration(mask) == calibration(image)


def test_a_sample_with_a_pixel_size_shows_its_scale_bar(viewer):
    for name, is_shown in (("superalloy", False), ("nanoparticles", True)):
        layers(name)
        assert scale_bar(viewer).visible == is_shown


def test_the_image_of_an_opened_sample_is_selected(viewer, qtbot):
    for name in ("nanoparticles", "superalloy"):
        viewer.open_sample("napari-visual-ccc", name)
        qtbot.waitUntil(lambda name=name: viewer.layers.selection.active is viewer.layers[name])
        assert len(viewer.layers.selection) == 1
