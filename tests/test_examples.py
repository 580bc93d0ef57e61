"""Every example runs, as a process of its own, and asks nothing of the network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))

# napari.run() would wait for a person
ALONE = """
import runpy, socket, sys

def refuse(*_):
    raise AssertionError("the network is wanted")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
if sys.argv[2:]:
    import napari
    napari.run = lambda *a, **k: napari.current_viewer().close()
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_there_are_ten():
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_without_a_network_and_says_something(path, tmp_path):
    viewer = ["viewer"] if path.stem == "in_napari" else []
    command = [sys.executable, "-W", "ignore", "-c", ALONE, str(path), *viewer]
    # no folder of models, which a download would have filled
    home = {"MPLBACKEND": "agg", "HF_HOME": str(tmp_path), "TORCH_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **home})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert not list(tmp_path.rglob("*.safetensors"))
