from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.engine.explanation.occlude import covered_image, impute_noisy


@pytest.fixture(scope="module")
def crop():
    return samples.load("nanoparticles").data[90:170, 100:190]


def test_covering_what_decides_changes_the_answer(crop):
    regions = np.zeros(crop.shape, int)
    nothing = ccc.occlude(crop, regions)
    np.testing.assert_allclose(nothing.table["before"], nothing.table["after"])
    regions[8:-8, 8:-8] = 1
    found = ccc.occlude(crop, regions, fill="mean")
    winner = found.table.iloc[0]
    assert winner["before"] == found.table["before"].max()
    assert winner["after"] < winner["before"] - 0.1
    assert found.facts["covered_share"] == pytest.approx(regions.mean())
    with pytest.raises(ValueError, match="must agree"):
        ccc.occlude(crop, regions[:5])


@pytest.mark.parametrize("fill", ["surroundings", "mean", "blur"])
def test_what_covers_hides_the_object_and_leaves_the_rest(fill, rng):
    image = (0.4 + rng.normal(0, 0.01, (80, 100))).astype(np.float32)
    image[30:50, 40:60] = 1.0
    mask = np.zeros(image.shape, bool)
    mask[26:54, 36:64] = True
    found = covered_image(image, mask, fill)
    np.testing.assert_array_equal(found[~mask], image[~mask])
    if fill != "blur":
        assert np.abs(found[mask] - 0.4).max() < 0.1
    assert found[mask].max() < 0.95
    everything = covered_image(image, np.ones_like(mask), fill)
    assert everything.std() == 0


def test_removed_pixels_are_filled_from_their_neighbours(rng):
    y, x = np.mgrid[:20, :30]
    ramp = (x / 30).astype(np.float32)
    gone = (abs(y - 10) < 4) & (abs(x - 15) < 4)
    filled = impute_noisy(ramp, gone, rng)
    np.testing.assert_allclose(filled, ramp, atol=0.05)
    np.testing.assert_array_equal(filled[~gone], ramp[~gone])
