from __future__ import annotations

import itertools
import time

from napari_visual_ccc.workflow.batch.pool import pool
from napari_visual_ccc.workflow.batch.queue import each


def slept(_):
    time.sleep(0.1)


def large(number):
    return bytes(1_000_000 + number)


def doubled(number):
    if number == 7:
        raise ValueError("seven")
    return 2 * number


def test_a_cluster_answers_everything_once_and_passes_errors_on(cluster):
    found = {}
    with pool(cluster.scheduler_address, 0) as made:
        for one in each(made, doubled, range(120)):
            if one is not None:
                try:
                    found[one.number] = one.answer()
                except ValueError as error:
                    found[one.number] = str(error)
    assert found == {k: "seven" if k == 7 else 2 * k for k in range(120)}


def test_a_cluster_that_scales_by_its_load_asks_for_workers(empty):
    empty.adapt(minimum=0, maximum=3, interval="100 ms")
    most = 0
    with pool(empty.scheduler_address, 0) as made:
        # endless, and left when all workers are there
        for one in each(made, slept, itertools.count()):
            most = max(most, len(empty.scheduler.workers))
            if most == 3 or (one is not None and one.number > 3000):
                break
    assert most == 3


def test_leaving_takes_back_what_waits(cluster):
    with cluster.get_client() as client, pool(client, 0) as made:
        for one in each(made, slept, itertools.count()):
            if one is not None and one.number > 20:
                break
        assert made.least() > 300
        while cluster.scheduler.tasks:
            time.sleep(0.05)


def test_answers_that_wait_do_not_fill_the_memory(cluster):
    with pool(cluster.scheduler_address, 0) as made:
        assert made.least() == 1000
        lengths = [len(one.answer()) for one in each(made, large, range(9)) if one is not None]
        assert sorted(lengths) == [1_000_000 + k for k in range(9)]
        assert 200 < made.least() <= 256
