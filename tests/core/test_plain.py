from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from napari_visual_ccc.core import plain as core_plain


def test_numbers_of_numpy_become_plain():
    found = core_plain.plain({"a": np.float32(1.5), "b": np.arange(2), "c": np.nan, "d": (1, None)})
    assert json.dumps(found) == '{"a": 1.5, "b": [0, 1], "c": null, "d": [1, null]}'


def test_messages_show_the_beginning_and_the_end_of_long_values():
    assert core_plain.shown(-12) == "-12"
    assert core_plain.shown(2.5) == "2.5"
    assert core_plain.shown(Path("a.tif")) == repr(Path("a.tif"))
    # Python itself spells no number of 5001 digits
    assert core_plain.shown([10**400, -(10**5000)]) == "[1.000e+400, -1.000e+5000]"
    assert core_plain.shown("a" * 90 + "z").endswith("az'")
    assert len(core_plain.shown("a" * 9000)) == len(core_plain.shown(["a" * 9000])) - 2 == 80
