"""Every example runs, by its own names alone, and asks nothing of the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))

# one process for all: libraries take longer to import than most examples to run.
# napari.run() would wait for a person
ALONE = """
import contextlib, io, json, runpy, socket, sys, traceback

def refuse(*_):
    raise AssertionError("the network is wanted")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
found = {}
for path in sys.argv[1:]:
    said, fault = io.StringIO(), ""
    if path.endswith("in_napari.py"):
        import napari
        napari.run = lambda *a, **k: napari.current_viewer().close()
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(path, run_name="__main__")
    except BaseException:
        fault = traceback.format_exc()
    found[path] = (said.getvalue(), fault)
    if (plots := sys.modules.get("matplotlib.pyplot")) is not None:
        plots.close("all")
print(json.dumps(found))
"""


def test_there_are_ten():
    assert len(EXAMPLES) >= 10


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What each example has said and its fault, and the folder of the models that were fetched."""
    models = tmp_path_factory.mktemp("models")
    # the example that loads the libraries of the viewer runs last: the others must not need them
    paths = sorted(map(str, EXAMPLES), key=lambda path: path.endswith("in_napari.py"))
    command = [sys.executable, "-W", "ignore", "-c", ALONE, *paths]
    # no folder of models, which a download would have filled
    home = {"MPLBACKEND": "agg", "HF_HOME": str(models), "TORCH_HOME": str(models)}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **home})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), models


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_without_a_network_and_says_something(path, ran):
    found, models = ran
    said, fault = found[str(path)]
    assert not fault, fault
    assert said.strip()
    assert not list(models.rglob("*.safetensors"))
