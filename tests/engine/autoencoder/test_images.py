from __future__ import annotations

import pytest

from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.engine.autoencoder.images import from_images


def test_images_without_classes(rng):
    stack = Micrograph(rng.random((3, 8, 8)), (2.0, 2.0), "nm", name="tilt series")
    data = from_images([stack, rng.random((9, 9))], spacings=[(None, "px"), ((5.0, 5.0), "nm")])
    assert [one.name for one in data.examples] == ["tilt series", "image 2"]
    assert len({one.group for one in data.examples}) == 2
    assert data.examples[0].read() is stack
    assert data.examples[1].read().spacing == (5.0, 5.0)
    with pytest.raises(ValueError, match="there is no image"):
        from_images([])
    with pytest.raises(ValueError, match="1 images, 2 names"):
        from_images([stack], names=["a", "b"])
