from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from napari_visual_ccc.core.process.interrupts import ended_like_ctrl_c, second_ends_at_once

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")

# goes on after the first signal until it is ended by a second one, if words are given
WORK = """
import sys, time
from napari_visual_ccc.core.process.interrupts import second_ends_at_once
with second_ends_at_once():
    try:
        print("now", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("in order", flush=True)
        time.sleep(600 * len(sys.argv[1:]))
        raise
"""


def started(*words):
    return subprocess.Popen(
        [sys.executable, "-c", WORK, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
        # the background jobs of a shell do not hear Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_work_is_put_in_order_and_the_process_ends_as_by_the_signal(name):
    with started() as process:
        assert process.stdout.readline() == "now\n"
        process.send_signal(getattr(signal, name))
        assert process.stdout.readline() == "in order\n"
    number = getattr(signal, name)
    # what a shell makes of both is the same
    assert process.returncode == (-number if name == "SIGINT" else 128 + number)


@pytest.mark.parametrize(("first", "second"), [("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT")])
def test_the_second_signal_ends_the_process_at_once(first, second):
    with started("on") as process:
        assert process.stdout.readline() == "now\n"
        process.send_signal(getattr(signal, first))
        assert process.stdout.readline() == "in order\n"
        process.send_signal(getattr(signal, second))
    assert process.returncode == -getattr(signal, second)


def test_handlers_are_as_before_and_what_is_ignored_stays_so():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt), ended_like_ctrl_c(), second_ends_at_once():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
        with pytest.raises(SystemExit), second_ends_at_once():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGHUP, hangup)
