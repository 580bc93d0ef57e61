from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.lens.colour import colour_of


def colour_picture(maps, how):
    return colour_of(maps.reshape(len(maps), -1), how)(maps)


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(0)
    found = rng.random((5, 12, 10)) * 0.1
    found[0, :6] += 5
    found[1, :, :5] += 3
    return found


@pytest.mark.parametrize("how", ["PCA", "NMF"])
def test_a_picture_is_the_same_on_every_run_and_shows_the_parts(maps, how):
    picture = colour_picture(maps, how)
    assert (picture.shape, picture.dtype) == ((12, 10, 3), np.uint8)
    np.testing.assert_array_equal(picture, colour_picture(maps, how))
    quarters = [
        picture[y, x].reshape(-1, 3).mean(axis=0)
        for y in (slice(0, 6), slice(6, 12))
        for x in (slice(0, 5), slice(5, 10))
    ]
    apart = [np.abs(a - b).max() for k, a in enumerate(quarters) for b in quarters[:k]]
    assert min(apart) > 60


def test_the_sign_of_principal_components_is_fixed(maps):
    # turned round, the same parts are bright: the largest loading is positive
    shown = colour_picture(maps, "PCA")[..., 0].astype(float)
    assert shown[:6].mean() > shown[6:].mean()


def test_few_channels_leave_colours_black(maps):
    picture = colour_picture(maps[:2], "PCA")
    assert picture[..., 2].max() == 0
