"""Tiny Segment Anything models with random weights, saved as transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from napari_visual_ccc.nets.device import spare_triton

# side of the network's input
SIDE = 256


def save_tiny(kind: str, folder: Path) -> Path:
    """Save a tiny random model: 'sam2', 'sam', 'sam_hq' or 'sam3_tracker'."""
    # a viewer may have drawn already, see there
    spare_triton()
    model, processor = _MAKERS[kind]()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = model()
        for one in net.parameters():
            # the default of the library is too narrow for masks that differ
            torch.nn.init.normal_(one, std=0.3) if one.ndim > 1 else None
    net.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _sam2() -> tuple[Any, Any]:
    from transformers import (
        Sam2Config,
        Sam2HieraDetConfig,
        Sam2ImageProcessor,
        Sam2MaskDecoderConfig,
        Sam2Model,
        Sam2PromptEncoderConfig,
        Sam2VisionConfig,
    )

    backbone = Sam2HieraDetConfig(
        hidden_size=16, num_attention_heads=1, image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1], embed_dim_per_stage=[16, 32, 64, 128],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[8, 4, 4, 4], global_attention_blocks=[3],
        window_positional_embedding_background_size=[7, 7],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[128, 64, 32, 16],
        backbone_feature_sizes=[[64, 64], [32, 32], [16, 16]], fpn_hidden_size=32,
    )  # fmt: skip
    prompt = Sam2PromptEncoderConfig(hidden_size=32, image_size=SIDE, patch_size=16)
    decoder = Sam2MaskDecoderConfig(hidden_size=32, mlp_dim=64, iou_head_hidden_dim=32)
    config = Sam2Config(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    size = {"height": SIDE, "width": SIDE}
    processor = Sam2ImageProcessor(size=size, mask_size={"height": SIDE // 4, "width": SIDE // 4})
    return lambda: Sam2Model(config), processor


def _sam(kind: str = "Sam") -> tuple[Any, Any]:
    import transformers

    def config(name: str, **values: Any) -> Any:
        return getattr(transformers, f"{kind}{name}")(**values)

    vision = config(
        "VisionConfig", hidden_size=32, output_channels=32, num_hidden_layers=2,
        num_attention_heads=2, image_size=SIDE, patch_size=16, mlp_dim=64, window_size=8,
        global_attn_indexes=[1], num_pos_feats=16,
    )  # fmt: skip
    prompt = config("PromptEncoderConfig", hidden_size=32, image_size=SIDE, patch_size=16)
    more = {"vit_dim": 32} if kind == "SamHQ" else {}
    decoder = config(
        "MaskDecoderConfig", hidden_size=32, mlp_dim=64, iou_head_hidden_dim=32,
        num_hidden_layers=2, num_attention_heads=2, **more,
    )  # fmt: skip
    whole = config(
        "Config", vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    processor = transformers.SamImageProcessor(
        size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE},
        mask_size={"longest_edge": SIDE // 4},
        mask_pad_size={"height": SIDE // 4, "width": SIDE // 4},
    )  # fmt: skip
    return lambda: getattr(transformers, f"{kind}Model")(whole), processor


def _sam3() -> tuple[Any, Any]:
    import transformers

    side = 224
    backbone = transformers.Sam3ViTConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        image_size=side, patch_size=14, window_size=8, global_attn_indexes=[1],
        pretrain_image_size=side // 2,
    )  # fmt: skip
    vision = transformers.Sam3VisionConfig(
        backbone_config=backbone, fpn_hidden_size=32,
        backbone_feature_sizes=[[64, 64], [32, 32], [16, 16]],
    )  # fmt: skip
    prompt = transformers.Sam3TrackerPromptEncoderConfig(
        hidden_size=32, image_size=side, patch_size=14
    )
    decoder = transformers.Sam3TrackerMaskDecoderConfig(
        hidden_size=32, mlp_dim=64, iou_head_hidden_dim=32
    )
    config = transformers.Sam3TrackerConfig(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    processor = transformers.Sam3ImageProcessor(
        size={"height": side, "width": side}, mask_size={"height": 64, "width": 64}
    )
    return lambda: transformers.Sam3TrackerModel(config), processor


_MAKERS = {
    "sam2": _sam2, "sam": _sam, "sam_hq": lambda: _sam("SamHQ"), "sam3_tracker": _sam3,
}  # fmt: skip
