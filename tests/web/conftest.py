"""Real servers on free ports, and real files to send."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from napari_visual_ccc.web.server import serve
from napari_visual_ccc.web.settings import MEGABYTE, Limits, Settings

# what the tests wait for at most, in seconds
PATIENCE = 120

LIMITS = Limits(
    file_bytes=4 * MEGABYTE, text_bytes=2 * MEGABYTE, pixels=2_000_000, workers=1, waiting=2
)


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[str]:
    """Serve on a thread; the address."""
    started, found = threading.Event(), []

    def ready(address, server):
        found.extend([address, server])
        started.set()

    thread = threading.Thread(target=serve, args=(settings, ready))
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield found[0]
    finally:
        found[1].should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """A server as it is by default, with small limits."""
    with running(Settings(port=0, limits=LIMITS)) as one:
        yield one


class Described:
    """The document of an interface, to hold requests and answers against it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.paths = {
            re.compile(re.sub(r"{\w+}", "[^/]+", path)): told
            for path, told in document["paths"].items()
        }

    def of(self, path: str) -> dict[str, Any]:
        return next((told for known, told in self.paths.items() if known.fullmatch(path)), {})

    def errors(self, schema: dict[str, Any], value: Any) -> list[str]:
        jsonschema = pytest.importorskip("jsonschema")
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator.check_schema(schema)
        return [e.message for e in jsonschema.Draft202012Validator(whole).iter_errors(value)]

    def request(self, path: str, kind: str, body: dict[str, Any]) -> list[str]:
        """What the document has against a body."""
        schema = self.of(path)["post"]["requestBody"]["content"][kind]["schema"]
        return self.errors(schema, body)

    def check(self, answer: Any) -> None:
        """Insist that an answer is described: its address, status, headers and content."""
        told = self.of(answer.request.url.path).get(answer.request.method.lower())
        if told is None:
            # no address, or no method of it
            assert answer.status_code in (400, 403, 404, 405)
            return
        described = told["responses"][str(answer.status_code)]
        assert all(name in answer.headers for name in described.get("headers", ()))
        answer.read()
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if not answer.content:
            assert "content" not in described
        elif kind == "application/json":
            schema = described["content"][kind]["schema"]
            assert self.errors(schema, answer.json()) == []
        else:
            assert kind in described["content"]


@pytest.fixture(scope="session")
def described(address) -> Described:
    """What the server says of its interface."""
    httpx = pytest.importorskip("httpx")
    return Described(httpx.get(f"{address}api/schema", timeout=PATIENCE).json())


@pytest.fixture
def client(address, described) -> Iterator:
    """Sends requests; every answer must be as the interface is described."""
    httpx = pytest.importorskip("httpx")
    hooks = {"response": [described.check]}
    with httpx.Client(base_url=address, timeout=PATIENCE, event_hooks=hooks) as one:
        yield one


@pytest.fixture(scope="session")
def tiff16() -> bytes:
    """16-bit TIFF of two bright squares, with a pixel size of 2.5 nm."""
    import tifffile

    image = np.full((96, 128), 1000, np.uint16)
    image[20:40, 20:40] = image[50:80, 70:100] = 40_000
    file = io.BytesIO()
    tifffile.imwrite(
        file, image, imagej=True, resolution=(1 / 2.5, 1 / 2.5), metadata={"unit": "nm"}
    )
    return file.getvalue()


def png(width: int, height: int, rows: int) -> bytes:
    """PNG that states a size, with so many black rows of pixels in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((width + 1) * rows), 9)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.fixture
def post(client) -> Callable:
    """Send a file to an address, with choices."""

    def send(path: str, data: bytes, name: str = "a.png", **fields):
        return client.post(path, files={"file": (name, data)}, data=fields)

    return send
