"""Try an HDF5 file in a subprocess: the HDF5 library may crash on a damaged one.

Run as a program, this reads all that is in the file and needs nothing but h5py.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

# datasets above this size are tried at their first number only
_WHOLE_BYTES = 64 << 20

# limit of processor time: some seconds, and more for large files; a busy machine may take so many
# times as long
_SECONDS, _BYTES_A_SECOND, _BUSY = 8, 20e6, 20


# exit status where a part of the image is no file
_NO_FILE = 3

_ENDLESS = "is damaged: reading it does not end; get an intact copy of it"


def fault(path: Path) -> str:
    """Error message if reading an HDF5 file would crash or hang this process; else empty."""
    seconds = _SECONDS + path.stat().st_size / _BYTES_A_SECOND
    words = [sys.executable, "-W", "ignore", __file__, str(path), str(round(seconds))]
    try:
        done = subprocess.run(words, capture_output=True, timeout=_BUSY * seconds)
    except subprocess.TimeoutExpired:
        return _ENDLESS
    except OSError:
        # no subprocess can be started: then the file is not tried
        return ""
    if hasattr(signal, "SIGXCPU") and done.returncode == -signal.SIGXCPU:
        return _ENDLESS
    if done.returncode == _NO_FILE:
        name = done.stdout.decode("utf-8", "replace").strip()
        return f"names {name} as a part of the image, which is no file"
    crashed = done.returncode not in (0, 1)
    return "is damaged beyond what can be read; get an intact copy of it" if crashed else ""


def _try(look: Any) -> Any:
    """Ignore every error but a crash."""
    try:
        return look()
    except Exception:  # noqa: BLE001
        return None


class _NoFile(BaseException):
    """A part of the image is a pipe or device, which would be waited for without end."""


def _check(names: Any, beside: Path) -> None:
    """Check that other files with pixels are files; those that are missing read as blank."""
    for name in names:
        for place in (beside / name, Path(name)):
            if place.exists() and not place.is_file():
                raise _NoFile(name)


def _parts(one: Any, seen: set[str]) -> None:
    """Check the files that a dataset takes its numbers from, and theirs."""
    import h5py

    beside = Path(one.file.filename).parent
    _check([name for name, _, _ in _try(lambda: one.external) or ()], beside)
    sources = (_try(lambda: one.virtual_sources()) if one.is_virtual else None) or ()
    names = {(source.file_name, source.dset_name) for source in sources}
    _check([name for name, _ in names], beside)
    for name, inner in names:
        place = Path(one.file.filename) if name == "." else beside / name
        if f"{place} {inner}" not in seen and place.is_file():
            seen.add(f"{place} {inner}")
            file = _try(lambda place=place: h5py.File(place, "r", locking=False))
            dataset = file and _linked(file, inner)
            if isinstance(dataset, h5py.Dataset):
                _parts(dataset, seen)


def _linked(group: Any, name: str) -> Any:
    """Member of a group, whose file is looked at before HDF5 opens it."""
    link = _try(lambda: group.get(name, getlink=True))
    if hasattr(link, "filename"):
        _check([link.filename], Path(group.file.filename).parent)
    return _try(lambda: group[name])


def _walk(one: Any, dataset: Any, seen: set[str], depth: int = 0) -> None:
    for name in _try(lambda: list(one.attrs)) or ():
        _try(lambda name=name: one.attrs[name])
    if isinstance(one, dataset):
        _parts(one, seen)
        whole = (_try(lambda: one.nbytes) or 0) <= _WHOLE_BYTES
        _try(lambda: one[()] if whole else one[(0,) * one.ndim])
    elif depth < 32:
        for name in _try(lambda: list(one)) or ():
            inner = _linked(one, name)
            if inner is not None:
                _walk(inner, dataset, seen, depth + 1)


if __name__ == "__main__":
    try:
        import resource

        seconds = int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    # Windows has no such limit
    except ImportError:
        pass
    import h5py

    with h5py.File(sys.argv[1], "r", locking=False) as file:
        try:
            _walk(file, h5py.Dataset, set())
        except _NoFile as error:
            print(error)
            sys.exit(_NO_FILE)
