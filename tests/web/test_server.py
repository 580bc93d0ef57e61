import os
import socket
import stat
import subprocess
import sys

import pytest

from napari_visual_ccc.web import server
from napari_visual_ccc.web.settings import Settings


def test_the_folder_is_private_and_goes_at_the_end():
    with server.private_folder() as folder:
        assert folder.is_dir()
        if os.name == "posix":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_folders_of_killed_servers_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(server.tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, own, other = (
        tmp_path / f"visual-ccc-serve-{name}"
        for name in (f"{ended.pid}-a", f"{os.getpid()}-b", "x")
    )
    for one in (left, own, other):
        one.mkdir()
    server.remove_left_over()
    assert [one.exists() for one in (left, own, other)] == [False, True, True]


def test_the_number_of_a_process_does_not_keep_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(server.tempfile, "tempdir", str(tmp_path))
    with server.private_folder() as used:
        # of a killed server with the number of this one, as in a container
        left = tmp_path / f"visual-ccc-serve-{os.getpid()}-left"
        left.mkdir()
        (left / "lock").touch()
        server.remove_left_over()
        assert used.exists()
        assert not left.exists()


def test_the_lock_of_a_killed_server_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(server.tempfile, "tempdir", str(tmp_path))
    program = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from napari_visual_ccc.web import server\n"
        "with server.private_folder(): print(flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as killed:
        killed.stdout.readline()
        server.remove_left_over()
        assert len(list(tmp_path.iterdir())) == 1
        killed.kill()
    server.remove_left_over()
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):
        server.listening(Settings(port=taken.getsockname()[1]))


def test_a_missing_model_is_an_error_before_the_page(tmp_path):
    settings = Settings(model=tmp_path / "none.safetensors", port=0)
    with pytest.raises(FileNotFoundError, match="no such model"):
        server.serve(settings, lambda *_: None)
