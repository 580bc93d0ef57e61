import subprocess
import sys
from pathlib import Path

import pytest

from napari_visual_ccc.core.settings import stored

# in a process of its own: napari reads the variable when it is imported
_COMPARE = """
from pathlib import Path
from napari.settings._napari_settings import _CFG_PATH
from napari_visual_ccc.core.settings import stored
assert stored.path() == Path(_CFG_PATH).parent / "napari-visual-ccc.yaml", stored.path()
"""


@pytest.mark.parametrize("named", [False, True])
def test_the_file_is_that_of_napari(named, tmp_path, monkeypatch):
    monkeypatch.delenv("NAPARI_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    if named:
        monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "own" / "napari.yaml"))
    subprocess.run([sys.executable, "-W", "ignore", "-c", _COMPARE], check=True)


def test_no_file_is_kept_where_napari_keeps_none(monkeypatch):
    monkeypatch.setenv("NAPARI_CONFIG", "")
    assert stored.path() is None
    assert stored.read() == {}
    with pytest.raises(OSError, match="NAPARI_CONFIG is empty"):
        stored.write("computing", "threads", 2)


def test_values_are_written_beside_others_and_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "settings.yaml"))
    assert stored.read() == {}
    stored.write("computing", "threads", 2)
    stored.write("computing", "device", "cpu")
    stored.write("display", "palette", "cividis")
    assert stored.read() == {
        "computing": {"threads": 2, "device": "cpu"}, "display": {"palette": "cividis"},
    }  # fmt: skip
    stored.remove()
    assert stored.read() == {}


@pytest.mark.parametrize("text", ["a: [", "\x00", "- 1"])
def test_a_damaged_file_is_left_out(text, tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "settings.yaml"))
    Path(tmp_path / "napari-visual-ccc.yaml").write_text(text)
    if text == "- 1":
        assert stored.read() == {}
        return
    with pytest.warns(UserWarning, match="cannot be read"):
        assert stored.read() == {}
