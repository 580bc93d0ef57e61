from __future__ import annotations

import pytest

from napari_visual_ccc.core import files


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    files.write_text("one", path)
    with pytest.raises(FileExistsError, match="--force"):
        files.write_text("two", path)
    assert path.read_text() == "one"
    files.write_text("two", path, force=True)
    assert path.read_text() == "two"


def test_a_failed_write_leaves_what_was_there_and_no_half_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.written(path, force=True) as part:
        part.write_text("ha")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["a.txt"]
