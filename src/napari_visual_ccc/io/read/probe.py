"""Try an HDF5 file in a subprocess: the HDF5 library may crash on a damaged one.

Run as a program, this reads all that is in the file and needs nothing but h5py.
"""

from __future__ import annotations

import functools
import itertools
import math
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# datasets above this size are tried at their first number only
_WHOLE_BYTES = 64 << 20

# limit of processor time: some seconds, and more for large files; a busy machine may take so many
# times as long
_SECONDS, _BYTES_A_SECOND, _BUSY = 8, 20e6, 20


# chunks below this size inflate to less than a gigabyte
_SMALL_BYTES = 1 << 18

# exit status where a part of the image is no file
_NO_FILE = 3

# exit status where a chunk is larger in memory than it can be
_BOMB = 4

# compressors by the number of their filter: those of HDF5 and h5py, and those that plugins add;
# a checksum lies behind the chunk
_COMPRESSORS = {
    1: "zlib", 4: "szip", 307: "bz2", 32000: "lzf", 32001: "blosc", 32015: "zstd",
}  # fmt: skip
_CHECKSUM = 3

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
    if done.returncode == _BOMB:
        return done.stdout.decode("utf-8", "replace").strip()
    crashed = done.returncode not in (0, 1)
    return "is damaged beyond what can be read; get an intact copy of it" if crashed else ""


def bomb(one: Any, places: Iterable[tuple[int, ...]]) -> str:
    """Error message if chunks inflate to more than they can have; else empty.

    HDF5 gives them as much memory as they ask for.

    Parameters
    ----------
    one : h5py.Dataset
        It may be without chunks.
    places : iterable of tuple of int
        Corners of the chunks that are looked at; those that were never written are left out.
    """
    settings = one.id.get_create_plist()
    filters = [settings.get_filter(place)[0] for place in range(settings.get_nfilters())]
    number = next((place for place, one in enumerate(filters) if one in _COMPRESSORS), None)
    if not one.chunks or number is None:
        return ""
    if set(filters[number + 1 :]) - {_CHECKSUM}:
        return f"compresses {one.name[1:]} several times; save it with one compressor"
    limit = _most(one)
    for place in places:
        found = _try(lambda place=place: one.id.read_direct_chunk(place))
        # of the filters that are not skipped
        if found and not found[0] & 1 << number:
            count = _inflating()["inflated"](found[1], _COMPRESSORS[filters[number]], limit)
            if count > limit:
                return f"is damaged: a chunk of {one.name[1:]} inflates to more than it can have"
    return ""


def places(one: Any, key: Iterable[slice]) -> Iterable[tuple[int, ...]]:
    """Corners of the chunks of a part of a dataset; none where chunks are no danger to memory."""
    if not one.chunks or math.prod(one.chunks) * one.dtype.itemsize < _SMALL_BYTES:
        return ()
    ranges = [range(*part.indices(size)) for part, size in zip(key, one.shape, strict=True)]
    if not all(ranges):
        return ()
    ends = [sorted((each[0], each[-1])) for each in ranges]
    return itertools.product(
        *(
            range(first // side * side, last + 1, side)
            for (first, last), side in zip(ends, one.chunks, strict=True)
        )
    )


def _most(one: Any) -> int:
    return int(_inflating()["most_bytes"](math.prod(one.chunks) * one.dtype.itemsize))


def _oversized(one: Any) -> str:
    """Error message if chunks are larger in the file than a filter can make them."""
    if not one.chunks or not hasattr(one.id, "chunk_iter"):
        return ""
    limit = _most(one)
    found: list[int] = []

    def look(chunk: Any) -> int | None:
        if chunk.size > limit:
            found.append(chunk.size)
        return len(found) or None

    one.id.chunk_iter(look)
    if not found:
        return ""
    return f"is damaged: a chunk of {one.name[1:]} has {found[0]:,} bytes, and can have {limit:,}"


@functools.cache
def _inflating() -> dict[str, Any]:
    """Functions of the reader of Zarr; a program has no package to import them from."""
    return runpy.run_path(str(Path(__file__).with_name("zarr") / "inflating.py"))


class _Bomb(BaseException):
    """A chunk that must not be read."""


def _check_chunks(one: Any, whole: bool) -> None:
    part = [slice(None if whole else 1)] * one.ndim
    wrong = _try(lambda: _oversized(one)) or _try(lambda: bomb(one, places(one, part)))
    if wrong:
        raise _Bomb(wrong)


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


def _parts(one: Any, seen: set[str], whole: bool) -> None:
    """Check the chunks of a dataset and the files that it takes its numbers from, and theirs."""
    import h5py

    _check_chunks(one, whole)
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
                _parts(dataset, seen, whole)


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
        whole = (_try(lambda: one.nbytes) or 0) <= _WHOLE_BYTES
        _parts(one, seen, whole)
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
        except _Bomb as error:
            print(error)
            sys.exit(_BOMB)
