"""Start the server, and leave nothing behind when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .settings import Settings

if TYPE_CHECKING:
    import uvicorn

# the head of a request must come within this time
HEAD_SECONDS = 20

# how long a connection stays open for a further request
KEEP_SECONDS = 10

_FOLDER, _LOCK = "visual-ccc-serve-", "lock"


def serve(settings: Settings, ready: Callable[[str, uvicorn.Server], None]) -> None:
    """Serve the page until interrupted.

    Parameters
    ----------
    settings : Settings
        Checked.
    ready : callable
        Called with the address, and the server, whose ``should_exit`` ends it, when it listens.

    Raises
    ------
    ImportError
        If the packages of the extra are missing.
    ValueError, FileNotFoundError
        If model or recipe cannot be read.
    OSError
        If the address cannot be listened on.
    """
    try:
        import uvicorn

        from .app import make_app, make_jobs
    except ImportError as error:
        raise ImportError(
            f"the web page needs more packages: pip install napari-visual-ccc[web] ({error})"
        ) from None
    _check_files(settings)
    # the libraries are loaded: a search for garbage after every job need not look at them
    gc.freeze()
    with listening(settings) as open_socket, private_folder() as folder:
        port = open_socket.getsockname()[1]
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        jobs = make_jobs(settings, folder)
        config = uvicorn.Config(
            make_app(settings, jobs), log_level="warning", access_log=False,
            server_header=False, proxy_headers=False, ws="none", lifespan="on",
            timeout_keep_alive=KEEP_SECONDS, timeout_graceful_shutdown=5, http=_protocol(),
        )  # fmt: skip

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                # in the background of a script Ctrl+C is for others; threads take no signals
                is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
                is_ignored &= threading.current_thread() is threading.main_thread()
                with super().capture_signals():
                    if is_ignored:
                        signal.signal(signal.SIGINT, signal.SIG_IGN)
                    yield

            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                # first: answers that are waited for would hold the server up
                jobs.stop()
                await super().shutdown(sockets)

        server = Server(config)
        ready(f"http://{name}:{port}/", server)
        server.run(sockets=[open_socket])


def _protocol() -> Any:
    """HTTP that closes a connection whose request does not come: each takes a descriptor."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Protocol(H11Protocol):
        _clock: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _wait(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop()
            elif self._clock is None:
                self._clock = self.loop.call_later(HEAD_SECONDS, self.transport.close)

        def _stop(self) -> None:
            if self._clock is not None:
                self._clock.cancel()
            self._clock = None

    return Protocol


def listening(settings: Settings) -> socket.socket:
    """Open the address; an address that is taken is an error before anything is loaded."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=256)


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user can read, and delete it at the end."""
    remove_left_over()
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
    with (folder / _LOCK).open("wb") as held:
        _lock(held)
        try:
            yield folder
        finally:
            held.close()
            shutil.rmtree(folder, ignore_errors=True)


def remove_left_over() -> None:
    """Delete folders of servers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        if not _is_used(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_used(folder: Path) -> bool:
    """Whether a server holds the lock of a folder.

    The number of its process would not tell: in a container it is always 1.
    """
    try:
        with (folder / _LOCK).open("r+b") as file:
            return not _lock(file)
    except FileNotFoundError:
        pass
    # of another user
    except OSError:
        return True
    # it has just been made, or is one of an earlier version
    import psutil

    number = folder.name.removeprefix(_FOLDER).partition("-")[0]
    return not number.isdecimal() or psutil.pid_exists(int(number))


def _lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed; False if another has."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _check_files(settings: Settings) -> None:
    """Load the model once for all workers, and read the recipe: errors come before the page."""
    from ..nets.checkpoint import load_model
    from ..nets.device import choose
    from ..workflow.recipe import load

    if settings.recipe is not None:
        load(settings.recipe)
    load_model(settings.model, choose("auto"))
