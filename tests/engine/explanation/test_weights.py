from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_grad_cam import AblationCAM, FullGrad
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.explanation import weights as explaining
from napari_visual_ccc.engine.explanation.weights import Head, Target, ablation_cam, full_grad
from napari_visual_ccc.nets.models.registry import ARCHITECTURES


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


@pytest.mark.parametrize("kind", ["ablation_cam", "score_cam_of_layer"])
def test_a_heavy_network_pauses_after_every_channel_and_gives_the_same_map(kind, monkeypatch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3, padding=1), torch.nn.Flatten(), torch.nn.Linear(6 * 64, 2)
    )
    given = torch.rand(1, 1, 8, 8)
    # 6 x 64 numbers of 9 weights each, and 2 of 384
    assert explaining._step(net, given) == int(explaining._PRODUCTS // (6 * 64 * 9 + 2 * 384))
    made, steps = [], []
    for products in (explaining._PRODUCTS, 1.0):
        monkeypatch.setattr(explaining, "_PRODUCTS", products)
        function = getattr(explaining, kind)
        reports = []
        made.append(run(function(net, net[0], given, Target(1), lambda maps: maps), reports.append))
        steps.append(len(reports))
    # one before each batch; that which runs on several cores, one after the last too
    last = kind == "score_cam_of_layer"
    assert steps == [1 + last, 6 + last]
    np.testing.assert_allclose(*made, atol=1e-6)
