from __future__ import annotations

import os
import socket

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.copies import belonging
from napari_visual_ccc.io.folders import own_results, same_image
from napari_visual_ccc.io.read import checks, tiff
from napari_visual_ccc.io.tables import read_text_table

ZEROS = np.zeros((200, 300), np.uint8)
COLOUR = np.stack([ZEROS, ZEROS, ZEROS + 1], -1)


def deep_colour(path):
    import cv2

    cv2.imwrite(str(path), COLOUR.astype(np.uint16))


def hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=ZEROS, chunks=ZEROS.shape, compression="gzip")


def frames(path):
    first = Image.fromarray(ZEROS)
    first.save(path, save_all=True, append_images=[Image.fromarray(ZEROS + 9)])


# what is decoded whole: it takes more than this in memory
FREE = 59_000
DECODED = {
    "grey.png": lambda path: Image.fromarray(ZEROS).save(path),
    "palette.png": lambda path: Image.fromarray(ZEROS).convert("P").save(path),
    "bitmap.png": lambda path: Image.fromarray(ZEROS > 0).save(path),
    "deep.png": deep_colour,
    "a.jpg": lambda path: Image.fromarray(COLOUR).save(path),
    "inks.jpg": lambda path: Image.fromarray(COLOUR).convert("CMYK").save(path),
    "a.gif": frames,
    "a.webp": lambda path: Image.fromarray(COLOUR).save(path, lossless=True),
    "a.jp2": lambda path: Image.fromarray(ZEROS).save(path),
    "a.pgm": lambda path: path.write_text("P2 200 300 255 " + "0 " * 60_000),
    "a.pbm": lambda path: path.write_bytes(b"P4 304 200\n" + b"\0" * 38 * 200),
    "a.npz": lambda path: np.savez_compressed(path, a=ZEROS, b=ZEROS),
    "strip.tif": lambda path: tifffile.imwrite(path, ZEROS, compression="zlib"),
    "a.h5": hdf5,
    "a.zarr": lambda path: zarr.create_array(path, data=ZEROS, chunks=ZEROS.shape),
}


@pytest.mark.parametrize("name", DECODED)
def test_what_memory_does_not_hold_is_refused_before_it_is_decoded(name, tmp_path, monkeypatch):
    DECODED[name](tmp_path / name)
    assert formats.read(tmp_path / name).data.shape[-3:]
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    monkeypatch.setattr(checks, "available", lambda: FREE)
    with pytest.raises(ValueError, match=r"takes .* GB of memory while it is read, of which"):
        formats.read(tmp_path / name)


@pytest.mark.parametrize("name", ["tiles.tif", "plain.tif", "a.npy", "a.h5", "a.zarr"])
def test_what_is_read_in_parts_is_opened_with_little_memory(name, tmp_path, monkeypatch):
    image = np.arange(200 * 300, dtype=np.uint16).reshape(200, 300)
    if name == "a.h5":
        with h5py.File(tmp_path / name, "w") as file:
            file.create_dataset("a", data=image, chunks=(20, 30))
    elif name == "a.zarr":
        zarr.create_array(tmp_path / name, data=image, chunks=(20, 30))
    elif name == "a.npy":
        np.save(tmp_path / name, image)
    else:
        options = {"tile": (16, 16), "compression": "zlib"} if name == "tiles.tif" else {}
        tifffile.imwrite(tmp_path / name, image, **options)
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    # Zarr's chunks are joined to those that are worked on
    monkeypatch.setattr(checks, "available", lambda: FREE if name != "a.zarr" else 10 * FREE)
    np.testing.assert_array_equal(formats.read(tmp_path / name).data, image)


def test_the_message_has_numbers_that_can_be_read():
    with pytest.raises(checks.UnreadableFileError, match=r"takes 1,000\.0 GB .* GB are free; x"):
        checks.check_memory(10**12 * 1000 // 1000, "x")
    with pytest.raises(checks.UnreadableFileError, match=r"takes 1e\+21 GB of memory"):
        checks.check_memory(10**30, "x")


def test_pictures_of_few_bits_are_not_taken_for_damaged(tmp_path):
    image = np.zeros((3000, 3000), bool)
    image[7, 9] = True
    Image.fromarray(image).save(tmp_path / "a.png")
    data = formats.read(tmp_path / "a.png").data
    assert (data.shape, data[7, 9], data.sum()) == ((3000, 3000), 255, 255)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
def test_pipes_sockets_and_loops_beside_and_among_images_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png: is no file, but a pipe"):
        formats.read(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket.tif"))
    with pytest.raises(ValueError, match="is no file, but a pipe, a socket or a device"):
        formats.read(tmp_path / "socket.tif")
    (tmp_path / "loop.tif").symlink_to(tmp_path / "loop.tif")
    with pytest.raises(FileNotFoundError, match="no such file"):
        formats.read(tmp_path / "loop.tif")
    for k in range(3):
        tifffile.imwrite(tmp_path / f"s{k}.tif", ZEROS + k)
    # of a tilt series, and of results
    os.mkfifo(tmp_path / "s.mdoc")
    os.mkfifo(tmp_path / "s1.yaml")
    stack = formats.read(tmp_path)
    assert np.asarray(stack.data[:, 0, 0]).tolist() == [0, 1, 2]
    assert own_results(formats.slices_of(tmp_path)) == set()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
@pytest.mark.parametrize("ending", [".tif", ".png", ".npy"])
def test_the_viewer_waits_for_no_pipe(ending, tmp_path):
    """It asks whether a file is plain before one is read."""
    os.mkfifo(tmp_path / f"pipe{ending}")
    assert not formats.is_plain(tmp_path / f"pipe{ending}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
@pytest.mark.parametrize("name", ["a.emi", "a.zspy"])
def test_pipes_that_rosettasciio_would_read_are_refused(name, tmp_path):
    pytest.importorskip("rsciio")
    if name == "a.emi":
        (tmp_path / name).write_bytes(b"JL" + b"\0" * 100)
        os.mkfifo(tmp_path / "a_1.ser")
    else:
        zarr.open_group(tmp_path / name, mode="w", zarr_format=2)
        os.mkfifo(tmp_path / name / "0.0")
    with pytest.raises(ValueError, match="as a part of the image, which is no file"):
        formats.read(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
@pytest.mark.parametrize("ending", [*formats.SUFFIXES, ".ome.tif", ".csv", ".xlsx", ""])
def test_nothing_that_is_asked_of_a_file_waits_for_a_pipe(ending, tmp_path):
    paths = [tmp_path / f"{name}{ending}" for name in ("a", "a_1")]
    for path in paths:
        os.mkfifo(path)
    assert [formats.declared(one) for one in (*paths, tmp_path)] == [0, 0, 0]
    assert not any(ask(paths[1]) for ask in (formats.is_plain, formats.is_lossy, tiff.has_record))
    assert tiff.set_of(paths[0]) == set()
    assert own_results(paths) == set()
    belonging(paths)
    same_image(paths)
    formats.is_plain(tmp_path)
    for read in (formats.read_all, read_text_table):
        with pytest.raises(ValueError, match=r"is no file, but a pipe|not a kind of image"):
            read(paths[0])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
def test_the_header_of_an_image_in_several_files_waits_for_no_pipe(tmp_path):
    os.mkfifo(tmp_path / "b.ome.tif")
    about = f"""<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">
    <Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="{ZEROS.shape[1]}"
    SizeY="{ZEROS.shape[0]}" SizeZ="2" SizeC="1" SizeT="1"><TiffData FirstZ="0" IFD="0">
    <UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData><TiffData FirstZ="1" IFD="0">
    <UUID FileName="b.ome.tif">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>"""
    tifffile.imwrite(tmp_path / "a.ome.tif", ZEROS.astype("u1"), description=about)
    assert formats.declared(tmp_path / "a.ome.tif") == 0
    with pytest.raises(ValueError, match=r"names b\.ome\.tif as a part of the image"):
        formats.read(tmp_path / "a.ome.tif")
