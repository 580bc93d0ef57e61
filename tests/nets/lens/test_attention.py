from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.nets.checkpoint import load_model
from napari_visual_ccc.nets.lens.attention import attention_blocks, attention_maps
from tests.models import saved, saved_vit

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    return load_model(saved_vit(tmp_path_factory.mktemp("models")), CPU)


@pytest.fixture(scope="module")
def x(vit):
    side = vit.card.input_px
    return torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))


def test_heads_are_the_weights_that_the_block_uses(vit, x):
    found = attention_maps(vit, x, "blocks.1")
    attention = vit.net.blocks[1].attn
    assert found.shape[1] == attention.num_heads
    # the output of the attention, made again from the weights of the class token
    kept = {}
    handle = attention.register_forward_hook(lambda *given: kept.update(x=given[1][0], y=given[2]))
    with torch.no_grad():
        vit.net.forward_features(x)
    handle.remove()
    tokens, heads = kept["x"].shape[1], attention.num_heads
    with torch.no_grad():
        made = attention.qkv(kept["x"]).reshape(1, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
        query, key = attention.q_norm(made[0]), attention.k_norm(made[1])
        weights = (query * attention.scale @ key.transpose(-2, -1)).softmax(-1)
        again = attention.proj(
            attention.norm((weights @ made[2]).transpose(1, 2).reshape(1, tokens, -1))
        )
    torch.testing.assert_close(again, kept["y"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.flatten(2), weights[:, :, 0, vit.net.num_prefix_tokens :])


def test_rollout_has_a_map_a_block_of_at_most_all_attention(vit, x):
    found = attention_maps(vit, x)
    assert found.shape[1] == len(attention_blocks(vit))
    totals = found.sum(dim=(2, 3))
    assert (totals > 0).all()
    assert (totals <= 1 + 1e-5).all()
    assert not any(module._forward_hooks for module in vit.net.modules())


def test_other_networks_and_blocks_are_refused(vit, x, tmp_path):
    with pytest.raises(ValueError, match=r"no block 'blocks.99'"):
        attention_maps(vit, x, "blocks.99")
    model = load_model(saved(tmp_path, "visualcnn"), CPU)
    with pytest.raises(ValueError, match="no vision transformer"):
        attention_maps(model, torch.zeros(1, 1, 64, 64))
