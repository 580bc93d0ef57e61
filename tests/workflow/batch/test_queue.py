from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from napari_visual_ccc.workflow.batch.pool import pool
from napari_visual_ccc.workflow.batch.queue import each, is_lost


def doubled(number):
    if number == 7:
        raise ValueError("seven")
    return 2 * number


def deadly(place: Path, number):
    """End the process always for 3, and the first time for 5; note every call that ends well."""
    again = place / f"{number}.tried"
    if number == 3 or (number == 5 and not again.exists()):
        again.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def answers(scheduler, workers, function, items):
    found = {}
    with pool(scheduler, workers) as made:
        for one in each(made, function, items):
            if one is not None:
                try:
                    assert one.number not in found
                    found[one.number] = one.answer()
                except Exception as error:  # noqa: BLE001
                    found[one.number] = error
    return found


def test_threads_answer_everything_once_and_pass_errors_on():
    found = answers("threads", 3, doubled, range(20))
    assert str(found.pop(7)) == "seven"
    assert found == {k: 2 * k for k in range(20) if k != 7}
    assert answers("threads", 3, doubled, []) == {}


def test_items_are_read_a_few_ahead():
    read = []
    gate = threading.Event()

    def items():
        for number in range(50):
            read.append(number)
            yield number

    with pool("threads", 2) as made:
        steps = each(made, lambda number: gate.wait(20) and number, items())
        assert next(steps) is None
        assert len(read) <= 5
        gate.set()
        assert sum(one is not None for one in steps) == 50


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_that_dies_takes_no_other_item_with_it(tmp_path):
    items = [5, 0, 1, 2, 4, 6, 7, 3]
    found = answers("processes", 2, functools.partial(deadly, tmp_path), items)
    # the item that was tried again is done
    assert is_lost(found.pop(items.index(3)))
    assert found == {k: item for k, item in enumerate(items) if item != 3}
    assert not multiprocessing.active_children()
