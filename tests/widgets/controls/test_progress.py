from __future__ import annotations

import pytest
from magicgui.widgets import PushButton

from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.widgets.controls.progress import WorkBar, described


@pytest.mark.parametrize(
    ("progress", "number", "seconds", "text"),
    [
        (Progress(0, 0, "model"), 1, 9, "Model…"),
        (Progress(0, 0), 1, 9, "Working…"),
        (Progress(40, 129, "windows"), 1, 1, "Windows: 40 of 129"),
        (Progress(40, 129, "windows"), 1, 60, "Windows: 40 of 129, about 2 min left"),
        (Progress(1, 1200, "tiles"), 1, 12, "Tiles: 1 of 1,200, about 4.0 h left"),
        (Progress(3, 20, "epochs"), 2, 4, "Epochs, round 2: 3 of 20, about 25 s left"),
        (Progress(20, 20, "epochs"), 1, 9, "Epochs: 20 of 20"),
        (Progress(0, 0, "epoch 3 of 12", share=0.25), 2, 60, "Epoch 3 of 12, about 3 min left"),
        (Progress(5, 9, "images", share=0.001), 1, 60, "Images: 5 of 9"),
        (Progress(5, 9, "images (1 failed)"), 1, 60, "Images: 5 of 9 (1 failed)"),
    ],
)
def test_progress_names_phase_counts_and_time_left(progress, number, seconds, text):
    assert described(progress, number, seconds) == text


def test_the_time_left_is_of_the_work_not_of_what_was_loaded_before():
    progress = Progress(39, 129, "windows", share=0.3)
    assert described(progress, 1, 10, 0.1) == "Windows: 39 of 129, about 35 s left"
    assert described(progress, 1, 10, 0.29) == "Windows: 39 of 129"


def test_the_button_of_a_cancelled_job_says_that_it_stops(qapp):
    work, button = WorkBar(), PushButton(text="Cancel")
    work.stop(button)
    assert (button.text, button.enabled, work.visible) == ("Stopping…", True, False)
    work.end(button, "Run")
    assert button.text == "Run"


def test_the_bar_never_goes_back_and_the_text_names_the_phase(qapp):
    work = WorkBar()
    work.begin()
    assert (work.bar.max, work.text.value) == (0, "Starting…")
    seen = []
    for done, note in ((1, "tiles"), (8, "tiles"), (1, "epochs"), (9, "epochs"), (1, "epochs")):
        work.show_progress(Progress(done, 9, note))
        seen.append((work.bar.value, work.text.value.partition(":")[0]))
    # nothing says how much work follows the first phase: the bar is busy
    assert seen == [
        (111, "Tiles"), (889, "Tiles"), (0, "Epochs"), (0, "Epochs"), (0, "Epochs, round 2"),
    ]  # fmt: skip
    assert work.bar.max == 0
    work.begin()
    work.show_progress(Progress(1, 9, "epochs"))
    assert work.text.value == "Epochs: 1 of 9"


def test_a_bar_of_the_whole_work_goes_through_its_phases(qapp):
    work = WorkBar()
    work.begin()
    seen = []
    for share, note in ((0.0, "images"), (0.1, "images"), (0.08, "epoch 1"), (0.5, "epoch 2")):
        work.show_progress(Progress(3, 4, note, share=share))
        seen.append((work.bar.max, work.bar.value))
    assert seen == [(0, 0), (1000, 100), (1000, 100), (1000, 500)]
