import dask.array as da
import numpy as np
import pytest
from scipy import ndimage

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.measure.accumulate import measured


def test_sums_of_a_rectangle_are_exact():
    labels = np.zeros((8, 9), int)
    labels[2:4, 3:8] = 5
    image = np.where(labels, np.arange(9.0), np.nan)
    found = run(measured(labels, image))
    assert found.label.tolist() == [5]
    assert found.pixels.tolist() == [10]
    np.testing.assert_allclose(found.centre, [[2.5, 5.0]])
    np.testing.assert_allclose(found.spread, [[10 * 0.25, 2 * 10, 0]])
    assert (found.low.tolist(), found.high.tolist()) == ([[2, 3]], [[4, 8]])
    # finite pixels, mean, sum of squares about it, lowest, highest
    np.testing.assert_allclose(found.grey, [[10, 5, 20, 3, 7]])
    assert found.ends.tolist() == [[0, 2, 3, 8], [0, 3, 3, 8]]


@pytest.mark.parametrize("side", [1024, 17, 5])
def test_sums_do_not_depend_on_tiles_or_chunks(rng, side):
    labels = ndimage.label(ndimage.gaussian_filter(rng.normal(size=(60, 70)), 2) > 0)[0]
    image = rng.random(labels.shape)
    whole = run(measured(labels, image))
    for given in (labels, da.from_array(labels, chunks=(23, 31))):
        found = run(measured(given, image, side))
        for name in ("label", "pixels", "low", "high", "outline"):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
        for name in ("centre", "spread", "grey"):
            np.testing.assert_allclose(getattr(found, name), getattr(whole, name), atol=1e-9)


def test_labels_may_be_far_apart_and_missing():
    labels = np.zeros((4, 4), np.int64)
    assert run(measured(labels)).label.tolist() == []
    labels[0, 0], labels[3, 3] = 2**40, 7
    assert run(measured(labels)).label.tolist() == [7, 2**40]


def test_negative_labels_are_refused():
    with pytest.raises(ValueError, match="labels hold -2"):
        run(measured(np.array([[0, -2], [1, 1]])))
