from __future__ import annotations

import numpy as np
import torch
from torch import nn

from napari_visual_ccc.nets.card import make_card
from napari_visual_ccc.nets.checkpoint import Model
from napari_visual_ccc.nets.neighbours import references, similar, unfamiliarity
from tests.models import card


def test_rare_classes_are_kept_whole_when_there_are_too_many():
    targets = np.repeat([0, 1, 2], [500, 30, 5])
    features = np.random.default_rng(0).normal(size=(535, 8))
    names = [str(k) for k in range(535)]
    thumbnails = np.zeros((535, 4, 4), np.uint8)
    tensors, kept, _ = references(features, targets, thumbnails, names, seed=0, most=100)
    counts = np.bincount(tensors["reference.targets"].numpy())
    assert len(kept) == 100
    assert counts.tolist() == [65, 30, 5]
    _, same, chosen = references(features, targets, thumbnails, names, seed=0, most=100)
    assert kept == same
    assert [names[k] for k in chosen] == kept


def test_the_nearest_are_found_with_class_and_picture():
    features = np.eye(6)
    tensors, names, _ = references(
        features, np.arange(6) % 2, np.arange(6, dtype=np.uint8)[:, None, None], list("abcdef"), 0
    )
    model = Model(
        nn.Identity(), make_card(card("visualcnn", classes=["x", "y"], references=names)), tensors
    )
    asked = torch.tensor([0.0, 1.0, 0.4, 0.0, 0.0, 0.0])
    near = similar(model, asked)
    assert [one["name"] for one in near[:2]] == ["b", "c"]
    assert near[0]["class"] == "y"
    assert near[0]["thumbnail"].item() == 1
    assert near[0]["distance"] < near[1]["distance"]


def test_distance_grows_away_from_what_is_known():
    known = torch.tensor([[1.0, 0.0], [0.9, 0.1], [1.0, 0.1]])
    near, far = unfamiliarity(torch.tensor([[1.0, 0.05], [-1.0, 0.2]]), known)
    assert near < 0.01
    assert far > 1.5
