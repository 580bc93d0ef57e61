from __future__ import annotations

import json

import numpy as np

from napari_visual_ccc.core import plain as core_plain


def test_numbers_of_numpy_become_plain():
    found = core_plain.plain({"a": np.float32(1.5), "b": np.arange(2), "c": np.nan, "d": (1, None)})
    assert json.dumps(found) == '{"a": 1.5, "b": [0, 1], "c": null, "d": [1, null]}'
