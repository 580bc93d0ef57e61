"""Measures in the status bar, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from qtpy.QtWidgets import QLabel

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.texture.edge_density import edge_density
from napari_visual_ccc.widgets.canvas.status import with_quantity, write_status, written
from napari_visual_ccc.widgets.layers.build import build
from napari_visual_ccc.widgets.layers.source import take


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1 2]: 5; label: 5, area_nm2: 1.553e+05", "[1 2]: 5; label: 5, area: 0.1553 µm²"),
        ("5; name: a, b, equivalent_diameter_nm: 52.7", "5; name: a, b, diameter: 52.7 nm"),
        ("5; area_percent: 12.3456, circularity: 0.9", "5; area: 12.35 %, circularity: 0.9"),
        ("5; centroid_y_px: 12.31, touches_border: False",
         "5; centroid y: 12.31 px, touches_border: False"),
        # nothing of a file's or a layer's name is rewritten
        ("area_nm2: 5 [1 2]: 0.5", "area_nm2: 5 [1 2]: 0.5"),
        ("5; area_nm2: [1 2]", "5; area_nm2: [1 2]"),
        ("Ready", "Ready"),
    ],
)  # fmt: skip
def test_measures_have_words_and_units(text, expected):
    assert written(text) == expected
    assert written(expected) == expected
    assert written({"layer_name": text, "value": text}) == {"layer_name": text, "value": expected}


def test_the_status_over_a_label_is_in_words(viewer):
    table = pd.DataFrame({"index": [1], "name": ["phase 1"], "area_nm2": [1.553e5]})
    viewer.add_labels(np.ones((8, 8), int), features=table)
    assert write_status(viewer) is write_status(viewer)
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (4, 4)
    viewer.update_status_from_cursor()
    said = viewer.status if isinstance(viewer.status, str) else viewer.status["coordinates"]
    assert "name: phase 1, area: 0.155 µm²" in said
    # as the window shows it
    shown = viewer.window.main_menu.window().statusBar().findChildren(QLabel)
    assert any("0.155 µm²" in one.text() for one in shown)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("[1, 2]: 1.3", "[1, 2]: 1.3 (contrast)"),
        ({"coordinates": "[1, 2]: -2e-05"}, {"coordinates": "[1, 2]: -2e-05 (contrast)"}),
        ({"value": "7"}, {"value": "7 (contrast)"}),
        ("[1, 2]: nan", "[1, 2]: nan"),
        ("Ready", "Ready"),
    ],
)  # fmt: skip
def test_a_value_says_what_it_is_once(status, expected):
    assert with_quantity(status, "contrast") == expected
    assert with_quantity(expected, "contrast") == expected
    assert with_quantity(status, "") == status


def test_the_status_over_a_map_says_what_its_values_are(viewer, discs):
    layer = viewer.add_image(discs, name="discs")
    part = run(edge_density(discs)).layer()
    viewer.add_layer(build(take(layer, viewer), part, {}))
    write_status(viewer)
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (30, 30)
    viewer.update_status_from_cursor()
    said = viewer.status if isinstance(viewer.status, str) else viewer.status["coordinates"]
    assert said.endswith(": 0 (share of pairs that differ)")
