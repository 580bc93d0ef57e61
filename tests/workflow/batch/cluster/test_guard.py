from __future__ import annotations

import time

import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow.batch.cluster.executor import Executor
from napari_visual_ccc.workflow.batch.cluster.guard import RUN, asking, refusal
from napari_visual_ccc.workflow.batch.cluster.need import NOTHING
from napari_visual_ccc.workflow.batch.job import make_job
from napari_visual_ccc.workflow.batch.run import WAITING, Settings, batching
from napari_visual_ccc.workflow.save import NOTHING as NO_FILES

_OLD = '__version__ = "0.0.9"\n'


def test_a_worker_of_the_same_version_takes_part(cluster):
    with cluster.get_client() as client:
        (found,) = client.run(eval, RUN, asking()).values()
    assert found["version"] == ccc.__version__
    assert refusal({**found, "name": "node7", "address": "tcp://node7:1"}) == ""


def test_another_python_answers_before_it_reads_anything(cluster):
    asked = asking(b"no pickle")
    asked["given"] = ("2.7", *asked["given"][1:])
    with cluster.get_client() as client:
        found = client.submit(eval, RUN, asked, pure=False).result()
    assert "answer" not in found
    sentence = refusal({**found, "python": "2.7"})
    address = found["address"]
    assert f"the worker 0 ({address}) has Python 2.7, and the batch has Python 3." in sentence


def test_a_worker_of_another_version_does_no_image(folder, tmp_path, empty, other_worker):
    address, out = empty.scheduler_address, tmp_path / "out"
    said = (
        rf"worker other \(tcp.*\) has napari-visual-ccc 0.0.9, and the batch has {ccc.__version__}"
    )
    steps = batching(folder, make_job("threshold", None, out, formats=NO_FILES), Settings(address))
    while next(steps).note != WAITING:
        pass
    # it joins when the batch is at work
    with (
        other_worker(address, _OLD),
        pytest.raises(RuntimeError, match=said),
    ):
        for _ in steps:
            pass
    assert '"image"' not in (out / "batch.jsonl").read_text()


def test_a_worker_of_another_version_is_refused_before_the_first_image(cluster, other_worker):
    with cluster.get_client() as client, other_worker(cluster.scheduler_address, _OLD, "old"):
        # beside one of this version
        client.wait_for_workers(2)
        with pytest.raises(RuntimeError, match=r"worker old .* has napari-visual-ccc 0\.0\.9"):
            Executor(client, NOTHING)
    while len(cluster.scheduler.workers) > 1:
        time.sleep(0.1)


def test_a_worker_without_the_package_is_named(folder, tmp_path, empty, other_worker):
    address = empty.scheduler_address
    lacking = "raise ModuleNotFoundError(\"No module named 'napari_visual_ccc'\")\n"
    with (
        other_worker(address, lacking, "bare"),
        pytest.raises(RuntimeError, match=r"worker bare .* cannot load .*No module named 'napari"),
    ):
        ccc.batch(folder, "threshold", tmp_path / "out", scheduler=address)
