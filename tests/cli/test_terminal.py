from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click
import numpy as np
import PIL.Image
import pytest

from napari_visual_ccc.cli import terminal
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.operations import OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_flags_have_the_defaults_of_the_signature(name):
    command = click.Command(name, params=terminal.options(name))
    values = command.make_context(name, []).params
    assert terminal.choices(name, values) == signature.checked(name, signature.defaults(name))


def test_a_flag_is_made_for_every_type():
    words = ["--no-symmetric", "--feature", "entropy", "--window", "7", "--distances", "1,2"]
    command = click.Command("glcm", params=terminal.options("glcm_features"))
    found = terminal.choices("glcm_features", command.make_context("glcm", words).params)
    assert (found["symmetric"], found["feature"]) == (False, "entropy")
    assert (found["window"], found["distances"]) == (7, "1,2")
    command = click.Command("classify", params=terminal.options("classify"))
    found = terminal.choices("classify", command.make_context("c", ["--model", "a.b"]).params)
    assert found["model"] == Path("a.b")


def test_a_value_beyond_its_limits_is_wrong_use():
    command = click.Command("kmeans", params=terminal.options("kmeans"))
    values = command.make_context("kmeans", ["--clusters", "99999"]).params
    with pytest.raises(click.UsageError, match="between 2 and 65535"):
        terminal.choices("kmeans", values)


def test_an_error_names_its_file_once(capsys):
    terminal.print_error(Path("a.tif"), ValueError("no image"))
    terminal.print_error(Path("a.tif"), ValueError("a.tif: no image"))
    terminal.print_error(Path("a.tif"), MemoryError("3 GB"))
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == second == "visual-ccc: a.tif: no image"
    assert third == "visual-ccc: a.tif: memory is full; take a part of the image (3 GB)"


def report(words, steps):
    """Progress of a command with the options of `terminal.talking`."""

    def run():
        show = terminal.bar("session")
        for step in steps:
            show(step)
        terminal.tell("a remark")

    click.Command("run", callback=run, params=terminal.talking()).main(words, standalone_mode=False)


EPOCH = Progress(3, 20, "epochs", {"epoch": 3, "loss": 0.25, "learning_rate": 1e-3})


def test_a_log_has_a_line_for_each_epoch_and_one_in_a_while(capsys, monkeypatch):
    images = Progress(4, 9, "images (1 failed)")
    steps = [Progress(1, 9, "training"), EPOCH, Progress(2, 0, "files"), images]
    report([], steps)
    epoch = "session: epochs 3 of 20, loss 0.25, learning rate 0.001"
    assert capsys.readouterr().err.splitlines() == [epoch, "a remark"]
    monkeypatch.setattr("napari_visual_ccc.core.progress.PAUSE", 0)
    report([], steps)
    assert capsys.readouterr().err.splitlines() == [
        "session: training 1 of 9", epoch, "session: files 2", "session: images 4 of 9 (1 failed)",
        "a remark",
    ]  # fmt: skip


def test_a_terminal_has_one_line_unless_lines_are_asked_for(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    report([], [EPOCH])
    assert "\rsession:  15 % epochs" in capsys.readouterr().err
    report(["-v"], [EPOCH])
    assert "epochs 3 of 20, loss 0.25" in capsys.readouterr().err


def test_a_quiet_command_says_errors_only(capsys):
    report(["-q"], [EPOCH])
    said = capsys.readouterr()
    assert said.out + said.err == ""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_signals_that_are_ignored_stay_so():
    # as in the background of a script: Ctrl+C there must not end a training
    before = (
        signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.signal(signal.SIGTERM, signal.SIG_IGN),
    )
    try:
        with terminal.stopping() as check:
            os.kill(os.getpid(), signal.SIGINT)
            check(Progress(0, 1))
        terminal.end_with_the_window()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def test_errors_of_the_system_name_the_file_first(tmp_path, capsys):
    path = tmp_path / ("n" * 300)
    assert main(["info", str(path)]) == 1
    assert capsys.readouterr().err == f"visual-ccc: {path}: file name too long\n"


def test_a_value_of_hundreds_of_letters_is_shortened(capsys):
    assert main(["cluster", "a.tif", "--clusters", "9" * 5000]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(f"'{'9' * 59}...{'9' * 19}' is not a valid integer.")
    assert terminal.shortened(f"/{'n' * 255}/a: no") == f"/{'n' * 255}/a: no"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_goes_through_quiet_commands(tmp_path):
    path = tmp_path / os.fsdecode(b"b\xff.png")
    PIL.Image.fromarray(np.eye(40, dtype=np.uint8)).save(path)
    for word in ("-q", "--json"):
        assert main(["threshold", str(path), "-o", f"{tmp_path}/{word}", word]) == 0
