from __future__ import annotations

import numpy as np

from napari_visual_ccc.engine.acquisition.lettering import in_lines, is_written


def test_letters_stand_in_lines_and_grains_do_not():
    letters = np.array([[10 * k, 20 + k % 2, 6, 12 - 4 * (k % 3 == 0), 40] for k in range(6)])
    letters[:, 1] = 32 - letters[:, 3]
    assert in_lines(letters).all()
    grains = letters.copy()
    grains[:, 1] += 9 * np.arange(6)
    assert not in_lines(grains).any()
    assert not in_lines(letters[:2]).any()


def test_equal_dots_in_a_row_are_not_written():
    ink = np.zeros((30, 200), bool)
    for x in range(10, 190, 12):
        ink[10:18, x : x + 6] = True
    assert not is_written(ink)
    ink[10:14, 34:40] = ink[10:18, 84:87] = ink[10:18, 140:142] = False
    assert is_written(ink)
