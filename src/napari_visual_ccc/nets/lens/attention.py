"""Attention of a vision transformer: where its class token looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from ..checkpoint import Model


def attention_blocks(model: Model) -> list[str]:
    """Names of the blocks with attention, in order; empty for a network that is no transformer."""
    blocks = getattr(model.net, "blocks", None)
    if blocks is None or not hasattr(model.net, "num_prefix_tokens"):
        return []
    return [f"blocks.{k}" for k, one in enumerate(blocks) if hasattr(one, "attn")]


def attention_maps(model: Model, x: torch.Tensor, block: str = "") -> torch.Tensor:
    """Compute attention maps of the class token.

    Parameters
    ----------
    model : Model
        A vision transformer of timm.
    x : (B, 1, H, W) tensor
        Input of the network.
    block : str
        Heads of the class token in this block; empty for attention rollout (Abnar & Zuidema, ACL
        2020) up to every block: attention of the heads is averaged, half of it is the residual
        connection, and the matrices of the blocks are multiplied.

    Returns
    -------
    (B, heads or blocks, h, w) tensor
        Sums to at most 1 over the cells. Without a class token: mean over all tokens.

    Raises
    ------
    ValueError
        If the network has no attention, or no such block.
    """
    known = attention_blocks(model)
    if not known:
        raise ValueError(
            f"{model.card.architecture} has no attention maps: it is no vision transformer"
        )
    if block and block not in known:
        raise ValueError(f"no block {block!r} with attention; there are {', '.join(known)}")
    net: Any = model.net
    kept: dict[str, torch.Tensor] = {}
    with torch.no_grad(), ExitStack() as stack:
        for name in [block] if block else known:
            stack.enter_context(_watched(net.get_submodule(f"{name}.attn"), name, kept))
        net.forward_features(x)
    prefix = int(net.num_prefix_tokens)
    if block:
        weights = kept[block]  # (B, heads, N, N)
    else:
        weights = torch.stack(_rollout([kept[name].mean(dim=1) for name in known]), dim=1)
    rows = weights[:, :, 0] if prefix else weights.mean(dim=2)
    height, width = net.patch_embed.grid_size
    return rows[..., prefix:].reshape(len(x), -1, height, width)


def _rollout(means: list[torch.Tensor]) -> list[torch.Tensor]:
    joint: list[torch.Tensor] = []
    for one in means:
        mixed = 0.5 * one + 0.5 * torch.eye(one.shape[-1], device=one.device)
        mixed = mixed / mixed.sum(dim=-1, keepdim=True)
        joint.append(mixed @ joint[-1] if joint else mixed)
    return joint


@contextmanager
def _watched(attention: nn.Module, name: str, kept: dict[str, torch.Tensor]) -> Iterator[None]:
    """Compute the weights of an attention from its queries and keys: fused kernels hide them."""
    module: Any = attention

    def hook(_: nn.Module, given: tuple[torch.Tensor, ...], output: Any) -> None:
        x = given[0]
        count, tokens = x.shape[:2]
        heads = module.num_heads
        made = module.qkv(x).reshape(count, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
        query, key = module.q_norm(made[0]), module.k_norm(made[1])
        kept[name] = (query * module.scale @ key.transpose(-2, -1)).softmax(dim=-1)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
