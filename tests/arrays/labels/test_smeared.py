import numpy as np
import pytest

from napari_visual_ccc.arrays.labels.smeared import colours_of, is_smeared, restored

BRIGHT = np.array([(0, 0, 0), (220, 40, 40), (40, 60, 220)], np.uint8)


@pytest.fixture
def squares():
    index = np.zeros((60, 80), np.uint8)
    index[10:30, 10:30], index[30:52, 44:70] = 1, 2
    return index


def blended(picture):
    """Each pixel is the mean of itself and the next one."""
    wide = picture.astype(np.uint16)
    return ((wide + np.roll(wide, 1, axis=0) + np.roll(wide, 1, axis=1)) // 3).astype(np.uint8)


def test_edges_have_levels_of_their_own_only_where_they_are_smeared(squares):
    assert not is_smeared(BRIGHT[squares])
    assert is_smeared(blended(BRIGHT[squares]))


def test_blends_get_the_level_of_a_region_beside_them(squares):
    found = restored(blended(BRIGHT[squares])[None])
    assert found is not None
    assert {tuple(one) for one in found.palette.tolist()} == {tuple(c) for c in BRIGHT.tolist()}
    assert (found.palette[found.rows[0]] != BRIGHT[squares]).any(-1).mean() < 0.03


def test_a_small_object_without_a_level_of_its_own_makes_it_doubtful(squares):
    picture = blended(BRIGHT[squares])
    picture[45:49, 10:14] = np.random.default_rng(0).integers(100, 200, (4, 4, 3))
    assert restored(picture[None]) is None


def test_a_level_too_close_to_another_one_makes_it_doubtful(squares):
    for step in (6, 9, 14, 25):
        levels = np.array([0, step, 200], np.uint8)[squares][..., None]
        assert restored(blended(levels)[None]) is None


def test_one_level_is_nothing_to_put_back():
    assert restored(np.full((1, 40, 40, 3), 90, np.uint8)) is None


def test_colours_are_counted(squares):
    found, inverse, count = colours_of(BRIGHT[squares].reshape(-1, 3))
    np.testing.assert_array_equal(found[inverse], BRIGHT[squares].reshape(-1, 3))
    assert sorted(count) == [400, 572, 3828]
