"""Memory that is free for a job: that of the machine, or of the container it runs in."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

# bytes of the largest block that the limit is raised to, with those of its head
_LARGEST = (32 << 20) - 65536

# folder of the controllers, files of limit and use, and what of the use is cache of files that
# the kernel gives back, for the second and the first version of control groups
_VERSIONS = {
    "": ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    "memory": (
        "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
        "total_inactive_file",
    ),
}  # fmt: skip


def available() -> int:
    """Bytes of memory that are free for a job."""
    import psutil

    return min(int(psutil.virtual_memory().available), *_left_in_groups(Path("/")))


def shortage(nbytes: int, free: int, remedy: str) -> str:
    """Say that something does not fit into memory, and what to do; empty where it fits.

    Parameters
    ----------
    nbytes : int
        Bytes that it takes at a time.
    free : int
        Bytes that are free; see `available`.
    remedy : str
        What to do where they are too few.
    """
    if nbytes <= free:
        return ""
    return (
        f"takes {_gigabytes(nbytes)} of memory while it is read, of which {_gigabytes(free)} "
        f"are free; {remedy}"
    )


def full(error: BaseException, remedy: str = "take a part of the image") -> str:
    """Say that memory is full, and what to do.

    Parameters
    ----------
    error : MemoryError
        Its words follow in parentheses; those of its cause where it is such a sentence itself.
    remedy : str
        What to do.
    """
    reason = str(error.__cause__ if isinstance(error.__cause__, MemoryError) else error)
    return f"memory is full; {remedy}{reason and f' ({reason})'}"


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Let a full memory be an error with a sentence."""
    try:
        yield
    except MemoryError as error:
        raise MemoryError(full(error)) from error


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count < 1e15 else f"{count / 1e9:.0e} GB"


def _left_in_groups(root: Path) -> list[int]:
    """Bytes that the control groups of this process leave, its own and those around it.

    Containers and services are limited by them; the memory of the machine says nothing of it.
    """
    left = []
    for kind, folder in control_groups(root, {kind: one[0] for kind, one in _VERSIONS.items()}):
        _, limit, use, cache = _VERSIONS[kind]
        most, used = _number(folder / limit), _number(folder / use)
        if most is not None and used is not None:
            left.append(max(0, most - used + _of_table(folder / "memory.stat", cache)))
    return left or [1 << 63]


def control_groups(root: Path, folders: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Control groups of this process, its own and those around it.

    Parameters
    ----------
    root : Path
        Of the file system.
    folders : mapping
        Folder of the groups below the root by controller; ``""`` is the second version, which has
        one folder for all controllers.

    Yields
    ------
    controller : str
        Key of `folders`.
    folder : Path
        Of a group; it need not exist.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    # other systems have none
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for kind in set(controllers.split(",")) & set(folders):
            # in a container the path may be one of the host, and its own group is at the top
            inner = Path(path.lstrip("/"))
            for one in (inner, *inner.parents):
                yield kind, root / folders[kind] / one


def _number(file: Path) -> int | None:
    """Number in a file; None where there is none, or the word for no limit."""
    try:
        text = file.read_text("utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _of_table(file: Path, name: str) -> int:
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.split()[:1] == [name]]
    return int(found[0]) if found else 0


@functools.cache
def reuse_freed() -> None:
    """Let this process keep freed arrays of up to 32 MB for the next ones.

    The C library of Linux gives blocks back to the system at once, and every page of the next array
    costs a fault: a third of the time of quick operations on small images. Freeing one large block
    raises that limit (mallopt(3), M_MMAP_THRESHOLD).
    """
    np.empty(_LARGEST, np.uint8)
