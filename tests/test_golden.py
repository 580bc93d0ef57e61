"""Quick part of `scripts/golden.py`: what 0.1.0 computed is computed still."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_visual_ccc.workflow.operations import OPERATIONS

ROOT = Path(__file__).parents[1]

# layers of integers that every processor gives alike, bit by bit
EXACT = (
    "crop_bar | 8bit | find=by hand, bottom=30, left=4",
    "info_bar | drawn",
    "number_objects | 8bit | smallest=30, only=1",
    "otsu | 8bit | objects=bright, sigma=0.0, smallest=40",
    "otsu | rgb",
)

# by numbers, up to the tolerance of the script
CLOSE = (
    "destripe | 8bit | widest=16, shortest=0.2",
    "edge_density | bar",
    "glcm | 8bit",
    "kmeans | 8bit",
    "otsu | bar",
    "otsu | stack | scope=slice",
    "quality | 8bit",
    "quality_folder | crops",
    "quality_folder | crops | blurred=2.0, noisy=100.0",
    "region_table | bar | smallest=30, exclude_border=True",
    "target_cluster | 8bit | cluster=3",
)


@pytest.fixture(scope="module")
def golden():
    spec = importlib.util.spec_from_file_location("golden", ROOT / "scripts" / "golden.py")
    module = importlib.util.module_from_spec(spec)
    # its dataclasses look up their module
    sys.modules["golden"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["golden"]


@pytest.fixture(scope="module")
def stored():
    path = ROOT / "tests" / "fixtures" / "golden_0.1.0.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_stored_run_can_be_repeated_by_the_names_of_today(golden, stored):
    assert set(golden.cases()) == set(stored) - {"about"}
    old = {key.split(" | ")[0] for key in stored} - {"about"}
    assert {golden.renamed(name).name for name in old} <= set(OPERATIONS)


@pytest.mark.parametrize("key", [*EXACT, *CLOSE])
def test_results_are_those_of_0_1_0(golden, stored, key):
    now = json.loads(json.dumps(golden.outcome(key, golden.cases()[key])))
    assert golden.differences(stored[key], now, golden.TOLERANCE, key) == []
    if key in EXACT:
        assert now["layers"] == stored[key]["layers"]


def test_a_difference_is_found(golden, stored):
    was = stored["otsu | 8bit"]
    now = json.loads(json.dumps(was))
    now["facts"]["thresholds"][0] += 1
    (line,) = golden.differences(was, now, golden.TOLERANCE, "otsu")
    assert line.startswith("otsu / facts / thresholds")
    (layer,) = was["layers"]
    changed = {**was, "layers": [{**layer, "sha256": "00"}]}
    assert golden.differences(was, changed, golden.TOLERANCE) == []
    assert len(golden.differences(was, changed, None)) == 1


def test_names_of_today_are_kept_under_the_old_ones(golden):
    names = golden.old_names("info_bar")
    layer = {"name": "info bar", "array": np.eye(3, dtype=np.uint8), "stride": 1, "centre": [0, 0]}
    assert golden.kept_layer(layer, names["layers"])["name"] == "label bar"
    assert golden.old_names("classify")["columns"] == {"prediction_set": "likely"}


def test_words_of_today_in_cells_are_kept_as_the_old_ones(golden):
    texts = golden.old_names("quality_folder")["texts"]
    assert golden.in_old_words("anisotropic: 3.8 times", texts) == "drawn out: 3.8 times"
    assert golden.in_old_words(3.8, texts) == 3.8


def test_additions_are_told_from_changes(golden, stored):
    was = stored["otsu | 8bit"]
    now = json.loads(json.dumps(was))
    now["facts"]["further"] = 1
    lines = golden.differences(was, now, golden.TOLERANCE, "otsu")
    assert lines and all(map(golden.is_addition, lines))
    assert golden.listed(lines).startswith("additions (1):")
    now["facts"]["thresholds"][0] += 1
    lines = golden.differences(was, now, golden.TOLERANCE, "otsu")
    assert [golden.is_addition(line) for line in lines] == [True, False]
    assert golden.listed(lines).startswith("changes (1):")
    (line,) = golden.differences(["a", "b"], ["a", "c", "b"], None, "tables / columns")
    assert golden.is_addition(line)
    (line,) = golden.differences(["a", "b"], ["a", "c"], None, "tables / columns")
    assert not golden.is_addition(line)
    assert golden.listed([]) == "no differences"
