from __future__ import annotations

import functools
import threading

import pytest

from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.core.settings.cores import of_thread
from napari_visual_ccc.workflow.batch.pool import StoppedError, check_scheduler, pool, stoppable
from napari_visual_ccc.workflow.batch.queue import each


def test_leaving_stops_what_is_at_work():
    begun, ended = threading.Event(), []

    def endless():
        begun.set()
        while True:
            yield Progress(0, 0)

    def work(number, stop):
        try:
            stoppable(endless(), stop)
        except StoppedError:
            ended.append(number)
            raise

    with pytest.raises(KeyboardInterrupt), pool("threads", 1) as made:
        steps = each(made, functools.partial(work, stop=made.stop), range(5))
        next(steps)
        assert begun.wait(20)
        raise KeyboardInterrupt
    assert ended == [0]


def test_what_is_no_scheduler_is_refused_before_anything_begins():
    for wrong in ("thread", "", "node1", "tcp://node1"):
        with pytest.raises(ValueError, match="choose threads, processes"):
            check_scheduler(wrong)
    pytest.importorskip("distributed")
    with pytest.raises(ConnectionError, match="no dask scheduler answers"):
        check_scheduler("tcp://127.0.0.1:9")


def _limits():
    import os

    from napari_visual_ccc.arrays.lazy import tile_workers

    return tile_workers(), int(os.environ["OMP_NUM_THREADS"])


def test_processes_share_the_threads_of_the_settings(monkeypatch):
    monkeypatch.setenv("VISUAL_CCC_THREADS", "4")
    with pool("processes", 2) as made:
        assert made.executor.submit(_limits).result() == (2, 2)


def test_threads_share_the_cores_of_the_settings(monkeypatch):
    monkeypatch.setenv("VISUAL_CCC_THREADS", "4")
    for workers, each_one in ((1, 4), (2, 2), (9, 1)):
        with pool("threads", workers) as made:
            assert made.executor.submit(of_thread).result() == each_one
    assert of_thread() == 0
