"""Every example runs, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))

# napari.run() would wait for a person
CLOSE = """
import runpy, sys
import napari
napari.run = lambda *a, **k: napari.current_viewer().close()
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_there_are_five():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_something(path):
    command = [sys.executable, "-W", "ignore", str(path)]
    if path.stem == "in_napari":
        command = [sys.executable, "-W", "ignore", "-c", CLOSE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
