"""NumPy arrays and archives."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import checks


@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_numpy_files_are_read(tmp_path, rng, limit, monkeypatch):
    monkeypatch.setattr(checks, "EAGER_BYTES", limit)
    image = rng.random((5, 20, 30)).astype(np.float32)
    np.save(tmp_path / "a.npy", image)
    found = formats.read(tmp_path / "a.npy")
    assert isinstance(found.data, da.Array) == (limit == 100)
    np.testing.assert_array_equal(found.data, image)
    np.save(tmp_path / "turned.npy", image.transpose(0, 2, 1))
    np.testing.assert_array_equal(
        formats.read(tmp_path / "turned.npy").data, image.transpose(0, 2, 1)
    )
    np.savez_compressed(tmp_path / "a.npz", one=image, two=image[0], words=np.arange(3))
    images = formats.read_all(tmp_path / "a.npz")
    assert [one.name for one in images] == ["a one", "a two"]
    np.testing.assert_array_equal(images[1].data, image[0])
    np.savez(tmp_path / "b.npz", facts=np.array([[{}]]), one=image)
    np.testing.assert_array_equal(formats.read(tmp_path / "b.npz").data, image)


def test_numpy_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}, {}]]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy: holds Python objects, .* save its numbers"):
        formats.read(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("at", "new", "said"),
    [(1, b"X", "its header cannot be read"), (30, b"\xff", "its header cannot be read"),
     (-1, b"", "is cut off or damaged: it claims 2,400 bytes")],
)  # fmt: skip
def test_a_damaged_numpy_file_is_told_in_our_words(tmp_path, at, new, said):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((20, 30), np.float32))
    raw = path.read_bytes()
    path.write_bytes(raw[:at] + (new + raw[at + 1 :] if new else b""))
    if not new:
        path.write_bytes(raw[:200])
    with pytest.raises(ValueError, match=rf"a\.npy: .*{said}.*get an intact copy"):
        formats.read(path)


@pytest.mark.parametrize("content", [b"", b"MZ" * 99, None])
def test_only_a_whole_array_is_left_to_napari(content, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 5)))
    assert formats.is_plain(path)
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    try:
        plain = formats.is_plain(path)
    except checks.UnreadableFileError:
        plain = False
    assert not plain
    with pytest.raises(ValueError, match=r"a\.npy"):
        formats.read(path)


@pytest.mark.parametrize("ending", [".npy", ".csv"])
def test_a_folder_of_the_name_of_a_file_is_not_left_to_napari(ending, tmp_path):
    (tmp_path / f"a{ending}").mkdir()
    assert not formats.is_plain(tmp_path / f"a{ending}")
