from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from tests.lens_images import SPOTS


@pytest.fixture(scope="module")
def seen(image, tiny):
    return ccc.activations(image, model=tiny, layer="features.8")


def test_the_patches_like_a_pixel_are_the_other_copies(seen):
    found = ccc.nearest_patches(seen, *SPOTS[0], count=9, spacing=(2, 2), unit="nm")
    places = found.tables["patches"][["y_px", "x_px"]].to_numpy()
    for spot in SPOTS:
        assert np.abs(places - spot).max(axis=1).min() <= 8
    first = found.tables["patches"].iloc[0]
    assert first["similarity"] > 0.9
    assert first["y_nm"] == 2 * first["y_px"]
    assert len(found.layers[0].data) == 9
    assert found.tables["channels"]["deviations"].is_monotonic_decreasing


def test_places_outside_and_stacks_are_refused(seen, image, tiny):
    with pytest.raises(ValueError, match="outside"):
        ccc.nearest_patches(seen, 500, 3)
    stack = ccc.activations(np.stack([image, image]), model=tiny)
    with pytest.raises(ValueError, match="of a stack"):
        ccc.nearest_patches(stack, 3, 3)
