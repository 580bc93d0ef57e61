"""Images are checked when they are added, off the GUI thread."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager

from napari_visual_ccc import samples
from napari_visual_ccc.widgets.canvas import size_notice
from napari_visual_ccc.widgets.checks import watcher as watchers
from napari_visual_ccc.widgets.checks.watcher import watch


@pytest.fixture
def said(monkeypatch):
    """Texts of notifications; images are checked."""
    monkeypatch.setenv("VISUAL_CCC_CHECK_IMAGES", "yes")
    texts: list[str] = []

    def note(one):
        texts.append(one.message)

    notification_manager.notification_ready.connect(note)
    yield texts
    notification_manager.notification_ready.disconnect(note)


@pytest.fixture(scope="module")
def image():
    return samples.load("superalloy").data[:256, :256]


@pytest.fixture
def settled(qtbot):
    def wait(found):
        qtbot.waitUntil(lambda: found.is_idle and found._job is None and not found._batch)

    return wait


def test_an_image_has_a_verdict_with_the_pixel_size_of_now(headless, image, said, settled):
    found = watch(headless)
    assert watch(headless) is found
    layer = headless.add_image(image, name="steel")
    assert found.is_waiting(layer) and found.verdict(layer) is None
    settled(found)
    verdict = found.verdict(layer)
    assert verdict.state == "doubtful" and verdict.problems == ("no pixel size",)
    assert said == [verdict.what_to_do]
    layer.scale, layer.units = (2, 2), ("nm", "nm")
    assert found.verdict(layer).state == "good"
    assert dict(found.verdict(layer).facts)["Pixel size"] == "2 nm"
    headless.layers.remove(layer)
    assert found.verdict(layer) is None


@pytest.mark.filterwarnings("ignore:Inconsistent units")
def test_what_the_canvas_says_of_an_image_is_not_said_twice(viewer, image, said, settled):
    viewer.add_image(image, name="sized", scale=(2, 2), units="nm")
    found, notice = watch(viewer), size_notice.watch(viewer)
    plain = viewer.add_image(image, name="plain")
    settled(found)
    assert found.verdict(plain).problems == ("no pixel size",)
    # napari says of its own accord that units are unlike
    assert notice.layer is plain and not [one for one in said if "plain" in one]
    # of what else is wrong the canvas says nothing
    viewer.add_image(np.zeros((64, 64)), name="empty")
    settled(found)
    text = said[-1]
    assert text.startswith("empty: ") and "pixel size" not in text


def test_many_images_are_one_message_and_results_and_masks_none(headless, image, said, settled):
    found = watch(headless)
    layers = [headless.add_image(image[k:], name=f"{k}") for k in range(3)]
    layers.append(headless.add_image(np.zeros((64, 64)), name="empty", scale=(1, 1), units="nm"))
    left_out = [
        headless.add_labels(image // 100),
        headless.add_image(image, metadata={"visual_ccc": {"steps": []}}),
        headless.add_image(image, scale=(1, 1), units="1/nm"),
        headless.add_image(image > 100),
    ]
    settled(found)
    assert [found.verdict(one).state for one in layers] == ["doubtful"] * 3 + ["bad"]
    assert not any(found.knows(one) for one in left_out)
    (text,) = said
    assert text.startswith("4 images were opened: 3 to check, 1 not fit as it is (empty, ")


def test_images_that_are_open_already_are_checked_without_a_message(headless, image, said, settled):
    layer = headless.add_image(image, name="steel")
    found = watch(headless)
    settled(found)
    assert found.verdict(layer) is not None and not said


def test_a_stack_says_which_slice_was_assessed(headless, image, said, settled):
    found = watch(headless)
    layer = headless.add_image(np.stack([image] * 3), scale=(9, 2, 2), units="nm")
    settled(found)
    assert "slice 1" in dict(found.verdict(layer).facts)["Quality"]


def test_an_image_that_is_removed_meanwhile_leaves_nothing(headless, image, said, settled):
    found = watch(headless)
    layers = [headless.add_image(image) for _ in range(2)]
    found._begin()
    headless.layers.clear()
    settled(found)
    assert not said and not any(found.knows(one) for one in layers)


def test_nothing_is_checked_where_the_settings_say_no(headless, image, monkeypatch):
    monkeypatch.setenv("VISUAL_CCC_CHECK_IMAGES", "no")
    found = watch(headless)
    assert not found.knows(headless.add_image(image))


def test_a_viewer_that_is_gone_is_forgotten(qapp):
    viewer = ViewerModel()
    watch(viewer)
    key, gone = id(viewer), weakref.ref(viewer)
    assert key in watchers._watchers
    del viewer
    gc.collect()
    assert gone() is None and key not in watchers._watchers


def test_a_viewer_may_be_closed_while_its_image_is_checked(
    make_napari_viewer, image, said, settled
):
    viewer = make_napari_viewer()
    found = watch(viewer)
    layer = viewer.add_image(image, name="steel")
    viewer.close()
    settled(found)
    # napari removes the layers
    assert not found.knows(layer)
