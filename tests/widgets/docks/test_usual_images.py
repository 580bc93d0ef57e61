from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imsave

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.widgets.docks import usual_images as sources
from tests.stripes import stripes


@pytest.fixture
def fields(headless):
    return sources.UsualImages(headless)


def test_a_layer_keeps_its_pixel_size_and_a_stack_its_slices(headless, fields):
    with pytest.raises(ValueError, match="open a micrograph"):
        fields.dataset()
    stack = np.stack([stripes(0), stripes(1)])
    headless.add_image(stack, name="stack", scale=(1, 3, 3), units=("px", "nm", "nm"))
    (one,) = fields.dataset().examples
    assert one.read().data.shape == stack.shape
    assert one.read().spacing == (3, 3)
    headless.add_image(stripes(2), name="other")
    fields.source.value = sources.LAYERS
    assert [one.name for one in fields.dataset().examples] == ["stack", "other"]


def test_regions_of_an_image_are_of_one_group(headless, fields):
    headless.add_image(stripes(0), name="image")
    fields.source.value = sources.REGIONS
    with pytest.raises(ValueError, match="choose a Shapes or Labels layer"):
        fields.dataset()
    labels = np.zeros((96, 96), np.uint8)
    labels[:40, :40], labels[50:90, 50:90] = 1, 2
    headless.add_labels(labels, name="regions")
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


def test_drawn_rectangles_are_their_boxes_and_keep_the_info_bar_of_the_layer(headless, fields):
    image = np.arange(320 * 320, dtype=np.int32).reshape(320, 320)
    bar = {"top": 0, "bottom": 100, "left": 0, "right": 0}
    headless.add_image(image, name="raw", metadata={"micrograph": {"info_bar": bar}})
    boxes = [[(10, 10), (10, 310), (40, 310), (40, 10)], [(60, 10), (60, 310), (90, 310), (90, 10)]]
    ellipse = [(150, 100), (150, 200), (250, 200), (250, 100)]
    headless.add_shapes(
        [np.array(one) for one in (*boxes, ellipse)],
        shape_type=["rectangle", "rectangle", "ellipse"],
        name="drawn",
    )
    fields.source.value = sources.REGIONS
    one, two, round_one = (each.read() for each in fields.dataset().examples)
    assert abs(np.array(one.data.shape) - (31, 301)).max() <= 1
    assert not np.isin(one.data, two.data).any()
    assert np.isnan(round_one.data).mean() == pytest.approx(1 - np.pi / 4, abs=0.03)
    assert (one.info_bar, round_one.info_bar.bottom) == (InfoBar(), round_one.data.shape[0] - 69)


def test_all_layers_leave_out_results_and_keep_copies_together(headless, fields):
    raw = headless.add_image(stripes(0), name="raw")
    other = headless.add_image(stripes(1), name="other")
    headless.add_image(raw.data[:50], name="crop")
    headless.add_image(other.data.copy(), name="other copy")
    headless.add_image(stripes(2), name="residual", metadata={"visual_ccc": {"steps": []}})
    fields.source.value = sources.LAYERS
    data = fields.dataset()
    assert data.skipped == (("residual", "a result of this plugin"),)
    groups = {one.name: one.group for one in data.examples}
    assert list(groups) == ["raw", "other", "crop", "other copy"]
    assert groups["raw"] == groups["crop"] != groups["other"] == groups["other copy"]
    for layer in (raw, other, *headless.layers[2:4]):
        headless.layers.remove(layer)
    with pytest.raises(ValueError, match="all image layers are results of this plugin"):
        fields.dataset()


def test_labels_are_regions_where_they_lie(headless, fields):
    image = np.arange(96 * 120, dtype=np.int32).reshape(96, 120)
    headless.add_image(image, name="image", scale=(2, 2), units=("nm", "nm"))
    drawn = np.zeros((96, 120), np.uint8)
    drawn[10:30, 10:40] = 1
    place = {"scale": (2, 2), "translate": (40, 60), "units": ("nm", "nm")}
    headless.add_labels(drawn, name="regions", **place)
    fields.source.value = sources.REGIONS
    (one,) = fields.dataset().examples
    np.testing.assert_array_equal(one.read().data, image[30:50, 40:70])
    headless.layers["regions"].translate = (400, 60)
    with pytest.raises(ValueError, match="regions has no region: draw some on image"):
        fields.dataset()


def test_the_layers_of_the_data_set_are_known(headless):
    image = headless.add_image(stripes(0), name="usual")
    drawn = headless.add_labels(np.ones(image.data.shape, int), name="drawn")
    other = headless.add_image(stripes(1), name="other")
    fields = sources.UsualImages(headless)
    for source, used in (
        (sources.LAYER, (image,)), (sources.LAYERS, (image, other)),
        (sources.REGIONS, (image, drawn)),
    ):  # fmt: skip
        fields.source.value, fields.image.value, fields.regions.value = source, image, drawn
        fields.dataset()
        assert fields.used == used
