"""Real servers on free ports, and real files to send."""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import zlib
from collections.abc import Callable, Iterator

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


@pytest.fixture
def client(address) -> Iterator:
    httpx = pytest.importorskip("httpx")
    with httpx.Client(base_url=address, timeout=PATIENCE) as one:
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
