"""Methods, layers, differences of classes, windows that slide, regions, covers and maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_grad_cam import AblationCAM, FullGrad
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.explanation.explain import TITLES
from napari_visual_ccc.engine.explanation.explainer import Explainer, Head
from napari_visual_ccc.engine.explanation.occlude import covered_image
from napari_visual_ccc.engine.explanation.weights import Target, ablation_cam, full_grad
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.nets.card import read_card
from napari_visual_ccc.nets.layers import find_layer, layers_of
from napari_visual_ccc.nets.models.registry import ARCHITECTURES
from tests.models import CLASSES, saved

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def crop():
    return samples.load("nanoparticles").data[90:170, 100:190]


@pytest.mark.parametrize("method", TITLES)
def test_every_method_explains_a_crop_the_same_way_twice(crop, method):
    # one forward a channel
    crop = crop[:40, :36] if method == "scorecam" else crop
    first, second = (ccc.explain(crop, target="sphere", method=method) for _ in range(2))
    assert first.data.shape == crop.shape
    assert first.data.dtype == np.float32
    assert 0 <= first.data.min() <= first.data.max() <= 1
    assert first.layer().name == f"{TITLES[method]} sphere"
    np.testing.assert_array_equal(first.data, second.data)


def test_full_gradient_is_that_of_grad_cam():
    torch.manual_seed(0)
    net = ARCHITECTURES["alexnet-1ch"].build(3, 256)
    x = torch.rand(1, 1, 256, 256)
    ours = full_grad(net, x, Target(1))[0]
    with FullGrad(net, []) as cam:
        theirs = cam(x, [ClassifierOutputTarget(1)])[0]
    ours = (ours - ours.min()) / (ours.max() - ours.min())
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_ablation_weights_are_those_of_grad_cam():
    torch.manual_seed(0)
    design = ARCHITECTURES["visualcnn"]
    net = design.build(3, 64)
    x = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        maps = design.parts.features(net, x)
    head = Head(net, design)
    ours = run(ablation_cam(head, head.maps, maps, Target(2), lambda m: m))[0]
    targets, layer = [ClassifierOutputTarget(2)], net.features[-1]
    with AblationCAM(net, [layer]) as cam:
        cam(x, targets)
        activations = cam.activations_and_grads.activations[0].numpy()
        weights = cam.get_cam_weights(x, layer, targets, activations, None)
    found = (weights[:, :, None, None] * activations).sum(axis=1)[0]
    with torch.no_grad():
        # grad-cam divides by the score itself: where it is negative, what helps becomes what harms
        sign = -1 if net(x)[0, 2] < 0 else 1
    np.testing.assert_allclose(sign * ours, found, atol=1e-4 * np.abs(found).max())


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


def test_any_layer_can_be_explained(crop):
    model = checkpoint.load_model(None, CPU)
    names = layers_of(model.net, model.card.input_px)
    assert names[0] == "conv_stem"
    assert names.index("blocks.2") < names.index("blocks.5") < names.index("conv_head")
    assert names == read_card().layers
    for name in ("blocks.2", "blocks.5"):
        found = ccc.explain(crop, target="cube", layer=name)
        assert found.data.max() == pytest.approx(1)
    assert not any(m._forward_hooks for m in model.net.modules())
    with pytest.raises(ValueError, match="no layer 'nowhere'; there are conv_stem"):
        find_layer(model.net, "nowhere", model.card.input_px)


def test_views_averaged_make_the_map_symmetric():
    image = np.zeros((96, 96))
    image[30:66, 30:66] = samples.load("nanoparticles").data[100:136, 100:136]
    image = sum(np.rot90(part, k) for k in range(4) for part in (image, image[:, ::-1]))
    found = ccc.explain(image, target="cube", smooth=True, signed=True).data
    np.testing.assert_allclose(found, np.rot90(found), atol=1e-3)
    np.testing.assert_allclose(found, found[:, ::-1], atol=1e-3)


def test_all_classes_share_one_scale(crop):
    maps = ccc.compare(crop).maps
    assert list(maps) == ["Grad-CAM cube", "Grad-CAM octahedron", "Grad-CAM sphere"]
    peaks = [one.data.max() for one in maps.values()]
    assert max(peaks) == pytest.approx(1)
    assert sorted(peaks)[0] < 0.9
    methods = ccc.compare(crop, across="methods", target="cube").maps
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
    path = saved(tmp_path, "alexnet-1ch", input_px=64, window_px=64)
    model = checkpoint.load_model(path, CPU)
    empty = np.full((160, 416), 0.6, np.float32)
    places = [(80, 64), (80, 256)]
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


def test_a_heatmap_becomes_regions_with_their_share():
    heat = np.zeros((40, 60))
    heat[5:15, 5:15] = 1.0
    heat[20:30, 40:52] = 0.7
    heat[35, 3] = 0.9
    found = ccc.evidence_regions(heat, threshold=0.5, min_size=4)
    assert found.table["area_px"].tolist() == [100, 120]
    assert found.table["share_of_evidence"].sum() == pytest.approx(184 / 184.9)
    assert found.labels[6, 6] == 1
    assert found.labels[35, 3] == 0
    assert len(ccc.evidence_regions(heat, threshold=0.8, min_size=0).table) == 2
    for bad in (np.zeros((5, 5)), np.full((5, 5), np.nan)):
        with pytest.raises(ValueError, match="no positive evidence"):
            ccc.evidence_regions(bad)


def test_a_morphology_map_agrees_with_the_masks():
    image = samples.load("nanoparticles").data
    shapes = samples.masks("nanoparticles")["shapes"]
    found = ccc.morphology_map(image, (2.0, 2.0), "nm")
    labels = found.labels
    assert labels.shape == image.shape
    both = (labels > 0) & (shapes > 0)
    assert (labels == shapes)[both].mean() > 0.8
    table = found.tables["morphology"]
    assert table["area_percent"].sum() == pytest.approx(100)
    total = sum(found.maps[f"probability {name}"].data for name in ("cube", "octahedron", "sphere"))
    np.testing.assert_allclose(total[np.isfinite(total)], 1, atol=1e-5)
    assert (np.isnan(total) == (labels == 0)).all()


def test_windows_and_strides_can_be_given_in_nanometres():
    image = samples.load("nanoparticles").data[:200, :240]
    pixels = ccc.morphology_map(image, window=48, stride=24, shared=False)
    units = ccc.morphology_map(
        image, (0.5, 0.5), "nm", window=24, stride=12, length="unit", shared=False
    )
    np.testing.assert_array_equal(pixels.labels, units.labels)
    assert pixels.facts["cell_px"] == 24
    with pytest.raises(ValueError, match="no pixel size"):
        ccc.morphology_map(image, window=24, length="unit")
    with pytest.raises(ValueError, match="does not fit"):
        ccc.morphology_map(image, window=500)
    with pytest.raises(ValueError, match="less than one pixel"):
        ccc.morphology_map(image, (2.0, 2.0), "nm", window=48, stride=0.9, length="unit")
    # the network's maps have a cell every 16 px of this image
    shared = ccc.morphology_map(image, window=64, stride=10)
    assert shared.facts["cell_px"] == 16
    assert any("stride 16 px" in note for note in shared.notes)


def test_covering_what_decides_changes_the_answer(crop):
    regions = np.zeros(crop.shape, int)
    nothing = ccc.occlude(crop, regions)
    np.testing.assert_allclose(nothing.table["before"], nothing.table["after"])
    regions[8:-8, 8:-8] = 1
    found = ccc.occlude(crop, regions, fill="mean")
    winner = found.table.iloc[0]
    assert winner["before"] == found.table["before"].max()
    assert winner["after"] < winner["before"] - 0.1
    assert found.facts["covered_share"] == pytest.approx(regions.mean())
    with pytest.raises(ValueError, match="must agree"):
        ccc.occlude(crop, regions[:5])


@pytest.mark.parametrize("fill", ["surroundings", "mean", "blur"])
def test_what_covers_hides_the_object_and_leaves_the_rest(fill, rng):
    image = (0.4 + rng.normal(0, 0.01, (80, 100))).astype(np.float32)
    image[30:50, 40:60] = 1.0
    mask = np.zeros(image.shape, bool)
    mask[26:54, 36:64] = True
    found = covered_image(image, mask, fill)
    np.testing.assert_array_equal(found[~mask], image[~mask])
    if fill != "blur":
        assert np.abs(found[mask] - 0.4).max() < 0.1
    assert found[mask].max() < 0.95
    everything = covered_image(image, np.ones_like(mask), fill)
    assert everything.std() == 0


def test_classes_that_cannot_be_compared_are_refused(crop, tmp_path):
    with pytest.raises(ValueError, match="against itself"):
        ccc.explain(crop, target="cube", against="cube")
    with pytest.raises(ValueError, match="no class 'rod'"):
        ccc.explain(crop, target="cube", against="rod")
    assert ccc.explain(crop, model=saved(tmp_path), against=CLASSES[1]).target in CLASSES
