import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
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
    (tmp_path / "token").write_bytes(b"\xff")
    assert main(["serve", "--token-file", str(tmp_path / "token")]) == 2
    assert "token is no text" in capsys.readouterr().err
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


def sent(address, megabytes, kind):
    """Status and message for an array of a size, as a form or as base64."""
    file = io.BytesIO()
    np.save(file, np.zeros(int(megabytes * (1 << 20)), np.uint8))
    if kind == "json":
        body = json.dumps({"data": base64.b64encode(file.getvalue()).decode(), "name": "a.npy"})
        body, kind = body.encode(), "application/json"
    else:
        head = 'Content-Disposition: form-data; name="file"; filename="a.npy"'
        body = f"--x\r\n{head}\r\n\r\n".encode() + file.getvalue() + b"\r\n--x--\r\n"
        kind = "multipart/form-data; boundary=x"
    request = urllib.request.Request(address, body, {"content-type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM")
def test_the_command_serves_until_it_is_stopped(tmp_path):
    words = [sys.executable, "-m", "napari_visual_ccc.cli", "serve", "--port", "0"]
    words += ["--megabytes", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            line = process.stdout.readline()
            address = re.match(r"http://127\.0\.0\.1:\d+/", line)[0]
            with urllib.request.urlopen(f"{address}api/health", timeout=60) as answer:
                assert answer.status == 200
            # the limit is that of the file, whichever way it comes
            for megabytes in (1.67, 8.58, 20):
                for kind in ("form", "json"):
                    status, told = sent(f"{address}api/jobs", megabytes, kind)
                    assert (status, "at most 1 MB" in told) == (413, True), (kind, told)
            # below it the image is taken: what it is asked for is missing
            for kind in ("form", "json"):
                status, told = sent(f"{address}api/jobs", 0.97, kind)
                assert (status, "operation must be" in told) == (422, True), told
            assert len(list(tmp_path.glob("visual-ccc-serve-*"))) == 1
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            assert process.returncode == 0
        finally:
            # an assertion that fails must not leave the test waiting for the server
            process.kill()
    assert list(tmp_path.glob("visual-ccc-serve-*")) == []
