"""HDF5 files are opened in a process of their own first."""

from __future__ import annotations

import sys

import h5py
import pytest

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
