from __future__ import annotations

import numpy as np
import torch
from torch import nn

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.training.maximise import maximise

CPU = torch.device("cpu")


def made(scores, iterations=30, seed=0, count=2):
    return run(maximise(scores, count, 32, (0.5, 0.5), iterations, seed, CPU))


def test_each_image_maximises_its_own_score():
    signs = torch.tensor([1.0, -1.0])
    found = made(lambda x: signs * x.mean(dim=(1, 2, 3)))
    assert found.shape == (2, 32, 32)
    assert found[0].mean() > 0.6
    assert found[1].mean() < 0.4
    np.testing.assert_array_equal(found, made(lambda x: signs * x.mean(dim=(1, 2, 3))))
    assert not np.array_equal(found, made(lambda x: signs * x.mean(dim=(1, 2, 3)), seed=1))


def test_a_unit_that_is_off_at_first_is_found():
    off = nn.Threshold(0.12, 0.0)
    # of an even image the contrast is below the threshold, and there is no gradient
    found = made(lambda x: off(x.std(dim=(1, 2, 3))), iterations=60)
    assert (2 * found.std(axis=(1, 2)) > 0.15).all()
