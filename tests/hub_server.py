"""A hub on this machine that speaks the protocol of Hugging Face, with one model."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0" * 39 + "1"


@contextmanager
def serve(name: str, files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of the hub, and the list of files that were downloaded from it."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET(body=False)

        def do_GET(self, body: bool = True) -> None:
            path = self.path.split("?")[0].strip("/")
            if path == f"api/models/{name}":
                self.answer(json.dumps(_about(name, files)).encode(), body)
            elif path.startswith(f"{name}/resolve/{COMMIT}/"):
                file = path.rsplit("/", 1)[1]
                if body:
                    asked.append(file)
                self.answer(files[file], body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def answer(self, content: bytes, body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def _about(name: str, files: dict[str, bytes]) -> dict[str, Any]:
    siblings = []
    for file, content in files.items():
        one: dict[str, Any] = {"rfilename": file, "size": len(content)}
        if file.endswith(".safetensors"):
            digest = hashlib.sha256(content).hexdigest()
            one["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
        siblings.append(one)
    return {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings}
