"""Workers of a batch: threads, processes, or those of a dask scheduler.

All three have the interface of `concurrent.futures`; dask gives it for a cluster. The local
schedulers of dask return when the last task of a graph is done, so that nothing could be written
down before.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...core.progress import Steps, run
from ...core.settings import cores
from ...core.settings.current import variable
from .cluster.executor import Executor
from .cluster.need import NOTHING, Need
from .cluster.scheduler import check, connected, is_place
from .cluster.task import Withdrawn

T = TypeVar("T")

THREADS, PROCESSES = "threads", "processes"

# set where a worker is to give up; one a process
_stop: Any = threading.Event()


class StoppedError(RuntimeError):
    """The batch was stopped while this image was at work."""


@dataclass
class Pool:
    """Workers that run functions.

    Parameters
    ----------
    start : callable
        Gives an executor.
    count : callable
        Gives the number of workers, which may change; 0 while there is none yet.
    stop : Event
        Tells those on this machine to give up.
    shared : bool
        Whether functions can be passed `stop`; processes have it already.
    opened : callable
        Makes an answer of what the executor gives.
    least : callable
        Gives the number of items that are at work or wait, however few workers there are.
    notes : list of str
        On how the work was done.
    """

    start: Callable[[], Any]
    count: Callable[[], int]
    stop: Any
    shared: bool = False
    opened: Callable[[Any], Any] = lambda found: found
    least: Callable[[], int] = lambda: 1
    notes: list[str] = field(default_factory=list)
    executor: Any = field(init=False)

    def __post_init__(self) -> None:
        self.executor = self.start()

    def give_up(self) -> None:
        """Tell the workers to stop, without waiting for them."""
        if isinstance(self.executor, Executor):
            # all items at once: a scheduler answers each call
            with suppress(ConnectionError):
                self.executor.withdraw()
        else:
            self.stop.set()

    def withdraw(self, waiting: Iterable[Any]) -> None:
        """Take back items that nobody waits for."""
        if isinstance(self.executor, Executor):
            self.give_up()
        # a pool of processes cancels its own: one that breaks just then cannot bear it
        elif not isinstance(self.executor, futures.ProcessPoolExecutor):
            for future in waiting:
                future.cancel()

    def restart(self) -> None:
        """Replace workers that have died."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        self.executor = self.start()


@contextmanager
def pool(scheduler: Any, workers: int, need: Need = NOTHING) -> Iterator[Pool]:
    """Start workers; at the end, and where the batch is stopped, they end.

    Parameters
    ----------
    scheduler : str or distributed.Client
        ``"threads"``, ``"processes"``, or a dask scheduler: its address, such as
        ``tcp://node1:8786``, its file, or a client.
    workers : int
        Number of threads or processes.
    need : Need
        Of the largest item, which bounds the items at a time in each worker of a cluster.

    Raises
    ------
    ValueError, ImportError, ConnectionError
        As `check_scheduler`.
    RuntimeError
        If no process starts, or a worker of a cluster has another version of the package.
    """
    check_scheduler(scheduler)
    if scheduler not in (THREADS, PROCESSES):
        with _cluster(scheduler, need) as made:
            yield made
        return
    made = _threads(workers) if scheduler == THREADS else _processes(workers)
    finished = False
    try:
        yield made
        finished = True
    finally:
        if not finished:
            made.stop.set()
        made.executor.shutdown(wait=True, cancel_futures=True)


def _threads(workers: int) -> Pool:
    # each with cores of its own: the threads of torch would wait for each other
    each = max(1, cores.workers() // workers)
    start = functools.partial(
        futures.ThreadPoolExecutor, workers, "batch", cores.give_thread, (each,)
    )
    return Pool(start, lambda: workers, threading.Event(), shared=True)


def _processes(workers: int) -> Pool:
    import multiprocessing

    # forks of a process with threads, as Qt's and torch's, may hang
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    each = max(1, cores.workers() // workers)

    def start() -> Any:
        return futures.ProcessPoolExecutor(workers, context, _begin, (stop, each))

    made = Pool(start, lambda: workers, stop)
    try:
        made.executor.submit(os.getpid).result()
    except BrokenProcessPool:
        raise RuntimeError(
            "no worker process starts; choose threads where the system allows no more processes "
            'or memory. A script that uses processes needs the line if __name__ == "__main__": '
            "before its first step"
        ) from None
    return made


def _begin(stop: Any, threads: int) -> None:
    """Prepare a worker process: few threads, and an end when that of the batch ends."""
    global _stop
    _stop = stop
    # Ctrl-C reaches all processes of a terminal: the batch decides when they end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # torch reads it when it is loaded
    os.environ["OMP_NUM_THREADS"] = str(threads)
    # the first filter reads it
    os.environ[variable("threads")] = str(threads)
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # nothing is left half-written: files have temporary names until they are complete
        os._exit(1)


def check_scheduler(scheduler: Any) -> None:
    """Refuse what is no scheduler, before a batch begins.

    Raises
    ------
    ValueError
        If it is no address, or a file that is not that of a scheduler.
    ImportError
        If dask.distributed is not installed.
    ConnectionError
        If no scheduler answers at the address.
    """
    if scheduler in (THREADS, PROCESSES):
        return
    if not is_place(scheduler):
        raise ValueError(
            f"scheduler is {str(scheduler)!r}; choose {THREADS}, {PROCESSES}, or the address of a "
            "dask scheduler such as tcp://node1:8786, or its file"
        )
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ImportError(
            f"scheduler {str(scheduler)!r} needs a package: pip install "
            f"'napari-visual-ccc[cluster]'; without it choose {THREADS} or {PROCESSES}"
        ) from None
    check(scheduler)


@contextmanager
def _cluster(scheduler: Any, need: Need) -> Iterator[Pool]:
    with connected(scheduler) as client:
        one = Executor(client, need)
        made = Pool(lambda: one, one.count, Withdrawn(), True, one.opened, one.least, one.notes)
        yield made


def stoppable(steps: Steps[T], stop: Any = None) -> T:
    """Run a computation in a worker, up to where the batch is stopped."""
    event = _stop if stop is None else stop

    def look(_: object) -> None:
        if event.is_set():
            raise StoppedError

    return run(steps, look)
