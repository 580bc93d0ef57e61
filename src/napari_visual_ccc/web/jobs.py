"""Jobs: a bounded queue, a few workers, and results that are deleted after their time."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import math
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..core.progress import Progress
from .settings import Limits, Refused, disk_error

State = Literal["receiving", "waiting", "running", "done", "failed"]

_ACTIVE = ("receiving", "waiting", "running")

_LOG = logging.getLogger(__name__)

GONE = "there is no such job; it may have expired: send the image again"


T = TypeVar("T")


class Stopped(Exception):
    """A job that was deleted while it ran."""


@dataclass(eq=False)
class Job:
    """One operation on one image.

    Parameters
    ----------
    id : str
        Cannot be guessed.
    folder : Path
        Of its files.
    operation, name, choices
        What to do, what the client calls the image, and how.
    owner : Job
        The job whose folder holds the image: itself, or the one whose image it uses.
    decoded : Event
        Set when its image is decoded, or never will be.
    digest : str
        SHA-256 of its file.
    """

    id: str
    folder: Path
    operation: str = ""
    name: str = ""
    file: Path | None = None
    choices: dict[str, Any] = field(default_factory=dict)
    frame: dict[str, Any] = field(default_factory=dict)
    state: State = "receiving"
    progress: Progress = field(default_factory=lambda: Progress(0, 0))
    result: dict[str, Any] | None = None
    files: dict[str, Path] = field(default_factory=dict)
    refused: Refused | None = None
    used: float = field(default_factory=time.monotonic)
    size: int = 0
    digest: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    decoded: threading.Event = field(default_factory=threading.Event)
    owner: Job = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.owner = self

    def plain(self) -> dict[str, Any]:
        """What a client learns of it."""
        known: dict[str, Any] = {
            "id": self.id, "operation": self.operation, "name": self.name, "state": self.state,
        }  # fmt: skip
        if self.state in _ACTIVE:
            done, total = self.progress.done, self.progress.total
            share = round(done / total, 3) if total else None
            known["progress"] = {"share": share, "note": self.progress.note}
        if self.refused is not None:
            known |= {"error": self.refused.message, "status": self.refused.status}
        if self.result is not None:
            known["result"] = self.result
        return known


class Jobs:
    """Takes jobs, runs them on a few threads and forgets them after their time.

    Parameters
    ----------
    folder : Path
        Private; each job has a folder in it.
    limits : Limits
        Of jobs, and of what is kept.
    work : callable
        Does a job and sets its result and files; is passed a function that takes its progress.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        work: Callable[[Job, Callable[[Progress], None]], None],
    ) -> None:
        self._folder, self._limits, self._work = folder, limits, work
        self._jobs: dict[str, Job] = {}
        # on a thread; a job that was deleted needs a moment to stop
        self._running: set[Job] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="job")
        self._free = asyncio.Semaphore(limits.workers)
        self._stopping = asyncio.Event()
        # of a job, smoothed; says how long a client waits for a place
        self._seconds = 1.0

    def counts(self) -> dict[str, int]:
        """How many jobs wait, run and are kept."""
        states = [job.state for job in self._jobs.values()]
        waiting = states.count("waiting") + states.count("receiving")
        kept = len(states) - waiting - states.count("running")
        return {"waiting": waiting, "running": len(self._running), "kept": kept}

    def admit(self) -> Job:
        """Reserve a place in the queue, before an image is received.

        Raises
        ------
        Refused
            If the queue is full, or the server is stopping.
        """
        if self._stopping.is_set():
            raise stopping()
        counts = self.counts()
        active = counts["waiting"] + counts["running"]
        if active >= self._limits.waiting + self._limits.workers:
            seconds = math.ceil(self._seconds * active / self._limits.workers)
            raise Refused(503, "the queue is full; try again later", wait=min(60, max(1, seconds)))
        job_id = secrets.token_urlsafe(16)
        # the name of the folder says nothing of the id
        folder = self._folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        job = self._jobs[job_id] = Job(job_id, folder)
        return job

    def start(self, job: Job) -> None:
        """Let a job wait for its turn."""
        job.state = "waiting"
        self._tasks[job.id] = asyncio.create_task(self._run(job))

    async def finished(self, job: Job) -> Job:
        """Wait for a job, or for the server to stop."""
        task = self._tasks.get(job.id)
        if task is not None:
            await self.unless_stopping(asyncio.wait([task]))
        return job

    async def unless_stopping(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work, which ends where the server stops.

        Raises
        ------
        Refused
            If the server is stopping.
        """
        waiting = asyncio.ensure_future(work)
        end = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([waiting, end], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise stopping()
            return waiting.result()
        finally:
            waiting.cancel()
            end.cancel()

    def get(self, job_id: str) -> Job:
        """Return a job, and keep it for longer.

        Raises
        ------
        Refused
            If there is none.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise Refused(404, GONE)
        job.used = job.owner.used = time.monotonic()
        return job

    def remove(self, job: Job) -> None:
        """Stop a job and delete its files."""
        job.stop.set()
        job.decoded.set()
        self._jobs.pop(job.id, None)
        # a running job deletes them when it has stopped
        if job.state != "running":
            shutil.rmtree(job.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Delete what has expired, and the oldest results beyond what may be kept."""
        limits, now = self._limits, time.monotonic()
        ended = [job for job in self._jobs.values() if job.state not in _ACTIVE]
        ended.sort(key=lambda job: job.used)
        count, size = len(ended), sum(job.size for job in ended)
        for job in ended:
            late = now - job.used > limits.kept_seconds
            if not late and count <= limits.kept_jobs and size <= limits.kept_bytes:
                return
            count, size = count - 1, size - job.size
            self.remove(job)

    async def sweep_regularly(self, seconds: float = 5) -> None:
        """Sweep now and again, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            self.sweep()

    def stop(self) -> None:
        """Stop all jobs, and take no more; who waits for one is answered at once."""
        self._stopping.set()
        for job in [*self._jobs.values(), *self._running]:
            job.stop.set()

    async def close(self) -> None:
        """Stop all jobs and wait for them."""
        self.stop()
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))
        self._pool.shutdown()

    async def _run(self, job: Job) -> None:
        try:
            async with self._free:
                if not job.stop.is_set():
                    job.state = "running"
                    self._running.add(job)
                    loop = asyncio.get_running_loop()
                    await loop.run_in_executor(self._pool, self._do, job)
        finally:
            self._running.discard(job)
            self._tasks.pop(job.id, None)
            job.used = time.monotonic()
            if job.stop.is_set():
                shutil.rmtree(job.folder, ignore_errors=True)
            else:
                job.size = sum(one.stat().st_size for one in job.folder.rglob("*"))
                self.sweep()

    def _do(self, job: Job) -> None:
        begun = time.monotonic()

        def report(progress: Progress) -> None:
            if job.stop.is_set():
                raise Stopped
            job.progress = progress
            if time.monotonic() - begun > self._limits.job_seconds:
                raise Refused(422, f"stopped: it takes more than {self._limits.job_seconds} s")

        try:
            self._work(job, report)
            job.state = "done"
        except Refused as refused:
            job.refused, job.state = refused, "failed"
        except Stopped:
            job.state = "failed"
        except OSError as error:
            _LOG.error("%s failed: %s, error %s", job.operation, type(error).__name__, error.errno)
            job.refused, job.state = disk_error(error), "failed"
        except (ValueError, RuntimeError, MemoryError, ImportError) as error:
            job.refused, job.state = Refused(422, _sentence(error)), "failed"
        # a server goes on: a bug is an answer, and a line in its log without the client's data
        except Exception as error:  # noqa: BLE001
            _LOG.error("%s failed: %s", job.operation, type(error).__name__)
            job.refused = Refused(500, "this failed: please report it as a bug")
            job.state = "failed"
        job.decoded.set()
        _release()
        self._seconds += 0.2 * (time.monotonic() - begun - self._seconds)


def stopping() -> Refused:
    """The answer to a client that asks a server which is about to end."""
    return Refused(503, "the server is stopping; try again later", wait=30)


def _release() -> None:
    """Give memory back: figures are circles of objects, and glibc keeps what threads have freed."""
    gc.collect()
    if sys.platform == "linux":
        # other C libraries have no such function
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _sentence(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "memory is full; send a part of the image"
    return str(error) or type(error).__name__
