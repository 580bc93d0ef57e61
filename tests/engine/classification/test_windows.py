from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.classification.windows import Windows


@pytest.mark.parametrize(("side", "stride"), [(64, 32), (64, 64), (9, 4), (8, 16)])
def test_windows_are_centred_on_their_cells(side, stride):
    y, x = np.mgrid[:200, :230].astype(float)
    windows = Windows(y * 1000 + x, side, stride)
    assert windows.shape == tuple(int(n / stride + 0.5) for n in (200, 230))
    found = windows.read(0, windows.count).reshape(*windows.shape, side, side)
    row, column = windows.shape[0] // 2, windows.shape[1] // 2
    middle = found[row, column].mean()
    centre = (row * stride + (stride - 1) / 2) * 1000 + column * stride + (stride - 1) / 2
    # an odd window on an even cell lies half a pixel off
    assert middle == pytest.approx(centre, abs=500.5 if side % 2 != stride % 2 else 1e-9)
