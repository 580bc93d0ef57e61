import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Labels

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers.palette import class_colours, hexadecimal
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.clustering.kmeans import kmeans, select_cluster
from napari_visual_ccc.engine.segmentation.objects import label_objects
from napari_visual_ccc.engine.segmentation.threshold import threshold
from napari_visual_ccc.engine.texture.glcm import glcm_features
from napari_visual_ccc.widgets.canvas.entries import MOST, blocks
from napari_visual_ccc.widgets.layers.build import build, colormap_of
from napari_visual_ccc.widgets.layers.source import Source, take
from napari_visual_ccc.widgets.parts.marks import STRONG, mark, unmark

RAMP = np.repeat(np.arange(0, 200, 5, dtype=np.uint8), 40).reshape(40, 40)


@pytest.fixture
def shown(headless):
    """Make the layer of a result, as the viewer shows it."""
    layer = headless.add_image(RAMP, name="steel")

    def make(steps) -> Labels | Image:
        source: Source = take(layer, headless)
        return build(source, run(steps).layer(), {"print": "of the result"})

    return make


def test_phases_have_their_colour_and_area(shown):
    layer = shown(kmeans(RAMP, clusters=3))
    (block,) = blocks([layer])
    assert block.title == "steel k-means 3"
    assert [one.colours for one in block.entries] == [
        (hexadecimal(colour),) for colour in class_colours(3)[:3]
    ]
    table = ccc.kmeans(RAMP, clusters=3).table
    texts = [
        f"{name}, {share:.1f} %"
        for name, share in zip(table["name"], table["area_percent"], strict=True)
    ]
    assert [one.text for one in block.entries] == texts


def test_the_background_is_no_class_and_particles_have_no_legend(shown):
    mask = shown(threshold(RAMP, sigma=0.0))
    (block,) = blocks([mask])
    assert [one.text for one in block.entries] == ["objects, 50.0 %"]
    assert blocks([shown(label_objects(mask.data))]) == []
    # labels of the user have no names
    assert blocks([Labels(mask.data)]) == []


def test_a_phase_that_is_shown_alone_is_explained_as_it_is(shown):
    layer = shown(kmeans(RAMP, clusters=3))
    mark(layer, 2, alone=True)
    (entry,) = blocks([layer])[0].entries
    assert entry.colours == (STRONG,)
    assert entry.text.startswith("cluster 2, ")
    unmark(layer)
    assert len(blocks([layer])[0].entries) == 3
    (one,) = blocks([shown(select_cluster(layer.data, cluster=2))])[0].entries
    assert one.text.startswith("cluster 2, ")


def test_labels_that_were_painted_on_have_no_share(shown):
    layer = shown(kmeans(RAMP, clusters=2))
    layer.metadata["visual_ccc"]["print"] = ""
    assert [one.text for one in blocks([layer])[0].entries] == list(layer.features["name"])


def test_only_the_newest_visible_layers_are_explained(shown):
    old, new = shown(kmeans(RAMP, clusters=2)), shown(kmeans(RAMP, clusters=3))
    heat = Image(
        RAMP / 200, name="steel Grad-CAM", colormap=colormap_of("heat"), contrast_limits=(0, 0.5),
        metadata={"visual_ccc": {}},
    )  # fmt: skip
    grey = Image(RAMP, metadata={"visual_ccc": {}})
    found = blocks([grey, old, heat, new])
    assert [block.title for block in found] == ["steel k-means 3", "steel Grad-CAM"]
    (bar,) = found[1].entries
    assert bar.text == "0 to 0.5"
    assert (bar.colours[0], len(bar.colours)) == ("#000004", 24)
    new.visible, heat.opacity = False, 0
    assert [block.title for block in blocks([grey, old, heat, new])] == ["steel k-means 2"]


def test_windows_and_stacks_are_named_as_such():
    table = pd.DataFrame(
        {"index": [1, 2], "name": ["cube", "<b>"], "share_of_windows": [0.25, 0.0002]}
    )
    stack = Labels(np.ones((3, 4, 4), int), name="classes", features=table)
    (block,) = blocks([stack])
    assert block.title == "classes (all slices)"
    assert [one.text for one in block.entries] == [
        "cube, 25.0 % of windows",
        "<b>, 0.02 % of windows",
    ]


def test_many_classes_are_counted():
    table = pd.DataFrame({"index": range(1, 31), "name": [f"class {n}" for n in range(1, 31)]})
    (block,) = blocks([Labels(np.ones((4, 4), int), features=table)])
    assert len(block.entries) == MOST + 1
    assert block.entries[-1] == ((), "and 18 more")


@pytest.mark.parametrize(
    ("feature", "unit"),
    [("contrast", "squared grey levels"), ("entropy", "nat"), ("energy", "without unit")],
)
def test_the_values_of_a_map_have_their_quantity_and_unit(shown, feature, unit):
    (block,) = blocks([shown(glcm_features(RAMP, feature=feature, levels=8))])
    bar, quantity = block.entries
    assert len(bar.colours) > 1
    assert quantity.text == f"{feature}, {unit}"


def test_a_map_below_colours_that_hide_it_is_not_explained(shown):
    heat = shown(glcm_features(RAMP))
    colours = Image(np.zeros((40, 40, 3), np.uint8), rgb=True, metadata=dict(heat.metadata))
    assert len(blocks([colours, heat])) == 1
    assert blocks([heat, colours]) == []
    colours.opacity = 0.5
    assert len(blocks([heat, colours])) == 1
