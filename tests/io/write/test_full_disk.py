"""A disk that becomes full is an error that names the file: nothing ends, nothing half stays."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

zarr = pytest.importorskip("zarr", minversion="3")

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
import pandas as pd
from napari_visual_ccc.core.files import check_writable, write_table, write_text
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io.write.images import write_image

folder = Path(sys.argv[1])
pixels = np.random.default_rng(0).integers(0, 65535, (8, 300, 300)).astype(np.uint16)

def image(name, kind):
    return lambda: run(write_image(Micrograph(pixels), folder / name, format=kind))

acts = {
    "a.tif": image("a.tif", "imagej"),
    "a.ome.tif": image("a.ome.tif", "ome-tiff"),
    "a.ome.zarr": image("a.ome.zarr", "ome-zarr"),
    "b.ome.zarr": image("b.ome.zarr", "ome-zarr-0.4"),
    "a.csv": lambda: write_table(pd.DataFrame({"a": pixels.ravel()}), folder / "a.csv"),
    "a.txt": lambda: write_text("x" * (1 << 21), folder / "a.txt"),
}
for name, act in acts.items():
    try:
        act()
    except OSError as error:
        assert str(folder / name) in str(error), error
        assert "No space left on device" in str(error), error
    else:
        raise AssertionError(name)
    assert not list(folder.iterdir()), list(folder.iterdir())
(folder / "filling").write_bytes(b"")
with (folder / "filling").open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
try:
    check_writable(folder / "model.safetensors")
except OSError as error:
    assert "No space left on device" in str(error)
else:
    raise AssertionError("writable")
"""


@pytest.fixture
def small_disk(tmp_path):
    """Command that mounts a disk of 256 kB over a folder and runs another command."""
    if shutil.which("unshare") is None:
        pytest.skip("needs Linux")
    mount = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=256k tmpfs "$0" && exec "$@"']
    if subprocess.run([*mount, str(tmp_path), "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    return [*mount, str(tmp_path)]


def test_a_full_disk_is_an_error(small_disk, tmp_path):
    done = subprocess.run(
        [*small_disk, sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
