from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.segmentation.plane.first_pass import (
    Choices,
    is_ground,
    squared,
    survey,
)

from .test_foreground import disc

AUTO = Choices("auto", 0.0, 0.0, 0.15, True, True, False)


def test_a_large_plane_is_looked_at_on_a_reduced_one():
    large = np.kron(200.0 * disc(240, (100, 120), 50), np.ones((8, 8)))
    seen = run(survey(large, AUTO))
    assert seen.scale == pytest.approx(768 / 1920)
    assert seen.plane.shape == (768, 768)
    assert sum(seen.side.values()) > 3
    assert not seen.drawn.any.any()


def test_oblong_pixels_are_divided_into_square_ones_with_what_is_missing():
    plane = np.full((20, 60), 5.0)
    plane[10, 30:33] = np.nan
    shape = (2**0.5, 0.5**0.5)
    square, finer, side = squared(plane, AUTO._replace(shape=shape, least=8.0, sigma=1.0))
    assert square.shape == (40, 60)
    assert np.isnan(square).sum() == 6
    assert side == pytest.approx(shape[1])
    # as many pixels of half the area
    assert finer.least == pytest.approx(16)
    assert finer.sigma == pytest.approx(2**0.5)
    assert squared(plane, AUTO)[0] is plane


def test_pixels_longer_than_eight_times_their_width_are_not_divided_as_finely():
    square = squared(np.zeros((10, 800)), AUTO._replace(shape=(10.0, 0.1)))[0]
    assert square.shape == (80, 64)


def test_few_bright_rims_are_not_a_class_where_the_rest_has_the_forms_of_particles():
    from napari_visual_ccc import samples

    part = samples.load("powder").data[:400, :600]
    seen = run(survey(np.float32(255 * (part / 255) ** 1.6), AUTO))
    assert not seen.few
    assert 0.2 < seen.bright.mean() < 0.8


def test_nearly_all_of_what_counts_is_ground():
    mask, known = np.ones((20, 20), bool), np.ones((20, 20), bool)
    mask[:2] = False
    assert not is_ground(mask, known)
    known[:2] = False
    assert is_ground(mask, known)
