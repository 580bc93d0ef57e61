from __future__ import annotations

import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.segmentation.plane.single import find

from .test_first_pass import AUTO
from .test_foreground import disc


def test_labels_and_lengths_are_those_of_the_pixels_given():
    image = 100.0 * (disc(200, (60, 60), 30) | disc(200, (140, 130), 30))
    square = run(find(image, AUTO))
    oblong = run(find(image[::2], AUTO._replace(shape=(2**0.5, 0.5**0.5))))
    assert oblong.labels.shape == (100, 200)
    assert oblong.labels.max() == square.labels.max() == 2
    here = oblong.labels > 0
    assert (here == (square.labels[::2] > 0)).mean() > 0.99
    assert here.sum() == pytest.approx(square.labels[::2].astype(bool).sum(), rel=0.03)
    # in pixels of the same area
    assert oblong.facts["typical_radius"] == pytest.approx(
        square.facts["typical_radius"] / 2**0.5, rel=0.05
    )
