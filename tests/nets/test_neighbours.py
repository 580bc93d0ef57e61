from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_visual_ccc.nets.card import make_card
from napari_visual_ccc.nets.checkpoint import Model
from napari_visual_ccc.nets.neighbours import (
    choose_references,
    is_out_of_distribution,
    knn_distance,
    knn_threshold,
    nearest,
)
from tests.models import card


def test_rare_classes_are_kept_whole_when_there_are_too_many():
    targets = np.repeat([0, 1, 2], [500, 30, 5])
    features = np.random.default_rng(0).normal(size=(535, 8))
    names = [str(k) for k in range(535)]
    thumbnails = np.zeros((535, 4, 4), np.uint8)
    tensors, kept, _ = choose_references(features, targets, thumbnails, names, seed=0, most=100)
    counts = np.bincount(tensors["reference.targets"].numpy())
    assert len(kept) == 100
    assert counts.tolist() == [65, 30, 5]
    _, same, chosen = choose_references(features, targets, thumbnails, names, seed=0, most=100)
    assert kept == same
    assert [names[k] for k in chosen] == kept


def test_the_nearest_are_found_with_class_and_picture():
    features = np.eye(6)
    tensors, names, _ = choose_references(
        features, np.arange(6) % 2, np.arange(6, dtype=np.uint8)[:, None, None], list("abcdef"), 0
    )
    model = Model(
        nn.Identity(), make_card(card("visualcnn", classes=["x", "y"], references=names)), tensors
    )
    asked = torch.tensor([0.0, 1.0, 0.4, 0.0, 0.0, 0.0])
    near = nearest(model, asked)
    assert [one["name"] for one in near[:2]] == ["b", "c"]
    assert near[0]["class"] == "y"
    assert near[0]["thumbnail"].item() == 1
    assert near[0]["distance"] < near[1]["distance"]
    assert near[0]["distance"] == pytest.approx(1 - 1 / np.hypot(1, 0.4))


def test_a_model_without_training_images_has_none_nearest():
    bare = Model(nn.Identity(), make_card(card("visualcnn", classes=["x", "y"])))
    assert nearest(bare, torch.ones(6)) == []
    assert is_out_of_distribution(bare, np.ones((3, 6), np.float32)) is None


def test_a_model_compares_as_the_distance_to_its_features_says(rng):
    features = rng.normal(size=(40, 16)).astype(np.float32)
    thumbnails, names = np.zeros((40, 4, 4), np.uint8), [str(k) for k in range(40)]
    tensors, _, _ = choose_references(features, np.arange(40) % 2, thumbnails, names, 0)
    limit = {"threshold": 0.6, "share": 0.95, "neighbours": 5}
    about = make_card(card("visualcnn", classes=["x", "y"], references=names, ood=limit))
    model = Model(nn.Identity(), about, tensors)
    asked = rng.normal(size=(700, 16)).astype(np.float32)
    apart = knn_distance(torch.from_numpy(asked), tensors["reference.features"]).numpy()
    assert 0 < (apart > 0.6).mean() < 1
    np.testing.assert_array_equal(is_out_of_distribution(model, asked), apart > 0.6)


def test_distance_grows_away_from_what_is_known():
    known = torch.tensor([[1.0, 0.0], [0.9, 0.1], [1.0, 0.1]])
    near, far = knn_distance(torch.tensor([[1.0, 0.05], [-1.0, 0.2]]), known)
    assert near < 0.01
    assert far > 1.5


def test_more_images_than_a_file_keeps_do_not_make_new_ones_strange():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1500, 16)).astype(np.float32)
    groups = np.arange(1500)
    everything = np.arange(1500)
    tensors, _, chosen = choose_references(
        features, everything % 2, np.zeros((1500, 2, 2), np.uint8), [str(k) for k in groups], 0,
        most=300,
    )  # fmt: skip
    limit = knn_threshold(features, everything[chosen], everything, groups)["threshold"]
    new = torch.from_numpy(rng.normal(size=(2000, 16)).astype(np.float32))
    strange = (knn_distance(new, tensors["reference.features"]) > limit).float().mean()
    assert 0.02 < float(strange) < 0.09


def test_too_few_other_groups_set_no_limit():
    features = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    everything = np.arange(6)
    assert knn_threshold(features, everything, everything, everything % 2) is None
