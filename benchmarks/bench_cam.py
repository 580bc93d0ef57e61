"""Class activation maps against Visual-CCC: two forward passes, and back through all layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.explanation.explainer import Head
from napari_visual_ccc.engine.explanation.weights import Target, class_activation_map
from napari_visual_ccc.nets.card import DEFAULT
from napari_visual_ccc.nets.models.registry import ARCHITECTURES

from .timing import Row, best, micrograph


def visual_ccc(net: torch.nn.Module, x: torch.Tensor) -> np.ndarray:
    """Restate Visual-CCC: classify, then again with hooks, and back through every parameter."""
    with torch.no_grad():
        target = int(net(x).argmax())
    kept = {}
    layer = net.features[11]
    forward = layer.register_forward_hook(lambda m, i, o: kept.update(maps=o))
    backward = layer.register_full_backward_hook(lambda m, i, o: kept.update(slopes=o[0]))
    net.zero_grad()
    net(x)[0, target].backward()
    forward.remove()
    backward.remove()
    weights = kept["slopes"].mean(dim=(2, 3), keepdim=True)
    heat = (weights * kept["maps"]).mean(dim=1)[0].relu().detach().numpy()
    return heat / (heat.max() or 1)


def shipped(net: torch.nn.Module, x: torch.Tensor) -> np.ndarray:
    """Use grad-cam as its documentation shows."""
    with GradCAM(model=net, target_layers=[net.features[11]]) as cam:
        return cam(input_tensor=x, targets=[ClassifierOutputTarget(0)])[0]


def ours(net: torch.nn.Module, x: torch.Tensor) -> np.ndarray:
    design = ARCHITECTURES["alexnet-1ch"]
    with torch.no_grad():
        maps = design.parts.features(net, x)
    head = Head(net, design)
    return run(
        class_activation_map(head, head.maps, maps, Target(0), "gradcam", lambda found: found)
    )


def rows() -> Iterator[Row]:
    torch.manual_seed(0)
    frozen = ARCHITECTURES["alexnet-1ch"].build(3, 256)
    trainable = ARCHITECTURES["alexnet-1ch"].build(3, 256).requires_grad_(True)
    x, many = torch.rand(1, 1, 256, 256), torch.rand(32, 1, 256, 256)
    theirs = best(lambda: visual_ccc(trainable, x), 10)
    mine = best(lambda: ours(frozen, x), 10)
    yield Row("Grad-CAM, AlexNet, 256²", "as in Visual-CCC", theirs, mine)
    yield Row("same, per image in a batch of 32", "as in Visual-CCC", theirs,
              best(lambda: ours(frozen, many), 3) / 32)  # fmt: skip
    yield Row("Grad-CAM, AlexNet, 256²", "grad-cam, default settings",
              best(lambda: shipped(trainable, x), 10), mine)  # fmt: skip
    needs = x.clone().requires_grad_()
    yield Row("Grad-CAM, AlexNet, 256²", "grad-cam, frozen parameters",
              best(lambda: shipped(frozen, needs), 10), mine)  # fmt: skip
    image = micrograph(1024)
    # the loop is timed on one row of windows and scaled by their number
    crops = [image[:256, x : x + 256] for x in range(0, 1024 - 255, 64)]
    windows = len(crops) * best(lambda: [ccc.explain(crop) for crop in crops], 1)
    yield Row("explain 1024², 169 windows (Lite0)", "window by window, stride 64", windows,
              best(lambda: ccc.explain(image), 2))  # fmt: skip
    yield Row("morphology map 1024², stride 16", "window by window",
              best(lambda: ccc.morphology_map(image, stride=16, shared=False), 1),
              best(lambda: ccc.morphology_map(image, stride=16), 2))  # fmt: skip
    model, regions = DEFAULT, np.zeros(image.shape, int)
    regions[300:600, 300:600] = 1
    yield Row("occlude 1024²", "classify it twice",
              best(lambda: [ccc.classify(image) for _ in range(2)], 1),
              best(lambda: ccc.occlude(image, regions, model=model), 3))  # fmt: skip
