from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import threading
import time

import pytest

from napari_visual_ccc.workflow.batch.cluster import scheduler
from napari_visual_ccc.workflow.batch.cluster.scheduler import check, connected, is_place, within
from napari_visual_ccc.workflow.batch.pool import pool
from napari_visual_ccc.workflow.batch.queue import each

pytest.importorskip("distributed")


@pytest.fixture
def silent():
    """Address of something that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("text", ["x", "", "[]", "1", '{"address": 3}', '{"address": "node1"}'])
def test_a_file_that_is_none_of_a_scheduler_is_said(tmp_path, text, monkeypatch):
    # how long it may still be written
    monkeypatch.setattr(scheduler, "_WRITING", 0.05)
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"bad\.json is not the file of a dask scheduler"):
        check(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is not the file"):
        check(file)


def test_what_is_no_scheduler_ends_with_one_sentence(tmp_path, silent, cluster, monkeypatch):
    monkeypatch.setattr(scheduler, "ANSWER", 1.0)
    with pytest.raises(ConnectionError, match="no dask scheduler answers at tcp://127") as found:
        check(silent)
    assert "\n" not in str(found.value)
    (worker,) = cluster.scheduler.workers
    with pytest.raises(ConnectionError, match="it is a worker of dask"):
        check(worker)
    # that of a scheduler that has ended
    file = tmp_path / "old.json"
    file.write_text(json.dumps({"address": "tcp://127.0.0.1:9"}))
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:9, which .*old\.json names"):
        check(file)


def test_the_command_ends_with_one_sentence_too(folder, tmp_path):
    file = tmp_path / "bad.json"
    file.write_text("x\n")
    words = [sys.executable, "-m", "napari_visual_ccc.cli.main", "batch", "threshold", str(folder)]
    words += ["-o", str(tmp_path / "out"), "--scheduler", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert "is not the file of a dask scheduler" in said


def test_an_address_and_a_file_lead_to_the_same_scheduler(cluster, tmp_path):
    file = tmp_path / "scheduler.json"
    cluster_at = cluster.scheduler_address
    file.write_text(json.dumps({"address": cluster_at}))
    for place in (cluster_at, cluster_at.removeprefix("tcp://"), file):
        assert is_place(place)
        with connected(place) as client:
            assert client.submit(int, "3").result() == 3
        assert client.status == "closed"
    with cluster.get_client() as given:
        with connected(given) as client:
            assert client is given
        assert given.status == "running"
    assert not is_place("threads of mine")


def test_a_scheduler_that_ends_in_the_middle_is_said_without_a_log(capfd, tmp_path):
    file = tmp_path / "scheduler.json"
    words = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0"]
    words += ["--no-dashboard", "--scheduler-file", str(file)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, **quiet) as process:
        while not file.exists():
            time.sleep(0.1)
        try:
            with (
                pytest.raises(ConnectionError, match="the connection to the scheduler is lost"),
                pool(file, 1) as made,
            ):
                for _ in each(made, str, range(3)):
                    process.kill()
        finally:
            process.kill()
    assert "distributed" not in capfd.readouterr().err
    assert logging.getLogger("distributed.client").level <= logging.CRITICAL


def test_what_never_answers_is_left():
    never = threading.Event()
    with pytest.raises(TimeoutError, match="no answer"):
        within(0.1, never.wait)
    never.set()
    assert within(60, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)
