"""The line about the image that is chosen."""

from __future__ import annotations

import pytest

from napari_visual_ccc import samples
from napari_visual_ccc.widgets.checks.watcher import watch
from tests.widgets.opening import dock


@pytest.fixture
def workspace(viewer, monkeypatch):
    monkeypatch.setenv("VISUAL_CCC_CHECK_IMAGES", "yes")
    return dock(viewer, "workspace")


def test_a_sample_has_a_line_that_opens_the_info(workspace, viewer, qtbot):
    line, found = workspace.verdict, watch(viewer)
    assert line.isHidden()
    viewer.open_sample("napari-visual-ccc", "nanoparticles")
    assert line.text() == "Checking the image…"
    qtbot.waitUntil(lambda: found.is_idle)
    # a mask over the image is the active layer
    viewer.layers.selection.active = viewer.layers[-1]
    assert viewer.layers.selection.active is not line.layer
    assert line.layer.name == "nanoparticles"
    assert line.text().startswith("✔ Fit for analysis: ")
    assert "Verdict on nanoparticles: ✔ Fit for analysis" in line.accessibleName()
    line.click()
    facts = workspace.open("Open & info").facts.text()
    assert "Fit for analysis" in facts and "limit: at most 9 px" in facts
    assert "not detected yet" not in facts
    # shortened to the width, whole in the tooltip
    viewer.add_image(samples.load("superalloy").data[:20, :20], name="small")
    qtbot.waitUntil(lambda: found.is_idle)
    assert line.text().startswith("✖ Not fit for analysis")
    assert "less than 32 px" in line.toolTip()
    viewer.layers.clear()
    assert line.isHidden()
