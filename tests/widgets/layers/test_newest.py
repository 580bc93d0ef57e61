"""What a run hides, in which order forms run, and how it comes back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers._source import layer_source

from napari_visual_ccc import samples
from napari_visual_ccc.widgets.layers import newest
from napari_visual_ccc.workflow.operations import OPERATIONS
from tests.widgets.opening import dock


@pytest.fixture
def copper(headless):
    """A viewer with a micrograph, another image, a drawing and labels of the user's own."""
    part = samples.load("nanoparticles").data[60:180, 40:200]
    headless.add_image(part, name="copper", metadata={"micrograph": {"info_bar": {}}})
    headless.add_image(part[::-1], name="other", metadata={"micrograph": {"info_bar": {}}})
    headless.add_labels((part < 120).astype(int), name="painted")
    headless.add_shapes([[[2, 2], [9, 9]]], shape_type="line", name="drawn")
    return headless


OWN = {"copper", "other", "painted", "drawn"}


def visible(viewer):
    return {layer.name for layer in viewer.layers if layer.visible}


def press(viewer):
    """Press the key, which a canvas passes on."""
    (action,) = [one for key, one in viewer.keymap.items() if str(key).lower() == newest.KEY]
    action(viewer)


def run(form, name, **values):
    form.method.value = OPERATIONS[name].title
    return form(**values)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_forms_the_last_result_is_visible_whichever_is_first(copper, order):
    runs = [
        (dock(copper, "segment"), "threshold", "copper Otsu"),
        (dock(copper, "denoise"), "denoise", None),
    ]
    for number in order:
        form, name, _ = runs[number]
        made = run(form, name, image=copper.layers["copper"])
        assert visible(copper) == OWN | {made[0].name}
    # the first form again: its layer is updated, and visible again
    form, name, _ = runs[order[0]]
    again = run(form, name, image=copper.layers["copper"])
    assert visible(copper) == OWN | {again[0].name}
    assert len(copper.layers) == len(OWN) + 2


def test_the_image_that_was_used_stays_and_the_mask_does_not(copper):
    denoise, segment = dock(copper, "denoise"), dock(copper, "segment")
    (clean,) = run(denoise, "denoise", image=copper.layers["copper"])
    (mask,) = run(segment, "threshold", image=clean)
    assert visible(copper) == OWN | {clean.name, mask.name}
    (split,) = run(segment, "watershed_split", labels=mask)
    assert visible(copper) == OWN | {clean.name, split.name}
    segment.undo()
    assert visible(copper) == OWN | {clean.name, mask.name}


def test_a_mask_of_the_user_is_hidden_only_where_it_was_used(copper):
    segment = dock(copper, "segment")
    run(segment, "threshold", image=copper.layers["copper"])
    assert "painted" in visible(copper)
    (split,) = run(segment, "watershed_split", labels=copper.layers["painted"])
    assert visible(copper) == (OWN - {"painted"}) | {"copper Otsu", split.name}


def test_results_of_other_images_stay(copper):
    segment = dock(copper, "segment")
    run(segment, "threshold", image=copper.layers["copper"])
    run(segment, "threshold", image=copper.layers["other"])
    assert visible(copper) == OWN | {"copper Otsu", "other Otsu"}


def test_a_run_shows_its_result_though_it_was_hidden(copper):
    cluster = dock(copper, "cluster")
    (layer,) = run(cluster, "kmeans", image=copper.layers["copper"], clusters=2)
    layer.visible = False
    assert run(cluster, "kmeans", clusters=3) == [layer]
    assert layer.visible


def test_of_several_maps_the_chosen_one_stays(copper):
    texture = dock(copper, "texture")
    first, second, *_ = run(
        texture, "glcm_features", image=copper.layers["copper"], feature="all", window=5
    )
    first.visible, second.visible = False, True
    run(texture, "glcm_features", window=7)
    assert (first.visible, second.visible) == (False, True)


def test_all_results_come_back_and_go_again(copper):
    cluster, segment = dock(copper, "cluster"), dock(copper, "segment")
    (old,) = run(cluster, "kmeans", image=copper.layers["copper"])
    (mine,) = run(dock(copper, "denoise"), "denoise", image=copper.layers["copper"])
    (new,) = run(segment, "threshold", image=copper.layers["copper"])
    assert visible(copper) == OWN | {new.name}
    segment.compare.button.native.click()
    assert visible(copper) == OWN | {old.name, mine.name, new.name}
    press(copper)
    assert visible(copper) == OWN | {new.name}
    old.visible = True
    press(copper)
    assert visible(copper) == OWN | {old.name, mine.name, new.name}


def test_forms_go_on_with_the_image_not_with_the_heatmap_on_it(copper):
    (heat, *_) = run(dock(copper, "texture"), "edge_density", image=copper.layers["copper"])
    assert copper.layers.selection.active is heat
    segment = dock(copper, "segment")
    assert segment.fields["image"].value is copper.layers["copper"]
    # by hand, a map can be chosen
    segment.fields["image"].value = heat
    (clean,) = run(dock(copper, "denoise"), "denoise", image=copper.layers["other"])
    assert segment.fields["image"].value is clean
    # what takes a heatmap follows it
    classify = dock(copper, "classify")
    classify.method.value = OPERATIONS["evidence_regions"].title
    copper.layers.selection.active = heat
    assert classify.fields["heatmap"].value is heat


def test_what_the_user_has_hidden_stays_hidden(copper):
    (mask,) = run(dock(copper, "segment"), "threshold", image=copper.layers["copper"])
    mask.visible = False
    run(dock(copper, "denoise"), "denoise", image=copper.layers["copper"])
    assert newest.switch(copper) == []
    assert not mask.visible


def test_a_key_of_the_user_keeps_its_meaning(headless):
    pressed = []
    headless.bind_key("h", pressed.append)
    dock(headless, "segment")
    press(headless)
    assert pressed == [headless]


def test_a_live_result_hides_earlier_ones_at_every_step(copper, finish):
    (mask,) = run(dock(copper, "segment"), "threshold", image=copper.layers["copper"])
    cluster = dock(copper, "cluster")
    cluster.fields["image"].value = copper.layers["copper"]
    cluster.live.value = True
    cluster._live.follow_soon.flush() if hasattr(cluster._live.follow_soon, "flush") else None
    finish(cluster)
    cluster._live.follow()
    finish(cluster)
    assert not mask.visible
    assert np.all([layer.visible for layer in copper.layers if "k-means" in layer.name])
    mask.visible = True
    cluster._live.follow()
    finish(cluster)
    assert not mask.visible


@pytest.fixture
def two(headless):
    """Two micrographs with a hidden mask each, opened one after the other as samples are."""
    part = samples.load("nanoparticles").data[60:180, 40:200]
    for name, grey in (("first", part), ("second", part[::-1, :100])):
        with layer_source(sample=("napari-visual-ccc", name)):
            headless.add_image(grey, name=name, metadata={"micrograph": {"info_bar": {}}})
            headless.add_labels((grey < 120).astype(int), name=f"{name} mask", visible=False)
    return headless


def test_a_form_takes_the_image_that_the_selected_mask_was_opened_with(two):
    cluster, segment = dock(two, "cluster"), dock(two, "segment")
    assert cluster.fields["image"].value is two.layers["second"]
    for name in ("first", "second"):
        two.layers.selection.active = two.layers[f"{name} mask"]
        (layer,) = cluster(clusters=2)
        assert layer.name.startswith(name)
        assert segment.fields["image"].value is two.layers[name]


def test_a_form_takes_the_image_that_the_selected_result_was_made_of(two):
    cluster, segment = dock(two, "cluster"), dock(two, "segment")
    mask = run(segment, "threshold", image=two.layers["first"])[0]
    two.layers.selection.active = two.layers["second"]
    assert cluster.fields["image"].value is two.layers["second"]
    two.layers.selection.active = mask
    assert cluster.fields["image"].value is two.layers["first"]


def test_without_a_selection_a_new_form_takes_the_topmost_visible_image(two):
    two.layers.selection.clear()
    assert dock(two, "cluster").fields["image"].value is two.layers["second"]
    two.layers["second"].visible = False
    cluster = dock(two, "cluster")
    assert cluster.fields["image"].value is two.layers["first"]
    # a drawing lies on no image of its own: the choice stays while its image is visible
    drawn = two.add_shapes([[[2, 2], [9, 9]]], shape_type="line")
    assert two.layers.selection.active is drawn
    assert cluster.fields["image"].value is two.layers["first"]
    two.layers["second"].visible, two.layers["first"].visible = True, False
    two.layers.selection.active = two.layers["second mask"]
    two.layers.selection.active = drawn
    assert cluster.fields["image"].value is two.layers["second"]


def test_painted_labels_are_taken_with_a_visible_image_of_their_size(headless):
    for name, side in (("small", 8), ("large", 9)):
        headless.add_image(np.zeros((side, side)), name=name)
    cluster = dock(headless, "cluster")
    assert cluster.fields["image"].value is headless.layers["large"]
    headless.add_labels(np.ones((8, 8), int))
    assert cluster.fields["image"].value is headless.layers["small"]


def test_measure_takes_the_newest_objects_of_the_selected_image(two):
    segment, cluster = dock(two, "segment"), dock(two, "cluster")
    (found,) = run(segment, "label_objects", labels=two.layers["first mask"])
    (phases,) = run(cluster, "kmeans", image=two.layers["first"], clusters=2)
    two.layers.selection.active = two.layers["first"]
    assert dock(two, "measure").fields["labels"].value is found
    # what is visible first
    found.visible = False
    assert dock(two, "measure").fields["labels"].value is phases
    run(dock(two, "texture"), "edge_density", image=two.layers["first"])
    measure = dock(two, "measure")
    assert measure.fields["labels"].value is found
    two.layers.selection.active = two.layers["second"]
    assert measure.fields["labels"].value is two.layers["second mask"]


def test_evidence_is_looked_for_in_the_map_of_the_selected_mask(two):
    (heat, *_) = run(dock(two, "texture"), "edge_density", image=two.layers["first"])
    (mask,) = run(dock(two, "segment"), "threshold", image=two.layers["first"])
    layers = list(two.layers)
    assert newest.map_for(mask, layers, None) is heat
    assert newest.map_for(two.layers["second mask"], layers, None) is two.layers["second"]
    assert newest.map_for(two.layers["first"], layers, None) is two.layers["first"]


def shown(viewer):
    return [layer.name for layer in viewer.layers if layer.visible]


def click(table, row):
    """Click a row, which is selected or not."""
    index = table.view.model().index(row, 0)
    if row != table.selected:
        table.select(row)
    table.view.clicked.emit(index)


def test_a_marked_row_brings_nothing_back_over_a_later_result(two):
    cluster, texture = dock(two, "cluster"), dock(two, "texture")
    first = two.layers["first"]
    (phases,) = run(cluster, "kmeans", image=first, clusters=2)
    click(cluster.table, 1)
    (target,) = run(cluster, "select_cluster", labels=phases)
    assert shown(two) == ["first", "second", target.name]
    click(cluster.table, 0)
    (edges,) = run(texture, "edge_density", image=first)
    # the labels of a row are shown alone, as long as it is marked
    for row_of in ([target.name], [edges.name], [target.name]):
        click(cluster.table, 0)
        assert shown(two) == ["first", "second", *row_of]
    # a run meanwhile hides what the mark has shown, and keeps what the mark has hidden
    (otsu,) = run(dock(two, "segment"), "threshold", image=first)
    cluster.end_mark()
    assert shown(two) == ["first", "second", otsu.name]
    newest.switch(two)
    assert {phases.name, target.name, edges.name} < set(shown(two))


def test_a_row_of_measured_labels_that_are_hidden_shows_them_alone(two):
    measure = dock(two, "measure")
    (edges,) = run(dock(two, "texture"), "edge_density", image=two.layers["first"])
    before = shown(two)
    for name, expected in (
        ("first mask", ["first", "first mask", "second"]),
        ("second mask", ["first", "second", "second mask", edges.name]),
    ):
        measure(labels=two.layers[name])
        click(measure.table, 0)
        assert shown(two) == expected
        click(measure.table, 0)
        assert shown(two) == before


def test_a_click_on_the_image_marks_the_phase_below_it(two):
    cluster = dock(two, "cluster")
    (phases,) = run(cluster, "kmeans", image=two.layers["first"], clusters=2)
    two.layers.selection.active = two.layers["first"]
    for place in ((3, 4), (60, 80), (100, 30)):
        event = SimpleNamespace(
            type="mouse_press", pos=(5, 5), position=place, view_direction=None,
            dims_displayed=[0, 1],
        )  # fmt: skip
        (callback,) = two.layers["first"].mouse_drag_callbacks
        steps = callback(two.layers["first"], event)
        next(steps)
        next(steps, None)
        assert cluster.table.frame["label"][cluster.table.selected] == phases.data[place]
    cluster.undo()
    assert not two.layers["first"].mouse_drag_callbacks
