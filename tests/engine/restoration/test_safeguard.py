from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.restoration.safeguard import choose, white_share

SQUARE = (1.0, 1.0, 1.0)


def smoothed(image, parameter, _):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(image, parameter)


def test_noise_on_a_flat_image_is_removed_altogether(rng):
    noise = rng.normal(size=(128, 128))
    chosen = run(choose(smoothed, (0.5, 3.0), [noise], SQUARE))
    assert chosen.parameter == 3.0
    assert chosen.share > 0.95
    assert white_share(smoothed, 3.0, [noise]) == 1


def test_an_image_whose_change_is_all_specimen_stays_as_it_is(rng):
    """Structure that is smooth over some pixels, without any noise."""
    specimen = smoothed(rng.normal(size=(128, 128)), 1.5, SQUARE)
    specimen /= specimen.std()
    chosen = run(choose(smoothed, (6.0,), [specimen], SQUARE))
    assert chosen.share == 0
    assert white_share(smoothed, 6.0, [specimen]) == 0


def test_less_variance_keeps_less_of_the_change(rng):
    noise = rng.normal(size=(128, 128))
    shares = [run(choose(smoothed, (3.0,), [noise], SQUARE, v)).share for v in (1, 0.5, 0.2, 0)]
    assert shares == pytest.approx([1, 0.5, 0.2, 0], abs=0.05)


def test_the_middle_slice_of_a_volume_is_taken(rng):
    volume = np.stack([rng.normal(size=(64, 64)) for _ in range(3)])
    assert white_share(smoothed, 3.0, [volume]) == white_share(smoothed, 3.0, [volume[1]])
