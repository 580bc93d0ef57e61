"""Keep a decoder within its own folder: an uploaded file may name other files of the machine.

HDF5 has external storage, virtual datasets and external links, OME-TIFF has companion files, and
vendor formats have files that belong together. All of them state paths.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# which libraries read to learn about the machine
_HARMLESS = ("/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/dev/null", "/dev/urandom")

_ELSEWHERE = "names data in other files, which this server does not read; send it whole"


def confine(folder: Path) -> None:
    """Refuse, from now on and for this process, to open files outside a folder and of Python.

    Libraries that open files without Python, as HDF5 does, are not covered: see `require_alone`.

    Parameters
    ----------
    folder : Path
        Of the uploaded file.
    """
    here = Path(__file__).resolve().parents[1]
    roots = {folder, here, Path(sys.prefix), Path(sys.base_prefix)}
    roots |= {Path(one) for one in sys.path if one and Path(one).is_absolute()}
    allowed = tuple(os.path.realpath(one) + os.sep for one in roots)

    def check(event: str, given: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(given[0], (str, bytes, os.PathLike)):
            return
        path = os.path.realpath(os.fsdecode(given[0]))
        if path not in _HARMLESS and not (path + os.sep).startswith(allowed):
            raise PermissionError(_ELSEWHERE)

    sys.addaudithook(check)


def require_alone(file: Path) -> None:
    """Refuse an HDF5 file whose data lie in other files.

    Raises
    ------
    ValueError
        If a dataset has external storage or is virtual, or a link leads to another file.
    """
    with file.open("rb") as opened:
        start = opened.read(1 << 20)
    # the signature is at 0 or at 512, 1024, 2048, ... bytes
    if b"\x89HDF\r\n\x1a\n" not in start:
        return
    import h5py

    with h5py.File(file, "r", locking=False) as opened:
        groups, seen = [opened["/"]], set()
        while groups:
            group = groups.pop()
            if group.id in seen:
                continue
            seen.add(group.id)
            for name in group:
                if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                    raise ValueError(_ELSEWHERE)
                if isinstance(group.get(name, getlink=True), h5py.SoftLink):
                    continue
                one = group[name]
                if isinstance(one, h5py.Group):
                    groups.append(one)
                elif isinstance(one, h5py.Dataset) and (one.external or one.is_virtual):
                    raise ValueError(_ELSEWHERE)
