from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_visual_ccc.core.settings import cores as module
from napari_visual_ccc.core.settings.cores import cores, workers
from tests.core.test_memory import put

FREE = {name: text for name, text in os.environ.items() if not name.startswith(("SLURM", "VISUAL"))}


@pytest.fixture
def eight(monkeypatch):
    """A process that may run on eight cores."""
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(module, "_may_run_on", lambda: 8)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        # a container of two and a half cores
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 3),
        # a service in a slice that is limited
        ({"proc/self/cgroup": "0::/lab.slice/page.service\n",
          "sys/fs/cgroup/lab.slice/cpu.max": "400000 100000\n",
          "sys/fs/cgroup/lab.slice/page.service/cpu.max": "max 100000\n"}, 4),
        ({"proc/self/cgroup": "9:cpu,cpuacct:/docker/abc\n0::/\n",
          "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"proc/self/cgroup": "9:cpu,cpuacct:/\n",
          "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 8),
        # a container that is granted more than there is
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "6400000 100000\n"}, 8),
    ],
)  # fmt: skip
def test_the_share_of_a_container_counts(eight, tmp_path, files, expected):
    put(tmp_path, files)
    assert cores(tmp_path) == expected


@pytest.mark.parametrize(("given", "expected"), [("2", 2), ("16", 8), ("", 8), ("two", 8)])
def test_a_job_of_a_cluster_has_its_own_cores(eight, monkeypatch, tmp_path, given, expected):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", given)
    assert cores(tmp_path) == expected


def test_the_setting_wins_over_the_cores(eight, monkeypatch):
    monkeypatch.setenv("VISUAL_CCC_THREADS", "3")
    assert workers() == 3
    monkeypatch.setenv("VISUAL_CCC_THREADS", "0")
    assert workers() == cores() <= 8


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds to cores")
def test_a_process_that_is_bound_to_a_core_counts_one():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from napari_visual_ccc.arrays.lazy import tile_workers\n"
        "from napari_visual_ccc.core.settings.cores import workers\n"
        "print(tile_workers(), workers())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=FREE, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1"]


def test_no_module_counts_the_cores_of_the_machine():
    folder = Path(module.__file__).parents[2]
    counting = [path for path in folder.rglob("*.py") if "cpu_count" in path.read_text("utf-8")]
    assert counting == [Path(module.__file__)]
