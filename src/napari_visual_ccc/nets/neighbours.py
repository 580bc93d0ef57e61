"""Nearest training images in feature space, and out-of-distribution detection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from .checkpoint import REFERENCE, Model

NEIGHBOURS = 5

# share of held-out images that count as in distribution
IN_DISTRIBUTION = 0.95

# training images in a model file
MAX_REFERENCES = 1000


def choose_references(
    features: np.ndarray,
    targets: np.ndarray,
    thumbnails: np.ndarray,
    names: Sequence[str],
    seed: int,
    most: int = MAX_REFERENCES,
) -> tuple[dict[str, torch.Tensor], list[str], np.ndarray]:
    """Choose the training images whose features a model file keeps.

    Parameters
    ----------
    features : (n, d) array
        Input of the last layer for each image.
    targets : (n,) int array
        Class of each image.
    thumbnails : (n, h, w) uint8 array
        Thumbnail of each image.
    names : sequence of str
        Names of the images.
    seed : int
        Seed of the draw, if there are more images than are kept.
    most : int
        Largest number of images that are kept.

    Returns
    -------
    tensors, names, chosen
        Tensors for `Model.extras`, names for the card, and indices of the chosen images.
    """
    chosen = np.arange(len(targets))
    if len(chosen) > most:
        # equal shares of the classes: a rare class needs its neighbours most
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(targets))
        turn = np.empty(len(targets), int)
        for k in np.unique(targets):
            mine = order[targets[order] == k]
            turn[mine] = np.arange(len(mine))
        chosen = np.sort(np.lexsort((targets, turn))[:most])
    tensors = {
        f"{REFERENCE}features": torch.from_numpy(features[chosen].astype(np.float16)),
        f"{REFERENCE}targets": torch.from_numpy(targets[chosen].astype(np.int32)),
        f"{REFERENCE}thumbnails": torch.from_numpy(thumbnails[chosen]),
    }
    return tensors, [names[int(k)] for k in chosen], chosen


def distances(features: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Cosine distances, 0 to 2: (n, d) and (m, d) → (n, m)."""
    return 1 - normalize(features.float(), dim=1) @ normalize(kept.float(), dim=1).T


def distances_in(model: Model, features: torch.Tensor) -> torch.Tensor:
    """Cosine distances to the training images that a model keeps: (n, d) → (n, m)."""
    kept = model.references
    if kept is None:
        return features.new_zeros(len(features), 0)
    return 1 - normalize(features.float().to(kept), dim=1) @ kept.T


def knn_distance(features: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Mean distance to the nearest training images, (n, d) → (n,) (Sun et al., ICML 2022)."""
    return mean_of_nearest(distances(features, kept))


def mean_of_nearest(apart: torch.Tensor) -> torch.Tensor:
    """Mean of the smallest distances of each image, (n, m) → (n,)."""
    count = min(NEIGHBOURS, apart.shape[1])
    return apart.topk(count, dim=1, largest=False).values.mean(dim=1)


def nearest(model: Model, feature: torch.Tensor) -> list[dict[str, Any]]:
    """List the nearest training images of one image: name, class, distance and thumbnail."""
    return listed(model, distances_in(model, feature[None])[0])


def listed(model: Model, apart: torch.Tensor) -> list[dict[str, Any]]:
    """List the nearest training images by their distances, (m,)."""
    if not len(apart):
        return []
    near, order = apart.topk(min(NEIGHBOURS, len(apart)), largest=False)
    classes, names = model.card.classes, model.card.references
    targets = model.extras[f"{REFERENCE}targets"]
    pictures = model.extras[f"{REFERENCE}thumbnails"]
    return [
        {
            "name": names[k],
            "class": classes[int(targets[k])],
            "distance": float(distance),
            "thumbnail": pictures[k].cpu().numpy(),
        }
        for distance, k in zip(near.tolist(), order.tolist(), strict=True)
    ]


def is_out_of_distribution(model: Model, features: np.ndarray) -> np.ndarray | None:
    """Compare the distance to the training images with the threshold of the card.

    Parameters
    ----------
    features : (n, d) array
        Input of the last layer for each image.

    Returns
    -------
    (n,) bool array or None
        None for a model without reference images or without a threshold.
    """
    limit = model.card.ood
    if limit is None or model.references is None:
        return None
    found = []
    for start in range(0, len(features), 512):
        apart = distances_in(model, torch.from_numpy(features[start : start + 512]))
        found.append(mean_of_nearest(apart) > limit.threshold)
    return torch.cat(found).cpu().numpy()


def knn_threshold(
    features: np.ndarray, train: np.ndarray, calibration: np.ndarray, groups: np.ndarray
) -> dict[str, float] | None:
    """Find the distance beyond which an image is out of distribution.

    Parameters
    ----------
    features : (n, d) float32 array
        Input of the last layer for each image or crop.
    train : (m,) int array
        Rows that the model file keeps.
    calibration : (k,) int array
        Rows of images like those to come: 95 % of them are within the threshold.
    groups : (n,) array
        Specimen of each row; distances within a specimen do not count.

    Returns
    -------
    dict or None
        ``threshold``, ``share`` and ``neighbours`` for the model card; None where no image has
        enough neighbours of other groups.
    """
    if not len(calibration):
        return None
    kept, asked = torch.from_numpy(features[train]), torch.from_numpy(features[calibration])
    # half precision, as in the file
    apart = distances(asked, kept.half())
    # cross-validated images were trained with: they are compared with those of other groups
    same = torch.from_numpy(groups[calibration][:, None] == groups[train][None, :])
    apart[same] = torch.inf
    count = min(NEIGHBOURS, len(kept))
    enough = (~same).sum(dim=1) >= count
    if not enough.any():
        return None
    nearest = apart[enough].topk(count, dim=1, largest=False).values.mean(dim=1)
    threshold = float(np.quantile(nearest.numpy(), IN_DISTRIBUTION, method="higher"))
    return {"threshold": round(threshold, 6), "share": IN_DISTRIBUTION, "neighbours": NEIGHBOURS}
