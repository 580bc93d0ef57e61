from __future__ import annotations

import gc

import numpy as np
import psutil
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.explanation.explainer import Head
from napari_visual_ccc.engine.explanation.weights import Target, class_activation_map
from napari_visual_ccc.nets.card import FORMAT, read_card
from napari_visual_ccc.nets.interpolate import to_pixels
from napari_visual_ccc.nets.models.registry import ARCHITECTURES
from tests.models import CLASSES, saved

METHODS = ["gradcam", "gradcam++", "hirescam", "layercam", "eigencam"]


@pytest.fixture(scope="module")
def micrograph():
    return samples.load("nanoparticles").data[70:180, 80:200]


@pytest.mark.parametrize("method", METHODS)
def test_maps_cover_the_whole_image(micrograph, method):
    found = ccc.explain(micrograph, target="sphere", method=method)
    assert found.data.shape == micrograph.shape
    assert found.data.dtype == np.float32
    assert found.data.min() >= 0
    assert found.data.max() == pytest.approx(1)
    assert found.target == "sphere"
    assert found.facts["raw_maximum"] > 0
    assert found.prediction.classes == ("cube", "octahedron", "sphere")


def test_the_map_is_that_of_grad_cam(tmp_path):
    torch.manual_seed(0)
    design = ARCHITECTURES["alexnet-1ch"]
    net = design.build(3, 64)
    x = torch.rand(1, 1, 64, 64)
    with GradCAM(model=net, target_layers=[net.features[11]]) as cam:
        expected = cam(
            input_tensor=x.clone().requires_grad_(), targets=[ClassifierOutputTarget(1)]
        )[0]
    with torch.no_grad():
        maps = design.parts.features(net, x)
    head = Head(net, design)
    (raw,) = run(class_activation_map(head, head.maps, maps, Target(1), "gradcam", lambda x: x))
    raw = np.maximum(raw, 0)
    scaled = scale_cam_image(scale_cam_image(raw[None], (64, 64)))[0]
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


def test_the_map_of_a_linear_head_is_its_weighted_activations(micrograph):
    found = ccc.explain(micrograph, target="cube", signed=True)
    hires = ccc.explain(micrograph, target="cube", signed=True, method="hirescam")
    # behind an average pooling the two are one (Draelos & Carin, section 4)
    np.testing.assert_allclose(found.data, hires.data, atol=1e-4)


def test_evidence_lies_on_the_particles(micrograph):
    shapes = samples.masks("nanoparticles")["shapes"]
    found = ccc.explain(samples.load("nanoparticles").data, target="cube").data
    assert found[shapes > 0].mean() > 1.5 * found[shapes == 0].mean()
    sphere = ccc.explain(samples.load("nanoparticles").data, target="sphere", signed=True).data
    assert sphere[shapes == 3].mean() > sphere[shapes == 1].mean()


def test_the_map_follows_the_image_when_it_is_moved():
    image = np.full((320, 320), 230, np.uint8)
    crop = samples.load("nanoparticles").data[100:196, 100:196]
    places = [(32, 32), (192, 32), (32, 192)]
    for top, left in places:
        shown = image.copy()
        shown[top : top + 96, left : left + 96] = crop
        found = ccc.explain(shown, target="cube").data
        rows, columns = np.nonzero(found > 0.5)
        assert top - 20 < rows.mean() < top + 116
        assert left - 20 < columns.mean() < left + 116


def test_signed_maps_show_evidence_against(micrograph):
    found = ccc.explain(micrograph, target="octahedron", signed=True)
    assert found.data.min() < 0 < found.data.max()
    assert np.abs(found.data).max() == pytest.approx(1)
    assert found.layer().style == "signed"


def test_no_evidence_is_zeros_and_a_sentence(tmp_path, discs):
    path = saved(tmp_path, window_px=64, input_px=128)
    import json

    from safetensors.torch import load_file, save_file

    weights = load_file(path)
    weights["classifier.weight"][0] = -weights["classifier.weight"][0].abs()
    card = json.dumps({**read_card(path).as_dict(), "format": FORMAT})
    save_file(weights, path, metadata={"card": card})
    # activations end in a ReLU: negative weights leave nothing positive
    found = ccc.explain(discs, model=path, target=CLASSES[0], method="hirescam")
    assert not found.data.any()
    assert found.facts["raw_maximum"] == 0
    assert "no evidence for dendrite" in found.notes[-1]


def test_the_predicted_class_is_explained_without_a_target(micrograph):
    found = ccc.explain(micrograph)
    assert found.target == found.prediction.label


def test_an_unknown_class_is_refused_before_the_network_is_built(micrograph):
    text = "no class 'rod'; its classes are cube, octahedron, sphere"
    with pytest.raises(ValueError, match=text):
        ccc.explain(micrograph, target="rod")


@pytest.mark.parametrize("shape", [(1, 1), (5, 200), (64, 64), (333, 77)])
def test_any_size_is_explained(rng, shape):
    found = ccc.explain(rng.random(shape), target="cube")
    assert found.data.shape == shape
    assert np.isfinite(found.data).all()


def test_a_network_of_fixed_input_is_explained_over_the_whole_image(tmp_path, rng):
    found = ccc.explain(rng.random((90, 160)), model=saved(tmp_path, "simple-cnn"))
    assert found.data.shape == (90, 160)


def test_repeats_are_equal(micrograph):
    first, second = (ccc.explain(micrograph).data for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_cells_lie_at_their_receptive_fields():
    coarse = np.zeros((4, 5))
    coarse[1, 2] = 1
    # 2 input pixels a pixel: the cell is centred on input pixel 17 + 32 n
    fine = to_pixels(coarse, (64, 80), (128, 160), 32, 17.0)
    assert np.unravel_index(fine.argmax(), fine.shape) == (24, 40)
    np.testing.assert_allclose(to_pixels(np.ones((4, 5)), (64, 80), (128, 160), 32, 17.0), 1)


def test_hundreds_of_maps_keep_memory_flat():
    torch.manual_seed(0)
    design = ARCHITECTURES["lite0-linear"]
    net = design.build(3, 0)
    with torch.no_grad():
        maps = design.parts.features(net, torch.rand(1, 1, 256, 256))
    head = Head(net, design)

    def many(count):
        for number in range(count):
            run(
                class_activation_map(
                    head, head.maps, maps, Target(number % 3), "gradcam", lambda x: x
                )
            )
        gc.collect()
        return psutil.Process().memory_info().rss

    before = many(100)
    after = many(300)
    assert after - before < 10e6
    assert not head.maps._forward_hooks
    assert not any(module._forward_hooks for module in head.modules())
