"""Tiny models with random weights and a fixed seed, saved to disk."""

from __future__ import annotations

from pathlib import Path

import torch

from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.nets.card import make_card
from napari_visual_ccc.nets.models.registry import architecture as design

CLASSES = ["dendrite", "sphere", "alloy"]


def card(architecture: str, **more) -> dict:
    return {
        "name": "random",
        "architecture": architecture,
        "classes": CLASSES,
        "input_px": 256 if architecture == "alexnet-1ch" else 64,
        "window_px": 256 if architecture == "alexnet-1ch" else 32,
        "normalisation": {"kind": "percentile", "low": 0.5, "high": 99.5, "scope": "image"},
        "use": "tests only",
        **more,
    }


def saved(folder: Path, architecture: str = "lite0-linear", **more) -> Path:
    torch.manual_seed(0)
    about = card(architecture, **more)
    net = design(architecture).build(len(about["classes"]), about["input_px"])
    path = folder / f"{architecture.replace(':', '-')}.safetensors"
    checkpoint.save(checkpoint.Model(net, make_card(about)), path)
    return path


def saved_vit(folder: Path) -> Path:
    """Save a vision transformer of timm for tests."""
    return saved(folder, "timm:test_vit", input_px=160, window_px=40)
