from __future__ import annotations

import math
from typing import Literal, get_args, get_origin

import numpy as np
import pytest

from napari_visual_ccc.workflow import cost as preflight
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.cost import Cost, describe, estimate
from napari_visual_ccc.workflow.operations import OPERATIONS

# memory as measured is compared with these forecasts by `python -m benchmarks.memory`


def test_what_the_viewer_holds_of_a_lazy_image_counts():
    shape = (255, 2048, 2048)
    without, held = (
        estimate(OPERATIONS["threshold"].cost, shape, "uint8", lazy=True, room=n)
        for n in (0, 1 << 30)
    )
    assert held.bytes - without.bytes == np.prod(shape)
    needs = OPERATIONS["glcm_features"].cost
    maps = (
        estimate(needs, shape, "uint8", True, {"feature": f}, room=1 << 34)
        for f in ("contrast", "all")
    )
    assert [found.bytes > 8 * np.prod(shape) for found in maps] == [True, False]


def test_a_lazy_image_needs_no_more_the_larger_it_is():
    needs = OPERATIONS["glcm_features"].cost
    small, large = (estimate(needs, (n, n), "uint8", lazy=True) for n in (10_000, 40_000))
    assert small.bytes == large.bytes
    assert large.tiles == 400
    assert large.seconds == pytest.approx(16 * small.seconds)


MEASURED = [name for name, one in OPERATIONS.items() if one.cost not in (None, "unknown")]


@pytest.mark.parametrize("name", MEASURED)
def test_costs_grow_with_the_pixels(name):
    needs = OPERATIONS[name].cost
    small, middle, large = (estimate(needs, (side, side), np.uint8) for side in (512, 1024, 2048))
    assert small.bytes < middle.bytes < large.bytes
    assert small.seconds < middle.seconds < large.seconds


def test_every_choice_of_every_operation_has_a_cost():
    for name, operation in OPERATIONS.items():
        # a new line of the catalogue states its cost, or that it was never measured
        assert (operation.cost is not None) == operation.takes_arrays, name
        if operation.cost in (None, "unknown"):
            continue
        for parameter in signature.parameters(name).values():
            if get_origin(parameter.type) is not Literal:
                continue
            for value in get_args(parameter.type):
                choices = {parameter.name: value}
                cost = estimate(operation.cost, (3, 512, 512), np.uint16, choices=choices)
                if value == "3D":
                    assert cost is None
                    continue
                assert cost.bytes > 0
                assert cost.seconds > 0 or math.isnan(cost.seconds)


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (Cost(3_100_000_000, 6, 41.0), "needs ~3.1 GB of 8.0 GB, in 6 tiles, about 40 s"),
        (Cost(30_000_000, 1, 0.1), "needs ~30 MB of 8.0 GB, in one piece, a moment"),
        (Cost(30_000_000, 1200, 200), "needs ~30 MB of 8.0 GB, in 1,200 tiles, about 3 min"),
        (Cost(30_000_000, 1, math.nan), "needs ~30 MB of 8.0 GB, in one piece"),
    ],
)
def test_costs_are_described_in_words(cost, text):
    assert describe(cost, 8_000_000_000) == text


def test_the_memory_of_this_machine_is_known():
    assert preflight.available() > 0
    assert "of " in describe(Cost(1, 1, 1))


def test_occluding_regions_costs_time():
    needs = OPERATIONS["concordance"].cost
    none, some, default = (
        estimate(needs, (1024, 1024), "f4", choices=choices)
        for choices in ({"occluded": 0}, {"occluded": 100}, {})
    )
    assert some.seconds > 30 * none.seconds
    assert none.bytes < default.bytes == some.bytes
    assert none.seconds < default.seconds < some.seconds


def test_the_training_of_an_autoencoder_is_forecast_from_its_choices(monkeypatch):
    monkeypatch.setattr(preflight, "_slowness", lambda: 2.0)
    choices = {"tile": 96, "tiles": 600, "batch_size": 32, "epochs": 30, "validation": 0.2}
    found = preflight.autoencoder({**choices, "device": "cpu"})
    assert 180 < found.seconds < 260
    assert "about 3 min" in describe(found, 8_000_000_000)
