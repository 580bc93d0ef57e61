import io
import os
import subprocess
import sys

import numpy as np
import pytest

from napari_visual_ccc.web.decoder import decode, load
from napari_visual_ccc.web.settings import Limits, Refused

from .conftest import png


def put(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def test_pixels_are_as_stored_with_their_size(tmp_path, tiff16):
    file = put(tmp_path, "image.tif", tiff16)
    decode(file, "two squares.tif", Limits())
    image = load(tmp_path, "two squares.tif")
    assert image.data.dtype == np.uint16
    assert image.data.shape == (96, 128)
    assert image.data.max() == 40_000
    assert image.spacing == pytest.approx((2.5, 2.5))
    assert image.unit == "nm"
    assert image.path is None
    # nothing is kept that is not needed
    assert not file.exists()


def refused(file, limits=None):
    with pytest.raises(Refused) as caught:
        decode(file, "sent.png", limits or Limits())
    assert str(file.parent) not in caught.value.message
    assert "sent.png" in caught.value.message
    assert not file.exists()
    return caught.value


def test_a_huge_size_is_refused_before_it_is_decoded(tmp_path):
    error = refused(put(tmp_path, "image.png", png(60_000, 60_000, 1)))
    assert error.status == 413
    assert "3,600 megapixels; this server takes 64" in error.message
    # one megapixel is not more than one
    error = refused(put(tmp_path, "image.png", png(1100, 1000, 1)), Limits(pixels=10**6))
    assert "has 1.1 megapixels; this server takes 1.0" in error.message


def test_a_decompression_bomb_is_refused(tmp_path):
    bomb = png(4000, 4000, 4000)
    assert len(bomb) < 20_000
    assert refused(put(tmp_path, "image.png", bomb), Limits(pixels=10**6)).status == 413


def test_a_damaged_file_is_an_error_of_the_client(tmp_path):
    assert refused(put(tmp_path, "image.png", png(64, 64, 8)[:-30])).status == 422


def test_objects_are_not_unpickled(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    file = io.BytesIO()
    np.save(file, np.array([[Harm()]], dtype=object))
    error = refused(put(tmp_path, "image.npy", file.getvalue()))
    assert "Python objects" in error.message
    assert not (tmp_path / "harm").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no limit on memory")
def test_memory_is_limited(tmp_path):
    with (tmp_path / "image.npz").open("wb") as file:
        np.savez_compressed(file, np.zeros((10_000, 25_000), np.uint8))
    limits = Limits(decode_bytes=300 << 20, pixels=10**9)
    error = refused(tmp_path / "image.npz", limits)
    assert error.status == 422
    assert "memory" in error.message


@pytest.mark.parametrize("name", ["decoded.npy", "decoded.json"])
def test_a_disk_that_takes_nothing_is_507_without_its_path(tmp_path, tiff16, name):
    # a folder in the place of the file
    (tmp_path / name).mkdir()
    with pytest.raises(Refused) as caught:
        decode(put(tmp_path, "image.tif", tiff16), "sent.tif", Limits())
    assert caught.value.status == 507
    assert str(tmp_path) not in caught.value.message
    assert name not in caught.value.message


def test_a_full_disk_is_507(tmp_path, tiff16, full_disk):
    with pytest.raises(Refused, match="disk may be full") as caught:
        decode(put(full_disk, "image.tif", tiff16), "sent.tif", Limits())
    assert caught.value.status == 507


@pytest.fixture
def full_disk(tmp_path):
    """A disk of 32 kB, where this user may mount one."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(where)]
    try:
        done = subprocess.run(mount, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("only the administrator can mount a disk")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def test_the_facts_are_whole_or_not_there(tmp_path, tiff16):
    decode(put(tmp_path, "image.tif", tiff16), "a.tif", Limits())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decoded.json", "decoded.npy"]


def test_time_is_limited(tmp_path, tiff16):
    error = refused(put(tmp_path, "image.tif", tiff16), Limits(decode_seconds=0))
    assert "too long" in error.message


def test_a_decoder_ends_with_its_job(tmp_path, tiff16):
    file = put(tmp_path, "image.tif", tiff16)
    asked = []

    def check():
        asked.append(file.exists())
        raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        decode(file, "a.tif", Limits(), check)
    assert asked == [True]
    assert list(tmp_path.iterdir()) == []
