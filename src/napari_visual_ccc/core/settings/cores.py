"""Processor cores that this process may use: fewer than the machine has in jobs and containers."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path

from ..memory import control_groups
from .current import current

# of a job, by its scheduler
_OF_JOB = "SLURM_CPUS_PER_TASK"

# folders of the controller of the processor, for both versions of control groups
_FOLDERS = {"": "sys/fs/cgroup", "cpu": "sys/fs/cgroup/cpu"}


# of a thread that shares the machine with others: `number`
_thread = threading.local()


def give_thread(number: int) -> None:
    """Limit the calling thread to a number of cores, for networks."""
    _thread.number = number


def of_thread() -> int:
    """Cores that networks in the calling thread may use; 0 without a limit."""
    return getattr(_thread, "number", 0)


def workers() -> int:
    """Number of threads or processes: the setting ``threads``, or else the cores that are free."""
    return current().threads or cores()


def cores(root: Path = Path("/")) -> int:
    """Number of cores that this process may use, at least 1.

    The least of those that it may run on (``taskset``, a job of a cluster), of what the control
    groups of a container or service grant, and of ``SLURM_CPUS_PER_TASK``.

    Parameters
    ----------
    root : Path
        Of the file system.
    """
    of_job = os.environ.get(_OF_JOB, "")
    granted = [int(of_job)] if of_job.isdecimal() else []
    return max(1, min([_may_run_on(), *granted, *_quotas(root)]))


def _may_run_on() -> int:
    # macOS and Windows have no such function
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> list[int]:
    """Cores that control groups grant; a part of one counts as a whole one."""
    found = []
    for kind, folder in control_groups(root, _FOLDERS):
        time, period = _of_second_version(folder) if kind == "" else _of_first_version(folder)
        # the word max, or -1, is no limit
        if time.isdecimal() and period.isdecimal() and int(period):
            found.append(math.ceil(int(time) / int(period)))
    return found


def _of_second_version(folder: Path) -> tuple[str, str]:
    time, _, period = _text(folder / "cpu.max").partition(" ")
    return time, period


def _of_first_version(folder: Path) -> tuple[str, str]:
    return _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except OSError:
        return ""
