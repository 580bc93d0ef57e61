from __future__ import annotations

import numpy as np

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.training.linear import fit_linear


def test_sample_weights_decide_between_contradicting_samples():
    features = np.array([[0.0], [0.0], [1.0]])
    targets = np.eye(2)[[0, 1, 1]]
    for weights, wanted in (([1, 9, 1], 1), ([9, 1, 1], 0)):
        weight, bias = run(fit_linear(features, targets, weights=np.array(weights, float)))
        assert int((weight[:, 0] * 0 + bias).argmax()) == wanted


def test_a_covariate_is_hardly_penalised(rng):
    features = rng.normal(size=(200, 2))
    targets = np.eye(2)[(features[:, 1] > 0).astype(int)]
    plain, _ = run(fit_linear(features, targets, penalty=1.0))
    free, _ = run(fit_linear(features, targets, penalty=1.0, covariates=1))
    assert abs(float(free[0, 1])) > 2 * abs(float(plain[0, 1]))
