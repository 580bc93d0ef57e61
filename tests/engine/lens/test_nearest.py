from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import InfoBar
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


def test_every_pixel_of_the_image_can_be_clicked(tiny, image):
    # the last cells end before the image does
    seen = ccc.activations(image[:117, :137], model=tiny)
    maps = seen.layers[0]
    ends = np.array(maps.placement.first_centre) + (np.array(maps.plane_shape) - 0.5) * 4
    assert (ends < (116, 136)).all()
    for y, x in ((0, 0), (116, 136), (116.4, 136.4), (60, 136)):
        found = ccc.nearest_patches(seen, y, x)
        assert found.tables["patches"][["y_px", "x_px"]].iloc[0].tolist() == [y, x]
    for y, x in ((117, 3), (3, 137), (-1, 3)):
        with pytest.raises(ValueError, match="outside the image"):
            ccc.nearest_patches(seen, y, x)


def test_the_frame_is_that_of_the_image_with_its_info_bar(tiny, image):
    with_bar = np.concatenate([np.zeros((10, image.shape[1]), np.uint8), image])
    seen = ccc.activations(with_bar, model=tiny, info_bar=InfoBar(top=10))
    alone = ccc.nearest_patches(ccc.activations(image, model=tiny), 60, 40)
    found = ccc.nearest_patches(seen, 70, 40)
    moved = alone.tables["patches"].assign(y_px=alone.tables["patches"]["y_px"] + 10)
    assert found.tables["patches"].equals(moved)
    with pytest.raises(ValueError, match="without its info bar"):
        ccc.nearest_patches(seen, 5, 40)


def test_the_pixel_itself_is_always_the_first(seen):
    for y, x in np.random.default_rng(0).integers(0, 120, (30, 2)):
        found = ccc.nearest_patches(seen, float(y), float(x))
        table = found.tables["patches"]
        assert table[["y_px", "x_px"]].iloc[0].tolist() == [y, x]
        assert table["similarity"][0] == pytest.approx(1)
        assert table["similarity"][1:].is_monotonic_decreasing
        # no patch twice
        side = table["side_px"][0]
        apart = np.abs(table[["y_px", "x_px"]].to_numpy()[1:] - (y, x)).max(axis=1)
        assert (apart > side).all()


def test_the_feature_vector_lists_every_channel_that_is_left(seen):
    found = ccc.nearest_patches(seen, 30, 40, count=1)
    assert sorted(found.tables["channels"]["channel"]) == sorted(seen.table["channel"])
    assert len(found.tables["patches"]) == 1
