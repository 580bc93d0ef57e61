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
    crashed = done.returncode not in (0, 1)
    return "is damaged beyond what can be read; get an intact copy of it" if crashed else ""


def _try(look: Any) -> Any:
    """Ignore every error but a crash."""
    try:
        return look()
    except Exception:  # noqa: BLE001
        return None


def _walk(one: Any, dataset: Any, depth: int = 0) -> None:
    for name in _try(lambda: list(one.attrs)) or ():
        _try(lambda name=name: one.attrs[name])
    if isinstance(one, dataset):
        whole = (_try(lambda: one.nbytes) or 0) <= _WHOLE_BYTES
        _try(lambda: one[()] if whole else one[(0,) * one.ndim])
    elif depth < 32:
        for name in _try(lambda: list(one)) or ():
            inner = _try(lambda name=name: one[name])
            if inner is not None:
                _walk(inner, dataset, depth + 1)


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
        _walk(file, h5py.Dataset)
