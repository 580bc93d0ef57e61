"""The connection to a dask scheduler, whose faults are sentences."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

T = TypeVar("T")

LOST_CONNECTION = "the connection to the scheduler is lost; the same command goes on where it ended"

# seconds in which a scheduler must answer
ANSWER = 10.0

# seconds for which a file may be incomplete: a scheduler that starts is writing it
_WRITING = 1.0

# bytes of a file of a scheduler, at most
_LONGEST = 1 << 20

# those that report in tracebacks, for minutes, that a connection is lost; what a cluster in this
# process says of its jobs stays
_TALKING = (
    "distributed.batched", "distributed.client", "distributed.comm", "distributed.core",
    "distributed.utils", "tornado.application",
)  # fmt: skip


def is_client(scheduler: Any) -> bool:
    """Whether a scheduler is given by its client."""
    return hasattr(scheduler, "get_executor")


def is_place(scheduler: Any) -> bool:
    """Whether it is a client, or a text that may be the address or the file of a scheduler."""
    text = str(scheduler)
    return is_client(scheduler) or os.path.isfile(text) or bool(_port(_split(text)))


def check(scheduler: Any) -> None:
    """Insist that a scheduler answers at a place.

    Raises
    ------
    ValueError
        If a file is not that of a scheduler.
    ConnectionError
        If nothing answers, or something else than a scheduler.
    """
    if is_client(scheduler):
        return
    address = _address_of(str(scheduler))
    at = f"at {address}" if address == str(scheduler) else f"at {address}, which {scheduler} names"
    none = f"no dask scheduler answers {at}"
    try:
        kind = within(ANSWER, lambda: _kind_of(address))
    # what answers may be anything
    except Exception as error:  # noqa: BLE001
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConnectionError(f"{none} ({reason})") from None
    if kind != "Scheduler":
        raise ConnectionError(f"{none}: it is a {kind.lower()} of dask")


def _kind_of(address: str) -> str:
    """Ask what is at an address."""
    place = _split(address)
    # dask would try again for as long as it may take
    socket.create_connection((place.hostname or "", _port(place)), ANSWER).close()
    return asyncio.run(_said_by(address))


async def _said_by(address: str) -> str:
    from distributed.comm.core import connect
    from distributed.security import Security

    security: Any = Security()
    comm = await connect(address, timeout=ANSWER, **security.get_connection_args("client"))
    try:
        await comm.write({"op": "identity", "reply": True})
        said = await comm.read()
        return str(said["type"])
    finally:
        comm.abort()


@contextmanager
def connected(scheduler: Any) -> Iterator[Any]:
    """Give the client of a scheduler; one that was made here is closed at the end.

    Raises
    ------
    ValueError, ConnectionError
        As `check`.
    """
    if is_client(scheduler):
        yield scheduler
        return
    check(scheduler)
    from distributed import Client

    address = _address_of(str(scheduler))
    with _quiet():
        try:
            client = Client(address, timeout=ANSWER, set_as_default=False)
        except (OSError, asyncio.TimeoutError) as error:
            raise ConnectionError(f"no dask scheduler answers at {address} ({error})") from None
        try:
            yield client
        finally:
            client.close(timeout=ANSWER)


def within(seconds: float, function: Callable[[], T]) -> T:
    """Call a function that may never return, as one that waits for another machine.

    Raises
    ------
    TimeoutError
        If it takes longer; its thread ends with the process.
    """
    found: list[T] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            found.append(function())
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"no answer in {seconds:.0f} s")
    return found[0]


def _address_of(scheduler: str) -> str:
    """Address of a scheduler, which may be in a file."""
    end = time.monotonic() + _WRITING
    while os.path.isfile(scheduler):
        try:
            with open(scheduler, encoding="utf-8") as file:
                address = json.loads(file.read(_LONGEST))["address"]
            if _port(_split(address)):
                return str(address)
        # what JSON may hold instead, and files that are none
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        if time.monotonic() > end:
            raise ValueError(
                f"{scheduler} is not the file of a dask scheduler, as "
                "dask scheduler --scheduler-file writes it"
            )
        time.sleep(_WRITING / 10)
    return scheduler


def _split(text: str) -> SplitResult:
    return urlsplit(text if "://" in text else f"tcp://{text}")


def _port(place: SplitResult) -> int:
    try:
        return place.port or 0
    except ValueError:
        return 0


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _TALKING]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)
