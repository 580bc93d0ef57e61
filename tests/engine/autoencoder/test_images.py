from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.engine.autoencoder.images import from_drawn, from_images


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


def test_drawn_regions_are_bounding_boxes_without_what_is_beside_them():
    grey = np.arange(6400, dtype=np.uint16).reshape(80, 80)
    drawn = np.zeros((80, 80), int)
    drawn[10:20, 5:75], drawn[40:50, 5:75] = 1, 2
    drawn[60, 60:70], drawn[61, 62:66] = 3, 3
    image = Micrograph(grey, (2.0, 2.0), "nm", "tem", info_bar=InfoBar(bottom=35))
    one, two, three = (each.read() for each in from_drawn(image, drawn).examples)
    np.testing.assert_array_equal(one.data, grey[10:20, 5:75])
    np.testing.assert_array_equal(two.data, grey[40:50, 5:75])
    assert one.data.dtype == np.uint16
    assert one.spacing == (2, 2)
    assert (one.info_bar, two.info_bar.bottom) == (InfoBar(), 5)
    assert np.isnan(three.data).sum() == 6
    assert three.data[1, 3] == grey[61, 63]


def test_regions_that_touch_or_overlap_are_one():
    drawn = np.zeros((40, 60), int)
    drawn[5:20, 5:20], drawn[15:30, 15:40] = 1, 2
    drawn[5:10, 50:55] = 1
    data = from_drawn(Micrograph(np.zeros((40, 60)), name="tem"), drawn)
    assert [one.name for one in data.examples] == ["region 1", "region 2"]
    assert data.examples[0].read().data.shape == (25, 35)
    with pytest.raises(ValueError, match="no region is drawn on tem"):
        from_drawn(Micrograph(np.zeros((40, 60)), name="tem"), drawn * 0)
    with pytest.raises(ValueError, match=r"tem is \(40, 60\), the regions are \(60, 40\)"):
        from_drawn(Micrograph(np.zeros((40, 60)), name="tem"), drawn.T)
