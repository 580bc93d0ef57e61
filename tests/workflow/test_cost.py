from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from napari_visual_ccc.workflow import cost as preflight
from napari_visual_ccc.workflow import operations, signature
from napari_visual_ccc.workflow.cost import Cost, estimate, sentence

# runs an operation on a small image first, so that libraries are there, and then on a large one
MEASURE = """
import json, sys
import numpy as np
import napari_visual_ccc as ccc

def memory(key):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(one for one in lines if one.startswith(key)).split()[1]) * 1024

name, choices, side, kind = json.loads(sys.argv[1])
image = np.random.default_rng(0).integers(0, 255, (side, side), np.uint8).astype(kind)
getattr(ccc, name)(image[:300, :300], **choices)
open("/proc/self/clear_refs", "w").write("5")
before = memory("VmRSS")
found = getattr(ccc, name)(image, **choices)
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(
    ("name", "choices", "kind"),
    [
        ("threshold", {}, "uint8"),
        ("threshold", {"sigma": 0.0}, "uint8"),
        ("threshold", {}, "float32"),
        ("kmeans", {}, "uint8"),
        ("kmeans", {}, "float32"),
        ("glcm_features", {}, "uint8"),
        ("glcm_features", {"feature": "all", "angle": "0"}, "uint8"),
    ],
)
def test_memory_is_within_a_factor_of_two(name, choices, kind):
    side = 2048 if "feature" in choices else 4096
    given = json.dumps([name, choices, side, kind])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, given], check=True, capture_output=True, text=True
    )
    cost = estimate(name, (side, side), kind, choices=choices)
    assert 0.5 < cost.bytes / int(done.stdout) < 2


def test_what_the_viewer_holds_of_a_lazy_image_counts():
    shape = (255, 2048, 2048)
    without, held = (estimate("threshold", shape, "uint8", lazy=True, room=n) for n in (0, 1 << 30))
    assert held.bytes - without.bytes == np.prod(shape)
    maps = (estimate("glcm_features", shape, "uint8", True, {"feature": f}, room=1 << 34) for f in
            ("contrast", "all"))  # fmt: skip
    assert [found.bytes > 8 * np.prod(shape) for found in maps] == [True, False]


def test_a_lazy_image_needs_no_more_the_larger_it_is():
    small, large = (estimate("glcm_features", (n, n), "uint8", lazy=True) for n in (10_000, 40_000))
    assert small.bytes == large.bytes
    assert large.tiles == 400
    assert large.seconds == pytest.approx(16 * small.seconds)


def test_every_choice_of_every_operation_has_a_cost():
    for name in operations.OPERATIONS:
        base = estimate(name, (512, 512), np.uint8)
        if base is None:
            # what was never measured is not forecast
            assert name in ("cam_sanity_checks", "detect_shortcuts")
            continue
        for parameter in signature.parameters(name).values():
            for value in getattr(parameter.type, "__args__", ()):
                cost = estimate(name, (3, 512, 512), np.uint16, choices={parameter.name: value})
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
def test_costs_are_told_in_a_sentence(cost, text):
    assert sentence(cost, 8_000_000_000) == text


def test_the_memory_of_this_machine_is_known():
    assert preflight.available() > 0
    assert "of " in sentence(Cost(1, 1, 1))
