from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.segmentation.side import objects_of, sampled_slices


def of(labels, grey, by="auto"):
    return run(objects_of(labels, grey, by))


def test_packed_powder_is_objects_in_both_polarities_though_it_fills_the_border():
    image = samples.load("powder").data[::2, ::2]
    truth = samples.masks("powder")["instances"][::2, ::2] > 0
    for grey, side in ((image, "bright"), (255 - image, "dark")):
        found = ccc.threshold(grey)
        assert found.facts["objects"] == side
        assert not found.facts["doubtful"]
        inside = found.labels > 0
        assert (inside & truth).sum() / (inside | truth).sum() > 0.6
        assert ccc.threshold(grey, objects="border").facts["objects"] != side


def test_a_pattern_alike_on_both_sides_is_doubtful_and_says_so():
    grey = np.kron(np.indices((8, 8)).sum(0) % 2 * 100.0, np.ones((24, 24)))
    facts, notes = of(np.where(grey > 50, 2, 1).astype(np.uint8), grey)
    assert facts["doubtful"]
    assert "objects may be bright or dark" in notes[0]
    assert set(ccc.threshold(grey).facts) >= {"evidence", "doubtful", "thresholds"}


def test_a_lazy_stack_has_the_side_of_the_same_stack_in_memory(discs):
    stack = np.stack([discs, discs, discs])
    lazy = ccc.threshold(da.from_array(stack, chunks=(1, 64, 100)))
    whole = ccc.threshold(stack)
    assert lazy.facts["evidence"] == whole.facts["evidence"]
    assert lazy.facts["objects"] == "dark"
    slices = ccc.threshold(np.stack([discs, 255 - discs]), scope="slice")
    assert slices.facts["objects"] == ["dark", "bright"]


def test_what_is_too_small_for_forms_has_the_side_of_the_border():
    grey = np.zeros((3, 3))
    grey[1, 1] = 1
    facts, notes = of(np.where(grey > 0, 2, 1).astype(np.uint8), grey)
    assert facts == {"objects": "bright"}
    assert "border" in notes[0]


def test_missing_slices_have_no_say(discs):
    stack = np.stack([np.full(discs.shape, np.nan), discs.astype(float)])
    labels = np.where(np.isfinite(stack), np.where(stack > 128, 2, 1), 0).astype(np.uint8)
    assert of(labels, stack)[0] == of(labels[1], stack[1])[0]


def test_slices_are_spread_evenly():
    assert sampled_slices((9, 4, 4)) == [(0,), (2,), (4,), (6,), (8,)]
    assert sampled_slices((4, 4)) == [()]


def test_an_unknown_rule_is_refused(discs):
    with pytest.raises(ValueError, match="auto, border, bright or dark"):
        ccc.threshold(discs, objects="rim")
