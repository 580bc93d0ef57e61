from __future__ import annotations

import functools
import threading
import time

import pytest

from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.core.settings import cores
from napari_visual_ccc.workflow.batch.cluster.need import Need
from napari_visual_ccc.workflow.batch.pool import pool, stoppable
from napari_visual_ccc.workflow.batch.queue import each

_lock = threading.Lock()
_at_work = 0


def at_work(_):
    """Give the number of items that this process is at."""
    global _at_work
    with _lock:
        _at_work += 1
    time.sleep(0.2)
    with _lock:
        found, _at_work = _at_work, _at_work - 1
    return found


def endless(_, stop):
    def steps():
        while True:
            time.sleep(0.05)
            yield Progress(0, 0)

    stoppable(steps(), stop)


def test_a_worker_takes_as_many_items_as_its_memory_holds(cluster):
    for need, most in ((Need(600_000_000), 2), (Need(5_000_000_000), 1), (Need(), 3)):
        with pool(cluster.scheduler_address, 0, need) as made:
            done = [one.answer() for one in each(made, at_work, range(12)) if one is not None]
        assert len(done) == 12
        assert max(done) == most
        said = " ".join(made.notes)
        assert ("2 of 3 threads of a worker" in said) == (most == 2)
        assert ("needs about 5.0 GB" in said) == (most == 1)


def test_items_at_a_time_share_the_cores_of_their_worker(cluster):
    for need, places in ((Need(), 3), (Need(5_000_000_000), 1)):
        with pool(cluster.scheduler_address, 0, need) as made:
            (done,) = [one.answer() for one in each(made, shared, range(1)) if one is not None]
        assert done == max(1, cores.workers() // places)


def shared(_):
    return cores.of_thread()


@pytest.mark.parametrize("need", [Need(), Need(5_000_000_000)])
def test_what_is_at_work_or_waits_for_a_place_ends_with_the_batch(cluster, need):
    with cluster.get_client() as client:
        with pytest.raises(KeyboardInterrupt), pool(cluster.scheduler_address, 0, need) as made:
            function = functools.partial(endless, stop=made.stop)
            for _ in each(made, function, range(5)):
                if any(client.processing().values()):
                    raise KeyboardInterrupt
        # all three threads are free again
        numbers = client.map(_meet, range(3), pure=False)
        assert client.gather(numbers) == [0, 1, 2]


_three = threading.Barrier(3)


def _meet(number):
    _three.wait(120)
    return number
