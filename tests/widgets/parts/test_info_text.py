"""Facts of a micrograph as text."""

from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_visual_ccc.widgets.parts.info_text import describe


def test_a_missing_pixel_size_comes_first():
    text = describe(Image(np.zeros((4, 8), np.uint8), name="<plain>"))
    assert text.startswith("<p><b style='color:#e0a000'>No pixel size.")
    assert "&lt;plain&gt;" in text
    assert "8 × 4, uint8" in text


def test_facts_have_titles_and_a_unit_that_suits_them():
    known = {"voltage_kv": 15.0, "spot_size": 3, "notes": ["cropped <b>"], "calibrated": "by hand"}
    layer = Image(
        np.zeros((2, 1000, 2000)), scale=(50, 2.5, 1), units="nm", metadata={"micrograph": known}
    )
    text = describe(layer)
    for expected in (
        ">1 × 2.5 nm (by hand)<", ">2 × 2.5 µm<", ">2, 50 nm apart<", "Voltage (kV)", ">15<",
        ">Spot size<", "not detected yet", "<p>cropped &lt;b&gt;</p>",
    ):  # fmt: skip
        assert expected in text
    assert "No pixel size" not in text
