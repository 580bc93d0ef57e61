"""Locks of files between processes."""

from __future__ import annotations

from typing import BinaryIO


def lock(stream: BinaryIO) -> None:
    """Lock an open file for this process; the lock ends with it, or when the file is closed.

    Raises
    ------
    BlockingIOError
        If another process has locked it.
    OSError
        If the file system has no locks.
    """
    try:
        import fcntl
    except ImportError:
        import msvcrt

        # far beyond its end, where nothing is read
        stream.seek(1 << 40)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except PermissionError as error:
            raise BlockingIOError(str(error)) from None
        finally:
            stream.seek(0)
        return
    fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
