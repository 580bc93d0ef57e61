import asyncio
import dataclasses
import errno
import os
import threading

import pytest

from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.web.jobs import Jobs
from napari_visual_ccc.web.settings import Limits, Refused

FEW = Limits(workers=1, waiting=1)


def finish(folder, limits, work, count=1):
    """Run jobs one after the other; the jobs, and what keeps them."""

    async def go():
        jobs = Jobs(folder, limits, work)
        made = []
        for _ in range(count):
            job = jobs.admit()
            job.name = "a.png"
            jobs.start(job)
            made.append(await jobs.finished(job))
        await jobs.close()
        return jobs, made

    return asyncio.run(go())


def write(job, report):
    report(Progress(1, 2, "half"))
    (job.folder / "result.csv").write_bytes(bytes(100))
    job.result = {"answer": 42}


def test_a_job_is_done_and_kept_until_it_is_removed(tmp_path):
    jobs, [job] = finish(tmp_path, FEW, write)
    assert job.plain()["result"] == {"answer": 42}
    assert jobs.get(job.id) is job
    if os.name == "posix":
        assert job.folder.stat().st_mode & 0o077 == 0
    assert job.id not in str(job.folder)
    jobs.remove(job)
    assert not job.folder.exists()
    with pytest.raises(Refused) as caught:
        jobs.get(job.id)
    assert caught.value.status == 404


def test_nothing_is_kept_after_its_time(tmp_path):
    jobs, _ = finish(tmp_path, dataclasses.replace(FEW, kept_seconds=-1), write, 2)
    jobs.sweep()
    assert list(tmp_path.iterdir()) == []
    assert jobs.counts() == {"waiting": 0, "running": 0, "kept": 0}


@pytest.mark.parametrize("limit", [{"kept_jobs": 2}, {"kept_bytes": 250}])
def test_the_oldest_results_go_first(tmp_path, limit):
    jobs, made = finish(tmp_path, dataclasses.replace(FEW, **limit), write, 4)
    jobs.sweep()
    assert [job.folder.exists() for job in made] == [False, False, True, True]


def test_a_full_queue_says_when_to_come_back(tmp_path):
    async def go():
        jobs = Jobs(tmp_path, FEW, write)
        first, _ = jobs.admit(), jobs.admit()
        with pytest.raises(Refused) as caught:
            jobs.admit()
        assert caught.value.status == 503
        assert 1 <= caught.value.wait <= 60
        # a client that gives up leaves its place to others
        jobs.remove(first)
        jobs.admit()
        await jobs.close()

    asyncio.run(go())


def test_a_job_stops_when_it_is_removed(tmp_path):
    async def go():
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def work(job, report):
            loop.call_soon_threadsafe(begun.set)
            while True:
                report(Progress(0, 0))

        jobs = Jobs(tmp_path, FEW, work)
        job = jobs.admit()
        jobs.start(job)
        await begun.wait()
        jobs.remove(job)
        await jobs.close()
        assert job.state == "failed"
        assert list(tmp_path.iterdir()) == []

    asyncio.run(go())


def test_a_deleted_job_takes_its_place_until_it_has_stopped(tmp_path):
    async def go():
        loop, begun, may_end = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def work(job, report):
            loop.call_soon_threadsafe(begun.set)
            may_end.wait(60)

        jobs = Jobs(tmp_path, FEW, work)
        job = jobs.admit()
        jobs.start(job)
        await begun.wait()
        jobs.remove(job)
        assert jobs.counts() == {"waiting": 0, "running": 1, "kept": 0}
        jobs.admit()
        # one runs on, and one may wait
        with pytest.raises(Refused, match="full"):
            jobs.admit()
        may_end.set()
        await jobs.finished(job)
        assert jobs.counts() == {"waiting": 1, "running": 0, "kept": 0}
        await jobs.close()

    asyncio.run(go())


def test_who_waits_is_told_at_once_that_the_server_stops(tmp_path):
    async def go():
        loop, begun, may_end = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def work(job, report):
            loop.call_soon_threadsafe(begun.set)
            # a long step, which cannot be stopped
            may_end.wait(60)
            report(Progress(0, 0))

        jobs = Jobs(tmp_path, FEW, work)
        running, waiting = jobs.admit(), jobs.admit()
        jobs.start(running)
        jobs.start(waiting)
        clients = [asyncio.create_task(jobs.finished(job)) for job in (running, waiting)]
        clients.append(asyncio.create_task(jobs.unless_stopping(asyncio.sleep(60))))
        await begun.wait()
        jobs.stop()
        for client in clients:
            with pytest.raises(Refused, match="is stopping") as caught:
                await client
            assert (caught.value.status, caught.value.wait) == (503, 30)
        with pytest.raises(Refused, match="is stopping"):
            jobs.admit()
        may_end.set()
        await jobs.close()
        assert (running.result, waiting.result) == (None, None)
        assert list(tmp_path.iterdir()) == []

    asyncio.run(go())


def test_an_image_is_kept_while_its_results_are_looked_at(tmp_path):
    jobs, [first, second] = finish(tmp_path, FEW, write, 2)
    second.owner = first
    before = first.used
    jobs.get(second.id)
    assert first.used > before


def test_time_is_limited(tmp_path):
    def work(job, report):
        report(Progress(0, 0))

    _, [job] = finish(tmp_path, dataclasses.replace(FEW, job_seconds=-1), work)
    assert "takes more than" in job.plain()["error"]


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("image has no finite pixel"), 422, "image has no finite pixel"),
        (MemoryError(), 422, "memory is full"),
        (OSError(errno.ENOSPC, "No space left", "/tmp/secret"), 507, "its disk may be full"),
        (PermissionError(errno.EACCES, "denied", "/tmp/secret"), 507, "cannot read or write"),
        (KeyError("secret"), 500, "report it as a bug"),
    ],
)
def test_errors_are_sentences_and_the_next_job_runs(tmp_path, caplog, error, status, message):
    def work(job, report):
        raise error

    _, made = finish(tmp_path, FEW, work, 2)
    for job in made:
        assert (job.state, job.refused.status) == ("failed", status)
        assert message in job.plain()["error"]
        assert job.plain()["status"] == status
        assert "secret" not in job.plain()["error"]
    assert "secret" not in caplog.text
