import os
import platform
import subprocess
import sys

import pytest

from napari_visual_ccc.core.memory import _left_in_groups, available, full, shortage

GB = 10**9


def put(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def test_the_memory_of_this_machine_is_known():
    assert 0 < available() < 1 << 60


@pytest.mark.parametrize(
    ("files", "left"),
    [
        # a container: its group is the top of what it sees
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{6 * GB}\n",
          "sys/fs/cgroup/memory.current": f"{2 * GB}\n",
          "sys/fs/cgroup/memory.stat": f"anon 1\ninactive_file {GB}\n"}, 5 * GB),
        # a service without a limit of its own in a slice that has one
        ({"proc/self/cgroup": "0::/lab.slice/page.service\n",
          "sys/fs/cgroup/lab.slice/memory.max": f"{3 * GB}",
          "sys/fs/cgroup/lab.slice/memory.current": f"{GB}",
          "sys/fs/cgroup/lab.slice/page.service/memory.max": "max\n",
          "sys/fs/cgroup/lab.slice/page.service/memory.current": f"{GB}"}, 2 * GB),
        # the first version; the path is one of the host
        ({"proc/self/cgroup": "9:cpu,cpuacct:/\n4:memory:/docker/abc\n0::/\n",
          "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{4 * GB}\n",
          "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{3 * GB}\n",
          "sys/fs/cgroup/memory/memory.stat": f"total_inactive_file {GB}\n"}, 2 * GB),
        # more is used than was allowed since
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1",
          "sys/fs/cgroup/memory.current": "2"}, 0),
    ],
)  # fmt: skip
def test_the_limit_of_a_container_counts(tmp_path, files, left):
    put(tmp_path, files)
    assert min(_left_in_groups(tmp_path)) == left


def test_without_groups_there_is_no_limit(tmp_path):
    assert min(_left_in_groups(tmp_path)) > 1 << 60
    put(tmp_path, {"proc/self/cgroup": "0::/\n"})
    assert min(_left_in_groups(tmp_path)) > 1 << 60


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the C library of Linux")
def test_freed_arrays_are_used_again():
    code = (
        "import resource, numpy as np\n"
        "from napari_visual_ccc.core.memory import reuse_freed\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(20):\n"
        "        np.ones(1 << 21), np.ones(1 << 20)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "first = faults()\n"
        "reuse_freed()\n"
        "faults()\n"
        "print(first, faults())"
    )
    # a cluster of an earlier test may have left limits of its own, which turn this off
    env = {key: one for key, one in os.environ.items() if not key.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    first, after = map(int, done.stdout.split())
    assert after < first / 4


def test_what_does_not_fit_is_told_with_both_numbers():
    assert shortage(5, 5, "cut it") == ""
    told = shortage(3 * 10**9, 10**9, "cut it")
    assert told == "takes 3.0 GB of memory while it is read, of which 1.0 GB are free; cut it"


def test_a_full_memory_is_told_once():
    error = MemoryError("Unable to allocate 4 TiB")
    told = full(error)
    assert told == "memory is full; take a part of the image (Unable to allocate 4 TiB)"
    again = MemoryError(told)
    again.__cause__ = error
    assert full(again) == told
    assert full(MemoryError(), "wait") == "memory is full; wait"
