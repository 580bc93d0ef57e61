"""HDF5 files are opened in a process of their own first."""

from __future__ import annotations

import os
import sys

import h5py
import numpy as np
import pytest

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import probe


def test_a_good_file_and_one_that_only_raises_do_no_harm(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/image"] = [[1, 2], [3, 4]]
        file["deep"].attrs["unit"] = "nm"
    assert probe.fault(tmp_path / "a.h5") == ""
    (tmp_path / "b.h5").write_bytes(b"no HDF5")
    assert probe.fault(tmp_path / "b.h5") == ""


# as the program that is tried limits itself
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2]) + 1))
while True:
    pass
"""


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os; os.abort()", "is damaged beyond what can be read"),
        ("import time; time.sleep(60)", "reading it does not end"),
        (LIMITED, "reading it does not end"),
    ],
)
def test_a_crash_and_an_endless_look_are_faults(tmp_path, monkeypatch, program, message):
    path = tmp_path / "a.h5"
    path.write_bytes(b"x")
    (tmp_path / "look.py").write_text(program)
    monkeypatch.setattr(probe, "__file__", str(tmp_path / "look.py"))
    monkeypatch.setattr(probe, "_SECONDS", 1)
    # the one that sleeps must not be waited for as long as one that a busy machine delays
    monkeypatch.setattr(probe, "_BUSY", 2 if "sleep" in program else 600)
    if sys.platform == "win32" and ("abort" in program or program == LIMITED):
        pytest.skip("an abort opens a window there")
    assert message in probe.fault(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
@pytest.mark.parametrize("kind", ["link", "storage", "virtual", "chain"])
def test_a_pipe_that_a_file_reads_from_is_refused(tmp_path, kind):
    os.mkfifo(tmp_path / "pipe")
    layout = h5py.VirtualLayout((8, 8), "u1")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["there"] = np.zeros((8, 8), np.uint8)
        if kind == "link":
            file["x"] = h5py.ExternalLink("pipe", "/x")
        elif kind == "storage":
            file.create_dataset("x", (8, 8), "u1", external=[(str(tmp_path / "pipe"), 0, 64)])
        elif kind == "virtual":
            layout[:] = h5py.VirtualSource("pipe", "x", (8, 8))
            file.create_virtual_dataset("x", layout)
        else:
            with h5py.File(tmp_path / "b.h5", "w") as other:
                other["x"] = h5py.ExternalLink("pipe", "/x")
            layout[:] = h5py.VirtualSource("b.h5", "x", (8, 8))
            file.create_virtual_dataset("x", layout)
    with pytest.raises(ValueError, match="pipe as a part of the image, which is no file"):
        formats.read(tmp_path / "a.h5")
