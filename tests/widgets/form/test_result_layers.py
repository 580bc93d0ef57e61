from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.widgets.form.result_layers import ResultLayers
from napari_visual_ccc.widgets.layers.lazy import prepare_for_display
from napari_visual_ccc.widgets.layers.source import on_specimen, take
from napari_visual_ccc.workflow.operations import OPERATIONS


@pytest.fixture
def shown(headless, discs):
    """Run an operation on a layer and show the result."""
    layer = headless.add_image(discs, name="discs", metadata={"micrograph": {"info_bar": {}}})
    results = ResultLayers(headless)

    def show(name, **parameters):
        source = take(layer, headless)
        steps = on_specimen(OPERATIONS[name], {"image": source}, parameters, {})
        outcome, prepared = run(prepare_for_display(steps))
        return results.show(OPERATIONS[name], source, outcome.record, prepared)

    return results, show


def test_a_second_run_updates_the_layer_of_the_first(shown, headless):
    results, show = shown
    (first,) = show("threshold", sigma=0.0)
    (second,) = show("threshold", sigma=2.0)
    assert first is second
    assert len(headless.layers) == 2
    assert first.metadata["visual_ccc"]["steps"][-1]["parameters"]["sigma"] == 2.0
    assert results.undo() == []
    assert first.metadata["visual_ccc"]["steps"][-1]["parameters"]["sigma"] == 0.0


def test_what_was_edited_is_kept_and_named(shown, headless):
    results, show = shown
    (layer,) = show("threshold")
    layer.data = layer.data + 1
    assert results.undo() == [layer.name]
    assert layer in headless.layers
    assert results.last == []


def test_of_several_maps_the_first_is_visible_and_active(shown, headless):
    results, show = shown
    layers = show("glcm_features", feature="all")
    assert [layer.visible for layer in layers] == [True] + [False] * (len(layers) - 1)
    assert headless.layers.selection.active is layers[0]
    assert results.is_open
    assert not results.is_adding
    assert not results.is_computing
    assert results.too_large is None
    assert [one.layer for one in results.last] == layers


def test_in_3d_results_come_and_go_below_a_pointer_that_rests(headless, discs):
    stack = headless.add_image(np.stack([discs] * 3), name="stack")
    results = ResultLayers(headless)
    headless.dims.ndisplay, headless.mouse_over_canvas = 3, True
    made = []
    for name in ("threshold", "label_objects"):
        source = take(headless.layers[-1], headless)
        key = "image" if name == "threshold" else "labels"
        outcome, prepared = run(
            prepare_for_display(on_specimen(OPERATIONS[name], {key: source}, {}, {}))
        )
        made += results.show(OPERATIONS[name], source, outcome.record, prepared)
    assert made[1].ndim == 3
    assert not made[1].features.empty
    assert results.undo() == []
    assert results.redo() == []
    assert list(headless.layers) == [stack, *made]
    assert headless.mouse_over_canvas
