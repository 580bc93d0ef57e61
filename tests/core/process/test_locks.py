from __future__ import annotations

import pytest

from napari_visual_ccc.core.process.locks import lock


def test_a_file_is_locked_until_it_is_closed(tmp_path):
    file = tmp_path / "a"
    with file.open("a+b") as one, file.open("a+b") as other:
        lock(one)
        with pytest.raises(BlockingIOError):
            lock(other)
        one.close()
        lock(other)
