"""The only place that optimises anything."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ..progress import Progress, Steps


def fit_linear(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    penalty: float = 1e-3,
    steps: int = 50,
) -> Steps[tuple[torch.Tensor, torch.Tensor]]:
    """Fit a linear classifier on features of a frozen network: multinomial logistic regression.

    Parameters
    ----------
    features : (n, d) array
        One row a sample.
    targets : (n, classes) array
        Share of each class in each sample; rows add up to 1.
    penalty : float
        Of squared weights of standardised features, against learning the samples by heart.
    steps : int
        Outer steps of L-BFGS; the problem is convex, so the result does not depend on a seed.

    Returns
    -------
    weight, bias : (classes, d) and (classes,) float32 tensors
        For raw features: standardising is folded in.
    """
    x = torch.as_tensor(features, dtype=torch.float64)
    y = torch.as_tensor(targets, dtype=torch.float64)
    mean, spread = x.mean(dim=0), x.std(dim=0).clamp(min=1e-6)
    x = (x - mean) / spread
    weight = torch.zeros((y.shape[1], x.shape[1]), dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(y.shape[1], dtype=x.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=10, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = cross_entropy(x @ weight.T + bias, y) + penalty * weight.square().sum()
        value.backward()
        return value

    for done in range(1, steps + 1):
        value = float(optimiser.step(loss).detach())
        yield Progress(done, steps, "fit", {"loss": value})
    raw = weight.detach() / spread
    return raw.float(), (bias.detach() - raw @ mean).float()
