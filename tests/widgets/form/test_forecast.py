from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_visual_ccc.widgets.form import forecast
from napari_visual_ccc.workflow.operations import OPERATIONS


def test_levels_are_those_of_the_layer(qapp):
    part = forecast.Forecast()
    image = np.zeros((64, 64), np.uint8)
    assert part.levels == [("full resolution", 0)]
    part.update(OPERATIONS["kmeans"], Image([image, image[::2, ::2]], multiscale=True), {})
    assert part.levels == [("full resolution", 0), ("1/2", 1)]
    assert part.level.choices == (0, 1)


def test_only_large_images_have_a_forecast(qapp, monkeypatch):
    monkeypatch.setattr(forecast, "FORECAST_PIXELS", 1000)
    part = forecast.Forecast()
    large, small = Image(np.zeros((64, 64), np.uint8)), Image(np.zeros((9, 9), np.uint8))
    part.update(OPERATIONS["kmeans"], large, {"clusters": 3})
    assert part.label.value.startswith("Needs ~")
    assert part.label.value.endswith(".")
    part.update(OPERATIONS["cam_sanity_checks"], large, {})
    assert part.label.value == ""
    part.update(OPERATIONS["kmeans"], small, {"clusters": 3})
    assert part.label.value == ""
    part.update(OPERATIONS["kmeans"], None, {})
    assert part.label.value == ""
