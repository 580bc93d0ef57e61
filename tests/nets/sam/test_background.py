from __future__ import annotations

import threading

import pytest

from napari_visual_ccc.core.progress import Progress, run
from napari_visual_ccc.nets.sam.background import in_background

WAITING = Progress(0, 0, "image")


def test_what_the_call_gives_is_returned_and_what_it_raises_is_raised():
    assert run(in_background(lambda: 3, WAITING)) == 3
    with pytest.raises(ZeroDivisionError):
        run(in_background(lambda: 1 / 0, WAITING))


def test_a_job_can_be_cancelled_while_the_call_runs():
    go = threading.Event()
    steps = in_background(lambda: go.wait(60), WAITING)
    assert next(steps) == WAITING
    assert next(steps) == WAITING
    # returns at once: the call is not waited for
    steps.close()
    go.set()
