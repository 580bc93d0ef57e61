from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest


@pytest.fixture(scope="package")
def cluster():
    """One worker with three threads and 2 GB, in a process of its own."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=3, memory_limit="2GB", dashboard_address=":0",
        silence_logs=50,
    ) as made:  # fmt: skip
        yield made


@pytest.fixture
def empty():
    """A cluster that has no worker yet."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as made:
        yield made


@pytest.fixture
def other_worker(tmp_path):
    """Start a worker of a scheduler whose package is the given text."""

    @contextmanager
    def started(address, text, name="other"):
        package = tmp_path / name / "napari_visual_ccc"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(text)
        words = [sys.executable, "-m", "distributed.cli.dask_worker", address]
        words += ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name]
        process = subprocess.Popen(
            words, env={**os.environ, "PYTHONPATH": str(package.parent)}, cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    return started
