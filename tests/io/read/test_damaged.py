"""Damaged, cut off, misnamed and contradictory files: one clear message each, and no harm."""

from __future__ import annotations

import json
import logging
import os
import re
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import pictures, rosetta, sidecar, tiff

from .made import HITACHI, JEOL, TESCAN, fei_text, signal, write_mrc, write_tags, zeiss_text

# a thousand for every format were run before each release: VCCC_FUZZ=1000
FLIPS = int(os.environ.get("VCCC_FUZZ", "20"))
ROOT = Path(__file__).parents[3]


def make_all(folder):
    """One file of every kind that needs no microscope."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (40, 50)).astype(np.uint8)
    stack = rng.integers(0, 60_000, (3, 40, 50)).astype(np.uint16)
    size = {"PhysicalSizeX": 2.0, "PhysicalSizeY": 2.0, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(folder / "ome.ome.tif", stack, metadata={"axes": "ZYX", **size})
    tifffile.imwrite(folder / "imagej.tif", stack, imagej=True, metadata={"unit": "nm"})
    tifffile.imwrite(folder / "tiles.tif", image, compression="zlib", tile=(16, 16))
    tifffile.imwrite(folder / "lzw.tif", image, compression="lzw", rowsperstrip=5)
    with tifffile.TiffWriter(folder / "pyramid.ome.tif", ome=True) as tif:
        tif.write(stack, subifds=1, tile=(16, 16), compression="zlib", metadata={"axes": "ZYX"})
        tif.write(stack[:, ::2, ::2], subfiletype=1, tile=(16, 16), compression="zlib")
    write_tags(folder / "zeiss.tif", image, (34118, zeiss_text()))
    write_tags(folder / "fei.tif", image, (34682, fei_text(Scan={"PixelWidth": 1e-9})))
    write_tags(folder / "tescan.tif", image, (50431, TESCAN.encode()))
    for name, text in [("a.png", JEOL), ("b.jpg", HITACHI), ("c.bmp", JEOL), ("d.tif", HITACHI)]:
        Image.fromarray(image).save(folder / name)
        (folder / name).with_suffix(".txt").write_text(text)
    Image.fromarray(image).save(folder / "e.png")
    (folder / "e.hdr").write_text(TESCAN)
    first, *others = (Image.fromarray(one) for one in stack)
    first.save(folder / "l.gif", save_all=True, append_images=others)
    first.save(folder / "m.webp", lossless=True)
    first.save(folder / "n.jp2")
    first.save(folder / "o.pgm")
    Image.fromarray(image.astype(np.float32)).save(folder / "p.pfm")
    np.save(folder / "f.npy", stack)
    np.savez_compressed(folder / "g.npz", one=stack, two=image)
    write_mrc(folder / "h.rec", stack.astype(np.float32))
    group = zarr.open_group(folder / "i.zarr", mode="w")
    group.create_array("0", data=stack, chunks=(1, 20, 25))
    scale = [{"type": "scale", "scale": [1, 2.0, 2.0]}]
    group.attrs["ome"] = {
        "multiscales": [
            {"axes": [{"name": one, "unit": "nanometer"} for one in "zyx"],
             "datasets": [{"path": "0", "coordinateTransformations": scale}]}
        ]
    }  # fmt: skip
    from rsciio import emd, hspy

    hspy.file_writer(str(folder / "j.hspy"), signal(stack.astype(np.float32)))
    emd.file_writer(str(folder / "k.emd"), signal(image.astype(np.float32)))
    return [one for one in sorted(folder.iterdir()) if one.suffix not in (".txt", ".hdr")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    pytest.importorskip("rsciio")
    return make_all(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def vendor(data):
    found = sorted((data / "formats").iterdir())
    return [one for one in found if one.suffix not in (".csv", ".md")]


def flipped(paths, count=FLIPS):
    """What goes wrong with damaged copies, read in a process with a bound on its memory."""
    words = [sys.executable, "-W", "ignore", "-m", "tests.flips", str(count), *map(str, paths)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="bounds on memory are Linux's")
def test_flipped_bytes_of_every_format_do_no_harm(whole):
    # HDF5 takes a process a reading
    slow = [one for one in whole if one.suffix in (".hspy", ".emd")]
    assert flipped([one for one in whole if one not in slow]) == {}
    assert flipped(slow, FLIPS if FLIPS > 60 else FLIPS // 4) == {}


@pytest.mark.data
@pytest.mark.skipif(sys.platform != "linux", reason="bounds on memory are Linux's")
def test_flipped_bytes_of_vendor_files_do_no_harm(vendor):
    assert flipped(vendor) == {}


def refused(path):
    """Read a bad file; its message, which must be one line that names it."""
    with pytest.raises((ValueError, OSError)) as caught:
        for one in formats.read_all(path):
            np.asarray(one.data)
    message = str(caught.value)
    assert str(path) in message
    assert len(message.splitlines()) == 1
    return message


def test_empty_and_cut_files_of_every_format_are_named(whole, tmp_path):
    for path in whole:
        if path.is_dir():
            continue
        copy = tmp_path / path.name
        copy.write_bytes(b"")
        assert "is empty" in refused(copy)
        raw = path.read_bytes()
        for length in (1, 20, len(raw) // 2):
            copy.write_bytes(raw[:length])
            if path.suffix == ".jpg" and length > 20:
                # Pillow gives what is there of a JPEG only where it is told to
                assert "cannot be read" in refused(copy)
            refused(copy)


@pytest.mark.data
def test_cut_vendor_files_are_named(vendor, tmp_path):
    for path in vendor:
        copy = tmp_path / path.name
        raw = path.read_bytes()
        for length in (0, 1, 100, len(raw) // 4):
            copy.write_bytes(raw[:length])
            refused(copy)


def test_a_file_of_another_kind_under_the_wrong_name_is_refused_or_read(whole, tmp_path):
    png = next(one for one in whole if one.name == "a.png").read_bytes()
    for suffix in formats.SUFFIXES:
        path = tmp_path / f"wrong{suffix}"
        path.write_bytes(png)
        if suffix in pictures.SUFFIXES:
            # Pillow goes by what is in a file
            assert formats.read(path).data.shape == (40, 50)
        else:
            refused(path)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    for suffix in (".tif", ".png", ".dm3", ".npy", ".zarr", ".mrc"):
        (tmp_path / f"a{suffix}").mkdir()
        assert "is a folder without images" in refused(tmp_path / f"a{suffix}")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "a.zarr").write_bytes(b"hello")
    refused(tmp_path / "a.zarr")


def test_an_emi_without_its_ser_is_named(tmp_path):
    pytest.importorskip("rsciio")
    (tmp_path / "a.emi").write_bytes(b"<ObjectInfo></ObjectInfo>" * 10)
    assert "its .ser files must lie beside it" in refused(tmp_path / "a.emi")


def tiff_header(width, height, compression=1, strips=((8, 8),)):
    """A TIFF of one page that claims any size."""
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression),
        (262, 3, 1, 1), (273, 4, 1, strips[0][0]), (277, 3, 1, 1), (278, 4, 1, height),
        (279, 4, 1, strips[0][1]),
    ]  # fmt: skip
    body = b"".join(struct.pack("<HHII", *one) for one in tags)
    return (
        struct.pack("<2sHI", b"II", 42, 16)
        + bytes(8)
        + struct.pack("<H", len(tags))
        + body
        + bytes(4)
    )


@pytest.mark.parametrize("compression", [1, 5, 8, 50000])
def test_a_header_of_more_than_4_gib_is_not_believed(tmp_path, compression):
    path = tmp_path / "huge.tif"
    path.write_bytes(tiff_header(100_000, 100_000, compression))
    assert "claims 10,000,000,000 bytes of pixels" in refused(path)


def test_strips_beyond_the_end_of_the_file_are_named(tmp_path):
    path = tmp_path / "far.tif"
    path.write_bytes(tiff_header(10, 10, strips=((0xFFFFFF00, 100),)))
    assert "cut off" in refused(path)


def test_a_numpy_header_of_any_size_is_not_believed(tmp_path):
    path = tmp_path / "huge.npy"
    np.save(path, np.zeros((10, 10)))
    raw = path.read_bytes()
    path.write_bytes(
        raw.replace(b"(10, 10)", b"(9999999, 9999999)"[:8]).replace(b"(9999999", b"(9,9999)")
    )
    refused(path)


def test_an_archive_that_blows_up_is_not_unpacked(tmp_path):
    import zipfile

    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("one.npy", bytes(40_000_000))
    assert "claims" in refused(path)


def test_an_image_without_pixels_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((0, 5)))
    refused(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros(5))
    assert "1 axis" in refused(tmp_path / "b.npy")
    np.save(tmp_path / "c.npy", np.array([["a", "b"]]))
    assert "no image" in refused(tmp_path / "c.npy")


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="needs rights to be taken away")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 5)))
    (tmp_path / "a.npy").chmod(0)
    with pytest.raises(PermissionError, match=r"a\.npy"):
        formats.read(tmp_path / "a.npy")


# any text beside an image, any number in it ------------------------------------------------------

WORDS = st.sampled_from(
    ["$CM_FULL_SIZE", "$$SM_MICRON_BAR", "$$SM_MICRON_MARKER", "[SemImageFile]", "PixelSize=",
     "DataSize=", "[MAIN]", "PixelSizeX=", "ImageStripSize=", "\n", "0", "-1", "1e999", "30x20",
     "nan", "1um", "30 20", "µ", "=", "999999999999", "AcceleratingVoltage=5 Volt"]
)  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=8), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_beside_an_image_leaves_it_readable(tmp_path, words):
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((26, 30), np.uint8)).save(path)
    text = " ".join(words).encode("utf-8", "replace")
    path.with_suffix(".txt").write_bytes(text)
    found = formats.read(path)
    assert found.data.shape == (26, 30)
    assert found.spacing is None or all(0 < size < np.inf for size in found.spacing)
    if found.info_bar is not None:
        found.info_bar.specimen(26, 30)


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_refused_in_one_line(tmp_path, raw):
    for suffix in (".tif", ".png", ".npy", ".dm3", ".ser", ".mrc", ".npz"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"II*\0" + raw if suffix == ".tif" else raw)
        refused(path)


def test_a_text_of_many_megabytes_is_not_read(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((26, 30), np.uint8)).save(path)
    path.with_suffix(".txt").write_text(JEOL + "\n" + "x" * (2 << 20))
    assert not sidecar.exists(path)


def test_what_tifffile_logs_belongs_to_the_thread_that_reads(tmp_path):
    """A damaged file in one thread must not make a good one in another be refused."""
    tifffile.imwrite(tmp_path / "good.tif", np.zeros((8, 8), np.uint8))
    logger, seen = logging.getLogger("tifffile"), []
    before = logger.propagate
    with tiff._capture_warnings() as messages:
        other = threading.Thread(target=logger.error, args=("invalid page offset of another",))
        other.start()
        other.join()
        logger.error("own")
        seen += messages
    assert seen == ["own"]
    assert logger.propagate is before
    with tiff._capture_warnings() as again:
        assert not again


def test_rosettasciio_is_not_silent_for_good(tmp_path):
    pytest.importorskip("rsciio")
    logger, started, go_on = logging.getLogger("rsciio"), threading.Event(), threading.Event()
    before = logger.level

    class Slow:
        @staticmethod
        def file_reader(path, **options):
            started.set()
            go_on.wait(60)
            return []

    first = threading.Thread(target=rosetta._called, args=(Slow, tmp_path, {}))
    second = threading.Thread(target=rosetta._called, args=(Slow, tmp_path, {}))
    first.start()
    started.wait(60)
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert logger.level == before


@pytest.mark.skipif(os.name != "posix", reason="has no pipes with a name")
def test_a_pipe_in_a_set_of_files_is_not_waited_for(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((2, 8, 8), np.uint8), ome=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as tif:
        told = tif.ome_metadata
    name = "b.ome.tif"
    part = f'<UUID FileName="{name}">urn:uuid:1</UUID>'
    wanted = f'<TiffData IFD="0" PlaneCount="2">{part}</TiffData>'
    changed = re.sub(r"<TiffData[^>]*/>", wanted, told)
    assert name in changed
    tifffile.imwrite(path, np.zeros((2, 8, 8), np.uint8), description=changed, metadata=None)
    os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match=r"names b\.ome\.tif as a part of the image"):
        formats.read(path)
