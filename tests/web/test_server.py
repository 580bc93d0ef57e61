import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_visual_ccc import samples
from napari_visual_ccc.web import server
from napari_visual_ccc.web.settings import Settings

from .conftest import PATIENCE, running


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


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_signals_end_a_busy_server_which_leaves_nothing_and_starts_again(tmp_path):
    httpx = pytest.importorskip("httpx")
    image = (samples.FOLDER / "nanoparticles.png").read_bytes()
    files = {"file": ("a.png", image)}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    words = [sys.executable, "-m", "napari_visual_ccc.cli", "serve", "--port", port]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    for number in (signal.SIGTERM, signal.SIGINT):
        # in the background of a script it is ignored, and stays so
        on_ctrl_c = signal.SIG_IGN if number == signal.SIGTERM else signal.SIG_DFL
        with subprocess.Popen(
            [*words, "--workers", "1", "--queue", "4"], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda how=on_ctrl_c: signal.signal(signal.SIGINT, how),
        ) as program:  # fmt: skip
            address = program.stdout.readline().split()[0]
            if number == signal.SIGTERM:
                program.send_signal(signal.SIGINT)
            with ThreadPoolExecutor() as pool, httpx.Client(timeout=PATIENCE) as client:
                kinds = ("explain", "activations")
                waiting = [
                    pool.submit(client.post, f"{address}api/{one}", files=files) for one in kinds
                ]
                while client.get(f"{address}api/health").json()["waiting"] < 1:
                    time.sleep(0.02)
                queued = {"operation": "threshold"}
                sent = client.post(f"{address}api/jobs", files=files, data=queued)
                assert sent.status_code == 202
                program.send_signal(number)
                answers = [one.result() for one in waiting]
            _, said = program.communicate(timeout=PATIENCE)
        assert (program.returncode, said) == (0, "")
        for answer in answers:
            assert answer.status_code == 503
            assert "is stopping" in answer.json()["error"]
            assert answer.headers["retry-after"]
        assert not list(tmp_path.glob("visual-ccc-serve-*"))


def test_a_missing_model_is_an_error_before_the_page(tmp_path):
    settings = Settings(model=tmp_path / "none.safetensors", port=0)
    with pytest.raises(FileNotFoundError, match="no such model"):
        server.serve(settings, lambda *_: None)


def test_a_connection_whose_request_does_not_come_is_closed(monkeypatch):
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(server, "KEEP_SECONDS", 1)
    with running(Settings(port=0)) as address:
        place = address.removeprefix("http://").rstrip("/").rsplit(":", 1)
        where = (place[0], int(place[1]))
        for begun in (
            b"",
            b"GET / HTTP/1.1\r\nHost: a",
            b"GET /none HTTP/1.1\r\nHost: a\r\n\r\nGET",
        ):
            with socket.create_connection(where, timeout=PATIENCE) as waiting:
                waiting.sendall(begun)
                answered = waiting.recv(4096) if begun.endswith(b"GET") else b""
                while waiting.recv(4096):
                    pass
            assert answered.startswith(b"HTTP/1.1 4") or not begun.endswith(b"GET")
        with socket.create_connection(where, timeout=PATIENCE) as asking:
            asking.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert asking.recv(4096).startswith(b"HTTP/1.1 200")
