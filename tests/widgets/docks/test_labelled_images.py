"""Labelled images from folders, tables, layers and regions of a layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from skimage.io import imsave

from napari_visual_ccc import samples
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.widgets.docks import labelled_images as sources
from tests.widgets.docks.test_train import tiles
from tests.widgets.opening import dock


def test_layers_with_a_class_are_a_data_set(headless):
    for name in ("superalloy", "powder"):
        for k, tile in enumerate(tiles(name, 4)):
            headless.add_image(tile, name=f"{name} {k}", metadata={"class": name})
    headless.add_image(np.zeros((8, 8)), name="left out")
    train = dock(headless, "train")
    train.images.source.value = sources.LAYERS
    data = train.images.dataset()
    assert data.classes == ("powder", "superalloy")
    assert len(data.examples) == 8
    train.images.set_class("left out", "powder")
    assert len(train.images.dataset().examples) == 9


@pytest.mark.parametrize("kind", ["labels", "shapes", "shapes in nm"])
def test_regions_with_a_class_are_cut_out(viewer, kind):
    image = samples.load("nanoparticles")
    viewer.add_image(image.data, name="tem", scale=image.spacing, units=image.unit)
    boxes = [(10, 10), (10, 120), (120, 10), (120, 120)]
    names = ["cube", "cube", "sphere", "sphere"]
    if kind == "labels":
        labels = np.zeros(image.data.shape, int)
        for k, (y, x) in enumerate(boxes, start=1):
            labels[y : y + 40, x : x + 40] = k
        features = pd.DataFrame({"index": [1, 2, 3, 4], "class": names})
        viewer.add_labels(labels, name="drawn", features=features)
    else:
        size = np.array(image.spacing)
        scale = {"scale": size} if kind == "shapes" else {}
        factor = 1 if kind == "shapes" else size
        drawn = [np.array([[y, x], [y + 40, x + 40]]) * factor for y, x in boxes]
        viewer.add_shapes(
            drawn, shape_type="rectangle", name="drawn", features={"class": names},
            units=image.unit, **scale,
        )  # fmt: skip
    train = dock(viewer, "train")
    train.images.source.value = sources.REGIONS
    data = train.images.dataset()
    assert [one.label for one in data.examples] == names
    assert {one.group for one in data.examples} == {"tem"}
    first = data.examples[0].read()
    assert abs(first.data.shape[0] - 40) <= 1
    assert first.unit == image.unit


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (sources.FOLDER, "choose a folder"),
        (sources.TABLE, "choose a folder"),
        (sources.LAYERS, "enter the class"),
        (sources.REGIONS, "choose an Image layer"),
    ],
)
def test_without_a_choice_the_error_says_what_to_choose(headless, source, words):
    train = dock(headless, "train")
    train.images.source.value = source
    with pytest.raises(ValueError, match=words):
        train.images.dataset()


def test_regions_without_a_class_are_refused(headless):
    headless.add_image(np.zeros((20, 20)), name="tem")
    headless.add_labels(np.ones((20, 20), int), name="drawn")
    train = dock(headless, "train")
    train.images.source.value = sources.REGIONS
    with pytest.raises(ValueError, match="drawn has no feature 'class'"):
        train.images.dataset()


def test_a_test_part_of_one_class_is_enough_to_evaluate(viewer, qtbot, tmp_path):
    path = tmp_path / "Test" / "cube" / "a.png"
    path.parent.mkdir(parents=True)
    crop = samples.load("nanoparticles").data[96:160, 96:160]
    imsave(path, crop, check_contrast=False)
    viewer.add_image(crop, name="tem", metadata={"class": "cube"})
    train = dock(viewer, "train")
    images = train.images
    images.source.value, images.folder.value = sources.FOLDER, tmp_path
    train.evaluation.button.native.click()
    qtbot.waitUntil(lambda: not train.evaluation.is_running)
    assert train.evaluation.result.images["name"].tolist() == ["Test/cube/a.png"]
    images.source.value = sources.LAYERS
    assert images.dataset(min_classes=1).classes == ("cube",)
    with pytest.raises(ValueError, match="two or more classes"):
        images.dataset()
    assert "Train and Test" in images.folder.tooltip
    assert "part" in images.file.tooltip


def test_the_info_bar_of_a_layer_is_left_out_of_layers_and_of_regions(headless):
    bar = {"top": 0, "bottom": 40, "left": 0, "right": 0}
    image = np.arange(10_000, dtype=np.int32).reshape(100, 100)
    metadata = {"class": "cube", "micrograph": {"info_bar": bar}}
    headless.add_image(image, name="tem", metadata=metadata)
    regions = np.zeros((100, 100), int)
    regions[20:58, 20:30], regions[70:80, 20:30] = 1, 2
    features = {"index": [1, 2], "class": ["cube", "rod"]}
    headless.add_labels(regions, name="drawn", features=features)
    images = dock(headless, "train").images
    images.source.value = sources.REGIONS
    (one,) = images.dataset(min_classes=1).examples
    crop = one.read()
    # the bounding square, moved inside of the specimen; what is in the bar is no specimen
    np.testing.assert_array_equal(crop.data, image[20:58, 6:44])
    assert crop.info_bar == InfoBar()
    # grey values are stretched as those of the micrograph without its bar
    assert one.whole().info_bar == InfoBar(bottom=40)
    np.testing.assert_array_equal(one.whole().data, image)
    images.source.value = sources.LAYERS
    (one,) = images.dataset(min_classes=1).examples
    assert one.read().info_bar == InfoBar(bottom=40)


def test_the_layers_of_the_data_set_are_known(headless):
    for name in ("a_SE", "a_BSE", "b_SE", "b_BSE"):
        metadata = {"class": name[0]} if name.endswith("SE") else {}
        headless.add_image(np.eye(32), name=name, metadata=metadata)
    headless.add_image(np.eye(32), name="left out")
    images = dock(headless, "train").images
    images.source.value = sources.LAYERS
    images.channels.value = "SE, BSE"
    images.dataset()
    assert {one.name for one in images.used} == {"a_SE", "a_BSE", "b_SE", "b_BSE"}
    images.source.value = sources.FOLDER
    with pytest.raises(ValueError, match="choose a folder"):
        images.dataset()
    assert images.used == ()
