from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.qt.threading import WorkerBase
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QCoreApplication, QThreadPool

from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.widgets.parts import jobs
from napari_visual_ccc.widgets.parts.jobs import Job, report


class Calls:
    """What a job called, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[object] = []

    def job(self, steps):
        return Job(
            steps,
            "Test",
            returned=lambda value: self._note("returned", value),
            failed=lambda error: self._note("failed", error),
            finished=lambda: self._note("finished", None),
            progressed=lambda progress: self._note("progressed", progress),
        )

    def _note(self, name, value):
        self.names.append(name)
        self.values.append(value)


@pytest.fixture
def calls():
    return Calls()


def result(value):
    yield Progress(1, 1)
    return value


def failure(error):
    yield Progress(1, 1)
    raise error


def endless(closed):
    try:
        while True:
            yield Progress(1, 2)
    finally:
        closed.append(True)


def test_the_result_arrives_then_the_end(qtbot, calls):
    job = calls.job(result(7))
    qtbot.waitUntil(lambda: not job.running)
    assert [name for name in calls.names if name != "progressed"] == ["returned", "finished"]
    assert 7 in calls.values


@pytest.mark.parametrize("error", [ValueError("bad"), RuntimeError("memory"), KeyError("fault")])
def test_every_error_arrives_then_the_end(qtbot, calls, error):
    job = calls.job(failure(error))
    qtbot.waitUntil(lambda: not job.running)
    assert [name for name in calls.names if name != "progressed"] == ["failed", "finished"]
    assert error in calls.values


def test_a_report_waits_until_the_last_one_is_shown(qtbot):
    shown: list[Progress] = []
    inside: list[int] = []

    def show(progress):
        before = len(shown)
        shown.append(progress)
        # as napari's bar does; a report inside of another ended the process
        qtbot.wait(100)
        inside.append(len(shown) - before - 1)

    def steps():
        while len(inside) < 3:
            time.sleep(0.005)
            yield Progress(1, 2)

    job = Job(steps(), "Test", returned=lambda _: None, finished=lambda: None, progressed=show)
    qtbot.waitUntil(lambda: not job.running)
    assert set(inside) == {0}


def test_after_cancel_only_the_end_arrives_and_the_work_is_closed(qtbot, calls):
    closed: list[bool] = []
    job = calls.job(endless(closed))
    qtbot.waitUntil(lambda: "progressed" in calls.names)
    job.cancel()
    before = len(calls.names)
    job.cancel()
    qtbot.waitUntil(lambda: not job.running)
    assert closed
    qtbot.wait(50)
    assert calls.names[before:] == ["finished"]


@pytest.fixture
def held():
    """Work that has begun and computes on until its gate opens."""
    begun, gate = threading.Event(), threading.Event()

    def steps():
        begun.set()
        gate.wait(30)
        yield Progress(1, 2)
        return 7

    yield steps, begun, gate
    gate.set()


def test_a_cancelled_job_is_stopping_until_its_thread_computes_no_more(qtbot, calls, held):
    steps, begun, gate = held
    said: list[str] = []
    job = calls.job(steps())
    assert begun.wait(30)
    job.cancel("Cancelled.", said.append)
    # the first reason counts
    job.cancel("Cancelled again.", said.append)
    QCoreApplication.processEvents()
    assert job.running and job.stopping
    assert (said, calls.names) == (["Stopping…"], [])
    gate.set()
    qtbot.waitUntil(lambda: not job.running)
    assert (said, calls.names) == (["Stopping…", "Cancelled."], ["finished"])


def test_a_job_that_stops_can_be_abandoned(qtbot, calls, held):
    steps, begun, gate = held
    job = calls.job(steps())
    assert begun.wait(30)
    job.cancel("Cancelled.", lambda text: calls._note("said", text))
    job.abandon()
    gate.set()
    WorkerBase.await_workers()
    QCoreApplication.processEvents()
    assert calls.values == ["Stopping…"]


def test_a_job_that_waits_for_a_thread_is_cancelled_at_once(qtbot, calls, held):
    steps, begun, gate = held
    pool = QThreadPool.globalInstance()
    threads = pool.maxThreadCount()
    pool.setMaxThreadCount(1)
    try:
        calls.job(steps())
        assert begun.wait(30)
        calls.job(result(7)).cancel()
        assert calls.names == ["finished"]
    finally:
        gate.set()
        WorkerBase.await_workers()
        pool.setMaxThreadCount(threads)


def test_an_abandoned_job_calls_nothing(qtbot, calls):
    closed: list[bool] = []
    job = calls.job(endless(closed))
    qtbot.waitUntil(lambda: "progressed" in calls.names)
    job.abandon()
    before = len(calls.names)
    qtbot.waitUntil(lambda: bool(closed))
    qtbot.wait(50)
    assert len(calls.names) == before
    assert "finished" not in calls.names


def test_expected_errors_are_reported_as_one_sentence(qapp):
    notification_manager.records.clear()
    report(ValueError("the image is empty"))
    report(MemoryError())
    assert [one.message for one in notification_manager.records] == [
        "the image is empty",
        "memory is full; take a part of the image, or close layers",
    ]


def test_a_bug_is_reported_with_its_traceback(qapp):
    notification_manager.records.clear()
    try:
        raise KeyError("fault")
    except KeyError as error:
        report(error)
    (record,) = notification_manager.records
    assert isinstance(record.exception, KeyError)


def test_an_error_that_is_no_exception_is_reported(qtbot, calls):
    job = calls.job(failure(KeyboardInterrupt("stop")))
    qtbot.waitUntil(lambda: not job.running)
    assert "failed" in calls.names
    (error,) = [one for one in calls.values if isinstance(one, RuntimeError)]
    assert str(error) == "KeyboardInterrupt: stop"


def test_the_end_of_the_application_ends_jobs_that_run_or_wait(qtbot, calls, capfd):
    """Nothing deletes the signals of a worker while its thread may emit them."""
    closed: list[bool] = []
    worked = [calls.job(endless(closed)) for _ in range(8)]
    qtbot.waitUntil(lambda: "progressed" in calls.names)
    signals = {job._worker.signals for job in worked}
    # the end of the application deletes what it owns
    assert all(one.parent() is None for one in signals)
    for job in worked:
        job.abandon()
    # as napari does it: it asks its workers to quit, and waits for the pool
    WorkerBase.await_workers()
    assert signals <= jobs._emitting
    # those that waited had nothing to close
    assert 1 <= len(closed) <= 8
    assert "Error" not in capfd.readouterr().err
    qtbot.waitUntil(lambda: not signals & jobs._emitting)


@pytest.fixture
def model():
    model = ViewerModel()
    for name in ("used", "other"):
        model.add_image(np.zeros((3, 3)), name=name)
    return model


def test_a_job_stops_with_a_layer_it_needs_and_says_why(qtbot, calls, model):
    closed: list[bool] = []
    job = calls.job(endless(closed))
    job.need([model.layers["used"]], model, lambda reason: calls._note("lost", reason))
    qtbot.waitUntil(lambda: "progressed" in calls.names)
    model.layers.remove("other")
    assert job.running
    model.layers.remove("used")
    qtbot.waitUntil(lambda: not job.running)
    assert calls.names[-2:] == ["lost", "finished"]
    assert calls.values[-2] == "Cancelled: used was removed."
    assert closed


@pytest.mark.parametrize("end", ["cancel", "abandon", "its end", "never"])
def test_a_job_that_has_ended_watches_no_layers(qtbot, calls, model, end):
    watching = len(model.layers.events.removed.callbacks)
    job = calls.job(result(7) if end == "its end" else endless([]))
    layers = [] if end == "never" else list(model.layers)
    job.need(layers, model, lambda reason: calls._note("lost", reason))
    assert len(model.layers.events.removed.callbacks) == watching + bool(layers)
    if end == "its end":
        qtbot.waitUntil(lambda: not job.running)
    else:
        (job.abandon if end == "abandon" else job.cancel)()
    assert len(model.layers.events.removed.callbacks) == watching
    model.layers.clear()
    assert "lost" not in calls.names
