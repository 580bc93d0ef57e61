"""HDF5 files are opened in a process of their own first."""

from __future__ import annotations

import functools
import os
import sys
import zlib

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


@functools.cache
def squeezed(count, level):
    """So many mebibytes of zeros, compressed."""
    packing = zlib.compressobj(level)
    return b"".join(packing.compress(bytes(1 << 20)) for _ in range(count)) + packing.flush()


def bomb(path, side, count, places=((0, 0),), shape=(4096, 4096), level=9, **options):
    """Write an image with a chunk of so many mebibytes of zeros, compressed once."""
    with h5py.File(path, "w") as file:
        one = file.create_dataset(
            "a", shape, "u1", chunks=(side, side), compression="gzip", **options
        )
        one[:8, :8] = 7
        one[side : side + 8, side : side + 8] = 7
        for place in places:
            one.id.write_direct_chunk(place, squeezed(count, level))
    return path


def test_a_chunk_that_is_larger_than_it_can_be_is_refused_before_it_is_inflated(tmp_path):
    path = bomb(tmp_path / "a.h5", 256, 60, level=1)
    with pytest.raises(ValueError, match=r"a\.h5.* a chunk of a has .* and can have 196,608"):
        formats.read(path)


@pytest.mark.parametrize("options", [{}, {"shuffle": True, "fletcher32": True}])
def test_a_chunk_that_inflates_to_more_than_it_can_have_is_refused(tmp_path, options):
    # smaller in the file than it can be
    path = bomb(tmp_path / "a.h5", 1024, 600, **options)
    with pytest.raises(ValueError, match=r"a\.h5.* a chunk of a inflates to more"):
        formats.read(path)


def test_a_chunk_of_a_large_array_is_looked_at_when_it_is_read(tmp_path):
    path = bomb(tmp_path / "a.h5", 1024, 600, ((1024, 1024),), (8192, 10000))
    image = formats.read(path).data
    assert np.asarray(image[:8, :8]).sum() == 7 * 64 and not np.asarray(image[-8:, ::-1]).any()
    for part in (image[1030:1020:-1, 1024:], image[2000, 2000], image):
        with pytest.raises(ValueError, match=r"a\.h5: is damaged: a chunk of a inflates to more"):
            np.asarray(part)


def test_chunks_that_are_compressed_twice_are_refused(tmp_path):
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((64, 64))
    settings.set_deflate(9)
    settings.set_deflate(9)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space = h5py.h5s.create_simple((64, 64))
        h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_UINT8, space, settings)
    with pytest.raises(ValueError, match=r"a\.h5: compresses a several times; save it with one"):
        formats.read(tmp_path / "a.h5")


def test_a_chunk_of_lzf_may_be_a_bomb_too(tmp_path):
    # a zero, and runs of 264 bytes that repeat it
    raw = bytes([0, 0]) + bytes([7 << 5, 255, 0]) * 2_400_000
    with h5py.File(tmp_path / "a.h5", "w") as file:
        one = file.create_dataset("a", (2048, 2048), "u1", chunks=(2048, 2048), compression="lzf")
        one[0, 0] = 1
        one.id.write_direct_chunk((0, 0), raw)
    with pytest.raises(ValueError, match=r"a\.h5.* a chunk of a inflates to more"):
        formats.read(tmp_path / "a.h5")
