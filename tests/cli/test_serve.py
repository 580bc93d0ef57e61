import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from napari_visual_ccc.cli.main import main

pytest.importorskip("uvicorn")


def test_another_address_needs_permission_and_a_token(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("VISUAL_CCC_TOKEN", raising=False)
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    assert "--allow-remote" in capsys.readouterr().err
    assert main(["serve", "--host", "0.0.0.0", "--allow-remote"]) == 2
    assert "--token-file" in capsys.readouterr().err
    (tmp_path / "token").write_text("short\n")
    assert main(["serve", "--token-file", str(tmp_path / "token")]) == 2
    assert "too short" in capsys.readouterr().err


def test_an_empty_token_is_an_error_and_not_a_server_without_one(capsys, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("\n")
    assert main(["serve", "--token-file", str(tmp_path / "token")]) == 2
    assert "there is no token in" in capsys.readouterr().err
    monkeypatch.setenv("VISUAL_CCC_TOKEN", " ")
    assert main(["serve"]) == 2
    assert "there is no token in VISUAL_CCC_TOKEN" in capsys.readouterr().err
    # the end of a line is no part of it: this one is one character too short
    monkeypatch.setenv("VISUAL_CCC_TOKEN", 15 * "a" + "\n")
    assert main(["serve"]) == 2
    assert "too short" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM")
def test_the_command_serves_until_it_is_stopped(tmp_path):
    words = [sys.executable, "-m", "napari_visual_ccc.cli", "serve", "--port", "0"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        line = process.stdout.readline()
        address = re.match(r"http://127\.0\.0\.1:\d+/", line)[0]
        with urllib.request.urlopen(f"{address}api/health", timeout=60) as answer:
            assert answer.status == 200
        assert len(list(tmp_path.glob("visual-ccc-serve-*"))) == 1
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert process.returncode == 0
    assert list(tmp_path.glob("visual-ccc-serve-*")) == []
