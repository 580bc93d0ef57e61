"""Decode an image in a process of its own, with limits of memory and time.

Run as a program, this reads one file and writes its pixels as a NumPy file, with the rest as JSON
beside it.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.micrograph import Axis, InfoBar, Micrograph
from ..core.plain import plain
from .confine import confine, require_alone
from .settings import Limits, Refused, disk_error

PIXELS, FACTS = "decoded.npy", "decoded.json"

# exit code of a file that cannot be read or is too large: the reason is on stdout; of a folder that
# cannot be written: the number of the error is
_BAD, _LARGE, _DISK = 3, 4, 5

# seconds between looks at a decoder
_POLL_S = 0.2

# errors that are the disk's, whatever was being done
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", None))

# what of the environment a decoder needs: no token, no proxies
_ENVIRONMENT = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LANG", "LC_ALL", "VIRTUAL_ENV")


def decode(
    file: Path, name: str, limits: Limits, check: Callable[[], object] = lambda: None
) -> None:
    """Decode a file into its folder, and delete it.

    Parameters
    ----------
    file : Path
        With the suffix of its kind.
    name : str
        What messages call it.
    limits : Limits
        Of pixels, memory and time.
    check : callable
        Called at the start and several times a second; stops the decoder by raising.

    Raises
    ------
    Refused
        If it is no image, damaged, or beyond a limit, or the disk is full.
    """
    environment = {key: os.environ[key] for key in _ENVIRONMENT if key in os.environ}
    environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP", "HOME"), str(file.parent))
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    numbers = (limits.pixels, limits.decode_bytes, limits.decode_seconds)
    words = [sys.executable, "-W", "ignore", "-m", __name__, str(file), *map(str, numbers)]
    try:
        code, answer = _run(words, file.parent, environment, limits.decode_seconds, check)
    except subprocess.TimeoutExpired:
        raise Refused(422, f"{name} takes too long to read: it is damaged, or too large") from None
    finally:
        file.unlink(missing_ok=True)
    reason = answer.decode("utf-8", "replace").strip()
    if code == _DISK:
        raise disk_error(OSError(int(reason), "") if reason.isdecimal() else OSError())
    # neither its path nor that of another file beside it
    reason = reason.replace(str(file), name).replace(f"{file.parent}{os.sep}", "")
    if code == _LARGE:
        raise Refused(413, f"{name} {reason}")
    if code == _BAD:
        raise Refused(422, reason if name in reason else f"{name}: {reason}")
    if code != 0:
        raise Refused(422, f"{name} is damaged, or needs more memory than an image may take")


def _run(
    words: list[str],
    folder: Path,
    environment: dict[str, str],
    seconds: float,
    check: Callable[[], object],
) -> tuple[int, bytes]:
    """Run a program to its end; its exit code, and what it says."""
    quiet, pipe, end = subprocess.DEVNULL, subprocess.PIPE, time.monotonic() + seconds
    with subprocess.Popen(
        words, cwd=folder, env=environment, stdin=quiet, stdout=pipe, stderr=quiet
    ) as program:
        try:
            while True:
                check()
                left = end - time.monotonic()
                try:
                    answer, _ = program.communicate(timeout=max(0.0, min(_POLL_S, left)))
                    return program.returncode, answer
                except subprocess.TimeoutExpired:
                    if left <= _POLL_S:
                        raise
        except BaseException:
            program.kill()
            raise


def load(folder: Path, name: str) -> Micrograph:
    """Return the image that was decoded into a folder; of a stack, see `one_slice`."""
    facts = json.loads((folder / FACTS).read_text("utf-8"))
    bar = facts["info_bar"]
    return Micrograph(
        np.load(folder / PIXELS, allow_pickle=False),
        facts["spacing"] and tuple(facts["spacing"]),
        facts["unit"],
        name,
        metadata=facts["metadata"],
        axes=tuple(Axis(**axis) for axis in facts["axes"]),
        info_bar=None if bar is None else InfoBar(**bar),
        notes=tuple(facts["notes"]),
    )


# in the process of its own ------------------------------------------------------------------------


def _limit(memory: int, seconds: int) -> None:
    """Limit memory and time where the system can: Windows has time limits alone."""
    if sys.platform == "win32":
        return
    import resource

    # macOS may refuse a limit on memory
    for kind, value in (
        (resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, memory),
        (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            continue


def _stated_pixels(file: Path) -> int:
    """Pixels that a picture states before it is decoded; other formats are read lazily."""
    from ..io.read import pictures

    if file.suffix not in pictures.SUFFIXES:
        return 0
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(file) as opened:
            return opened.width * opened.height * getattr(opened, "n_frames", 1)
    # the reader says what is wrong with it
    except Exception:  # noqa: BLE001
        return 0


def _too_many(pixels: int, most: int) -> str:
    # with as many decimals as tell the two numbers apart
    for decimals in range(7):
        has, taken = (f"{one / 1e6:,.{decimals}f}" for one in (pixels, most))
        if has != taken:
            break
    return f"has {has} megapixels; this server takes {taken}"


def _write(image: Micrograph, folder: Path) -> None:
    np.save(folder / PIXELS, image.data, allow_pickle=False)
    facts: dict[str, Any] = {
        "spacing": image.spacing, "unit": image.unit, "notes": image.notes,
        "axes": [asdict(axis) for axis in image.axes],
        "info_bar": None if image.info_bar is None else image.info_bar.pixels,
        # what the file says of itself in full may be large, and is of no use here
        "metadata": {key: one for key, one in image.metadata.items() if key != "original"},
    }  # fmt: skip
    part = folder / f"{FACTS}.part"
    part.write_text(json.dumps(plain(facts)), "utf-8")
    # another job may look for it: it is whole, or not there
    os.replace(part, folder / FACTS)


def main(file: Path, pixels: int, memory: int, seconds: int) -> int:
    """Read a file and write what is in it; return the exit code."""
    _limit(memory, seconds)
    from ..io.read import read

    confine(file.parent)
    stated = _stated_pixels(file)
    if stated > pixels:
        print(_too_many(stated, pixels))
        return _LARGE
    try:
        require_alone(file)
        image = read(file)
        if np.prod(image.data.shape, dtype=object) > pixels:
            print(_too_many(int(np.prod(image.data.shape, dtype=object)), pixels))
            return _LARGE
        image = replace(image, data=np.asarray(image.data))
    except (ValueError, OSError, ImportError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            print(error.errno)
            return _DISK
        print(str(error) or "is too large for the memory that an image may take")
        return _BAD
    try:
        _write(image, file.parent)
    except OSError as error:
        print(error.errno or "")
        return _DISK
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
