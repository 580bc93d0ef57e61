"""A linear layer fitted on features."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ...core.progress import Progress, Steps


def fit_linear(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    penalty: float = 1e-3,
    covariates: int = 0,
    steps: int = 50,
) -> Steps[tuple[torch.Tensor, torch.Tensor]]:
    """Fit a linear classifier on features of a frozen network: multinomial logistic regression.

    Parameters
    ----------
    features : (n, d) array
        One row a sample.
    targets : (n, classes) array
        Share of each class in each sample; rows add up to 1.
    weights : (n,) array, optional
        How much each sample counts; equally without it.
    penalty : float
        Of squared weights of standardised features, against learning the samples by heart.
    covariates : int
        So many of the last columns are facts about a sample, such as its pixel size: a hundredth
        of the penalty, or a thousand features would drown them.
    steps : int
        Outer steps of L-BFGS at most; the problem is convex, so the result does not depend on a
        seed.

    Returns
    -------
    weight, bias : (classes, d) and (classes,) float32 tensors
        For raw features: standardising is folded in.
    """
    x = torch.as_tensor(features, dtype=torch.float64)
    y = torch.as_tensor(targets, dtype=torch.float64)
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
