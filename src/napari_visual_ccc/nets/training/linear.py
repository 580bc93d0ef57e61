"""Fit a linear layer on features."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ...core.progress import Progress, Steps
from ..device import doubles


def fit_linear(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    penalty: float = 1e-3,
    covariates: int = 0,
    steps: int = 50,
) -> Steps[tuple[torch.Tensor, torch.Tensor]]:
    """Fit multinomial logistic regression on the features of a frozen network.

    Parameters
    ----------
    features : (n, d) array
        Features, one row for each sample.
    targets : (n, classes) array
        Probability of each class; rows sum to 1.
    weights : (n,) array, optional
        Weight of each sample; equal by default.
    penalty : float
        Penalty of the squared weights of standardised features, against overfitting.
    covariates : int
        Number of last columns that are not features of the image, such as its pixel size. Their
        penalty is a hundredth, or a thousand features would outweigh them.
    steps : int
        Largest number of outer steps of L-BFGS. The problem is convex: no seed is needed.

    Returns
    -------
    weight, bias : (classes, d) and (classes,) float32 tensors
        Of features that are not standardised.
    """
    x, y = doubles(torch.as_tensor(features)), doubles(torch.as_tensor(targets))
    counts = torch.ones(len(x)) if weights is None else torch.as_tensor(weights)
    counts = (counts / counts.sum()).to(x)
    mean, spread = x.mean(dim=0), x.std(dim=0).clamp(min=1e-6)
    x = (x - mean) / spread
    weight = torch.zeros((y.shape[1], x.shape[1]), dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(y.shape[1], dtype=x.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=10, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        each = cross_entropy(x @ weight.T + bias, y, reduction="none")
        value = (each * counts).sum() + penalty * (share * weight.square()).sum()
        value.backward()
        return value

    share = torch.ones(x.shape[1], dtype=x.dtype)
    share[x.shape[1] - covariates :] = 0.01
    before = math.inf
    for done in range(1, steps + 1):
        value = float(optimiser.step(loss).detach())
        yield Progress(done, steps, "fit", {"epoch": done, "loss": value})
        if before - value < 1e-7:
            break
        before = value
    raw = weight.detach() / spread
    return raw.float(), (bias.detach() - raw @ mean).float()
