from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imsave

from napari_visual_ccc.widgets.docks import usual_images as sources
from tests.stripes import stripes


@pytest.fixture
def fields(viewer):
    return sources.UsualImages(viewer)


def test_a_layer_keeps_its_pixel_size_and_a_stack_its_slices(viewer, fields):
    with pytest.raises(ValueError, match="open a micrograph"):
        fields.dataset()
    stack = np.stack([stripes(0), stripes(1)])
    viewer.add_image(stack, name="stack", scale=(1, 3, 3), units=("px", "nm", "nm"))
    (one,) = fields.dataset().examples
    assert one.read().data.shape == stack.shape
    assert one.read().spacing == (3, 3)
    viewer.add_image(stripes(2), name="other")
    fields.source.value = sources.LAYERS
    assert [one.name for one in fields.dataset().examples] == ["stack", "other"]


def test_regions_of_an_image_are_of_one_group(viewer, fields):
    viewer.add_image(stripes(0), name="image")
    fields.source.value = sources.REGIONS
    with pytest.raises(ValueError, match="choose a Shapes or Labels layer"):
        fields.dataset()
    labels = np.zeros((96, 96), np.uint8)
    labels[:40, :40], labels[50:90, 50:90] = 1, 2
    viewer.add_labels(labels, name="regions")
    data = fields.dataset()
    assert [one.name for one in data.examples] == ["region 1", "region 2"]
    assert {one.group for one in data.examples} == {"image"}
    assert data.examples[0].read().data.shape == (40, 40)


def test_a_folder_needs_no_classes(fields, tmp_path):
    fields.source.value = sources.FOLDER
    with pytest.raises(ValueError, match="choose a folder of images"):
        fields.dataset()
    imsave(tmp_path / "one.png", stripes(0), check_contrast=False)
    fields.folder.value = tmp_path
    assert [one.name for one in fields.dataset().examples] == ["one.png"]
