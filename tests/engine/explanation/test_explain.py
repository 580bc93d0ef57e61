"""Methods, layers, differences of classes, windows that slide, regions, covers and maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.explanation.explain import TITLES
from napari_visual_ccc.engine.explanation.explainer import Explainer
from napari_visual_ccc.engine.explanation.heatmap import views_of
from napari_visual_ccc.engine.explanation.weights import Target
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.report.summary import summary
from tests.models import CLASSES, saved

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def crop():
    return samples.load("nanoparticles").data[90:170, 100:190]


@pytest.mark.parametrize("method", TITLES)
def test_every_method_explains_a_crop_the_same_way_twice(crop, method, tmp_path):
    crop = crop[:40, :30]
    # one forward a channel: a network of few
    model = saved(tmp_path, "simple-cnn") if method == "scorecam" else None
    first, second = (
        ccc.explain(crop, target="sphere", method=method, model=model) for _ in range(2)
    )
    assert first.data.shape == crop.shape
    assert first.data.dtype == np.float32
    assert 0 <= first.data.min() <= first.data.max() <= 1
    assert first.layer().name == f"{TITLES[method]} sphere"
    np.testing.assert_array_equal(first.data, second.data)


def test_why_one_and_not_the_other_is_the_difference_of_both(crop):
    """Grad-CAM is linear in the score, and the head of the shipped model in its features."""
    maps = ccc.compare(crop, signed=True).maps
    both = {name: maps[f"Grad-CAM {name}"] for name in ("cube", "sphere")}
    height = {name: one.facts["raw_maximum"] for name, one in both.items()}
    assert height["cube"] > 0
    difference = ccc.explain(crop, target="cube", against="sphere", signed=True)
    explainer = Explainer(checkpoint.load_model(None, CPU), np.asarray(_stretched(crop)), None)
    cube, sphere, apart = (
        run(explainer.explain(why, "gradcam"))[0] for why in (Target(0), Target(2), Target(0, 2))
    )
    np.testing.assert_allclose(apart, cube - sphere, atol=1e-6)
    assert difference.layer().name == "Grad-CAM cube not sphere"


def _stretched(image):
    from napari_visual_ccc.arrays.inputs import stretch

    return stretch(image)[0]


def test_views_averaged_make_the_map_symmetric():
    image = np.zeros((96, 96))
    image[30:66, 30:66] = samples.load("nanoparticles").data[100:136, 100:136]
    image = sum(np.rot90(part, k) for k in range(4) for part in (image, image[:, ::-1]))
    found = ccc.explain(image, target="cube", smooth=True, signed=True).data
    np.testing.assert_allclose(found, np.rot90(found), atol=1e-3)
    np.testing.assert_allclose(found, found[:, ::-1], atol=1e-3)


def test_a_mirrored_image_has_the_mirrored_map_by_default(crop):
    def explained(image, **more):
        return ccc.explain(image, target="sphere", signed=True, **more)

    map_, mirrored = (explained(one).data for one in (crop, crop[:, ::-1]))
    np.testing.assert_allclose(map_, mirrored[:, ::-1], atol=2e-3)
    assert any("eight rotated and mirrored views" in note for note in explained(crop).notes)
    one, other = (explained(one, smooth="off").data for one in (crop, crop[:, ::-1]))
    assert np.corrcoef(one.ravel(), other[:, ::-1].ravel())[0, 1] < 0.98
    np.testing.assert_array_equal(explained(crop, smooth="on").data, map_)
    # flags of version 0.1.0
    np.testing.assert_array_equal(explained(crop, smooth=False).data, one)


def test_the_number_of_views_follows_from_the_operations_of_the_network():
    model = checkpoint.load_model(None, CPU)

    def views(shape, method="gradcam", smooth="auto", layer=""):
        return views_of(Explainer(model, np.zeros(shape, np.float32), layer=layer), method, smooth)

    assert views((256, 256)) == views((100, 600)) == 8
    assert views((512, 512)) == views((256, 256), layer="blocks.4") == 1
    assert views((256, 256), "fullgrad") == views((64, 64), "scorecam") == 1
    assert views((512, 512), smooth="on") == 8
    assert views((64, 64), smooth="off") == 1


def test_one_view_is_said_where_eight_take_long(crop):
    crop = crop[:32, :32]
    notes = ccc.explain(crop, target="cube", method="ablationcam").notes
    assert any("the map is of one view" in note for note in notes)
    off = ccc.explain(crop, target="cube", method="ablationcam", smooth="off").notes
    assert not any("the map is of one view" in note for note in off)


def test_methods_that_are_the_same_map_say_so(crop, tmp_path):
    crop = crop[:32, :32]
    alike = [
        ccc.explain(crop, target="cube", method=method)
        for method in ("gradcam", "hirescam", "xgradcam")
    ]
    for one in alike:
        np.testing.assert_allclose(one.data, alike[0].data, atol=1e-4)
        assert any("are the same map here" in note for note in one.notes)
    assert any("same map" in n for n in ccc.compare(crop, across="methods", target="cube").notes)
    for more in ({"method": "eigencam"}, {"layer": "blocks.4"}):
        notes = ccc.explain(crop, target="cube", **more).notes
        assert not any("same map" in note for note in notes)
    # maps of this network go through two linear layers
    other = saved(tmp_path, "simple-cnn")
    notes = ccc.explain(crop, model=other, target=CLASSES[0]).notes
    assert not any("same map" in note for note in notes)


@pytest.mark.parametrize("size", [(60, 70), (100, 110)])
def test_explain_and_classify_give_one_prediction(size):
    image = samples.load("nanoparticles").data[60 : 60 + size[0], 40 : 40 + size[1]]
    one, other = ccc.classify(image), ccc.explain(image)
    np.testing.assert_array_equal(other.prediction.probabilities, one.probabilities)
    assert other.prediction.verdict == one.verdict
    assert other.prediction.prediction_set == one.prediction_set
    assert other.target == one.label
    assert other.facts["probabilities"] == dict(zip(one.classes, one.probabilities, strict=True))
    for other in (ccc.compare(image), ccc.explain(image, smooth="off")):
        np.testing.assert_array_equal(other.prediction.probabilities, one.probabilities)
        assert other.prediction.means == "probability"
    # one view of a named class needs no prediction, and states none
    named = ccc.explain(image, target="cube", smooth="off")
    assert named.prediction.means == "score_of_view"
    assert "probability" not in named.table


def test_more_windows_than_a_second_allows_are_said(monkeypatch):
    from napari_visual_ccc.engine.explanation import explain as module

    monkeypatch.setattr(module, "MOST_WINDOWS", 3)
    image = samples.load("nanoparticles").data[:130, :130]
    found = ccc.explain(image)
    assert any("gives the mean over views or many windows" in note for note in found.notes)
    # a score of one view is nowhere called a probability or a prediction
    assert found.prediction.means == "score_of_view"
    assert list(found.table) == ["class", "score_of_view"]
    assert "scores_of_view" in found.facts and "probabilities" not in found.facts
    assert summary(found).startswith(f"evidence for {found.target}; score of one view, no pred")
    assert "probability" not in found.prediction.row
    slices = ccc.explain(np.stack([image] * 2), target="cube").table
    assert {"score_of_view", "score_of_view_cube"} <= set(slices)
    assert not {"probability", "p_cube"} & set(slices)


def test_all_classes_share_one_scale(crop):
    maps = ccc.compare(crop, smooth="off").maps
    assert list(maps) == ["Grad-CAM cube", "Grad-CAM octahedron", "Grad-CAM sphere"]
    peaks = [one.data.max() for one in maps.values()]
    assert max(peaks) == pytest.approx(1)
    assert sorted(peaks)[0] < 0.9
    methods = ccc.compare(crop[:32, :32], across="methods", target="cube").maps
    assert "Random-CAM cube" in methods
    assert all(one.facts["target"] == "cube" for one in methods.values())


def test_an_object_off_centre_in_an_oblong_image_is_found():
    image = np.full((150, 420), 230, np.uint8)
    image[70:134, 300:364] = samples.load("nanoparticles").data[96:160, 96:160]
    found = ccc.explain(image, target="cube").data
    assert found.shape == image.shape
    weight = found * (found > 0.4)
    rows, columns = (np.arange(n) for n in image.shape)
    assert 70 < weight.sum(1) @ rows / weight.sum() < 134
    assert 300 < weight.sum(0) @ columns / weight.sum() < 364


@pytest.mark.parametrize("method", ["gradcam", "fullgrad"])
def test_a_sliding_window_finds_an_object_where_it_is(tmp_path, method):
    """A network of fixed input looks window by window; windows start every 32 pixels."""
    path = saved(tmp_path, "simple-cnn", input_px=64, window_px=64)
    model = checkpoint.load_model(path, CPU)
    empty = np.full((160, 384), 0.6, np.float32)
    places = [(64, 64), (64, 256)]
    shown = []
    for top, left in places:
        image = empty.copy()
        image[top : top + 32, left : left + 32] = (
            samples.load("nanoparticles").data[96:128, 96:128] / 255
        )
        explainer = Explainer(model, image)
        assert not explainer.whole
        fine, _ = run(explainer.explain(Target(1), method))
        background, _ = run(Explainer(model, empty).explain(Target(1), method))
        shown.append(np.abs(fine - background))
    for (top, left), change in zip(places, shown, strict=True):
        reach = change > 1e-6 * change.max()
        rows, columns = np.flatnonzero(reach.any(axis=1)), np.flatnonzero(reach.any(axis=0))
        # no farther than a window that still sees the object
        assert top - 64 <= rows[0]
        assert rows[-1] < top + 32 + 64
        assert left - 64 <= columns[0]
        assert columns[-1] < left + 32 + 64
    np.testing.assert_allclose(np.roll(shown[0], 192, axis=1), shown[1], atol=1e-5 * shown[1].max())


def test_classes_that_cannot_be_compared_are_refused(crop, tmp_path):
    with pytest.raises(ValueError, match="against itself"):
        ccc.explain(crop, target="cube", against="cube")
    with pytest.raises(ValueError, match="no class 'rod'"):
        ccc.explain(crop, target="cube", against="rod")
    assert ccc.explain(crop, model=saved(tmp_path), against=CLASSES[1]).target in CLASSES


def test_evidence_has_no_value_where_pixels_are_missing(crop, monkeypatch):
    gap = crop.astype(np.float32)
    gap[:, 60:] = np.nan
    found = ccc.explain(gap, target="cube")
    np.testing.assert_array_equal(np.isnan(found.data), np.isnan(gap))
    assert np.nanmax(found.data) == 1
    assert any("of the pixels are missing" in note for note in found.notes)
    maps = ccc.compare(gap, smooth="off").maps
    assert max(np.nanmax(one.data) for one in maps.values()) == 1


def test_progress_is_one_bar_that_names_the_windows_at_once(discs):
    told = []
    image = np.tile(discs[:, :80], (1, 2))
    ccc.explain(image, smooth="on", report=told.append)
    windows = [one for one in told if one.note == "windows"]
    assert windows[0].done == 0 < windows[0].total == windows[-1].total
    named = [one.note.split(", ")[0] for one in told]
    assert [one for one in dict.fromkeys(named) if one.startswith("view")] == [
        f"view {k} of 8" for k in range(1, 9)
    ]
    shares = [one.share for one in told if one.share is not None]
    assert shares[0] == 0 and shares[-1] > 0.9 and max(shares) <= 1
    # a later view begins where the earlier one has ended
    begin = [one.share for one in told if one.note.endswith("network") and not one.done]
    assert begin == sorted(begin)
    told.clear()
    ccc.compare(image, smooth="off", report=told.append)
    assert {"cube", "octahedron", "sphere"} <= {one.note.split(", ")[0] for one in told}
