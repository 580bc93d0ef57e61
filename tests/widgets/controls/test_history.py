"""Runs are undone one after the other, and done again."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.widgets.form import result_layers


@pytest.fixture
def form(slow_form, headless):
    headless.add_image(np.ones((20, 30), np.float32), name="steel")
    return slow_form(headless)


def level(viewer):
    return None if len(viewer.layers) < 2 else float(viewer.layers[1].data[0, 0])


def test_runs_are_undone_and_done_again_in_steps(form, headless):
    for factor in (2, 3, 4):
        form(factor=factor)
    assert form.undo_button.tooltip == "Undo Slow of steel; 2 more steps after it"
    seen = []
    for _ in range(3):
        form.undo_button.changed.emit(True)
        seen.append(level(headless))
    assert seen == [3, 2, None]
    assert not form.undo_button.enabled
    assert form.message.value == "Undone: Slow of steel."
    seen = []
    for _ in range(3):
        form.history.redo_button.changed.emit(True)
        seen.append(level(headless))
    assert seen == [2, 3, 4]
    assert not form.history.redo_button.enabled
    form.undo()
    assert level(headless) == 3
    # a new run follows what is there now
    form(factor=9)
    assert not form.history.redo_button.enabled
    form.undo()
    assert level(headless) == 3


def test_a_result_that_was_edited_is_neither_undone_nor_done_again(form, headless):
    form(factor=2)
    form(factor=3)
    form.undo()
    headless.layers[1].data = headless.layers[1].data + 5
    form.redo()
    assert level(headless) == 7
    form.undo()
    assert level(headless) == 7


def test_a_layer_that_was_removed_by_hand_does_not_come_back(form, headless):
    form(factor=2)
    headless.layers.remove(headless.layers[1])
    form.undo()
    assert not form.history.redo_button.enabled
    form.redo()
    assert level(headless) is None


@pytest.mark.parametrize("limit", ["MOST_RUNS", "MOST_BYTES"])
def test_what_is_kept_is_bounded(form, headless, limit, monkeypatch):
    most = {"MOST_RUNS": 2, "MOST_BYTES": 20 * 30 * 4}[limit]
    monkeypatch.setattr(result_layers, limit, most)
    for factor in (2, 3, 4, 5):
        form(factor=factor)
    assert form.results.held_bytes <= 2 * 20 * 30 * 4
    steps = 0
    while form.undo_button.enabled:
        form.undo()
        steps += 1
    assert steps == {"MOST_RUNS": 2, "MOST_BYTES": 1}[limit]
    # the oldest that was kept
    assert level(headless) == {"MOST_RUNS": 3, "MOST_BYTES": 4}[limit]
