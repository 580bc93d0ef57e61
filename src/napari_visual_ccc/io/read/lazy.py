"""Large data that stay in their file; the file is open only while it is read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from io import RawIOBase
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...arrays.lazy import CHUNK_PIXELS, CHUNK_SIDE
from .checks import UnreadableFileError

# of one piece of a lazy array
_CHUNK_BYTES = 32 << 20

# what is read at once although not all of it is needed: each reading costs about as much
_AT_ONCE_BYTES = 1 << 18

# of a lazy array
_MOST_PIECES = 1_000_000

_SHORTER = "the file is shorter than it was; read it again"


def chunks_of(
    shape: Sequence[int], dtype: Any, plane: int = 2, *, square: bool = False
) -> tuple[int, ...]:
    """Cut an array into pieces of whole planes, and large planes into rows or squares.

    Parameters
    ----------
    plane : int
        How many axes a plane has.
    square : bool
        Whether a part of some rows is read as easily as the rows.
    """
    leading, inner = shape[:-plane], list(shape[-plane:])
    if square:
        inner = [min(size, CHUNK_SIDE) for size in inner]
    else:
        row = max(1, int(np.prod(inner[1:])))
        # as large as chunks are worked on: cut again, each piece would be read anew
        most = min(_CHUNK_BYTES // np.dtype(dtype).itemsize, CHUNK_PIXELS)
        inner[0] = max(1, min(inner[0], most // row))
    return (*(1 for _ in leading), *inner)


def whole_tiles(size: int, tile: int) -> int:
    """Join tiles of a file to about the side of the chunks that are worked on."""
    return min(size, max(tile, CHUNK_SIDE // tile * tile))


def from_file(source: Any, path: Path, key: str, chunks: Any) -> Any:
    """Make a dask array of an object that reads from a file when it is indexed."""
    import dask.array as da
    from dask.base import tokenize

    counts = [
        len(one) if isinstance(one, tuple) else -(-size // max(1, one))
        for one, size in zip(chunks, source.shape, strict=True)
    ]
    if (count := math.prod(counts)) > _MOST_PIECES:
        raise UnreadableFileError(
            f"is cut into {count:,} pieces, too many to list; save it with larger chunks"
        )
    stamp = path.stat()
    # the same file gives the same name; a changed one another
    name = f"file-{tokenize(str(path.resolve()), stamp.st_mtime_ns, stamp.st_size, key)}"
    named = _Named(source, path)
    meta = np.empty((0,) * source.ndim, source.dtype)
    return da.from_array(named, chunks, name=name, lock=False, meta=meta)


class Contiguous:
    """Contiguous array in a file, of which each indexing reads a part.

    It is not memory-mapped: where another program cuts the file off meanwhile, reading a mapping
    ends the process, and reading the file is an error.

    Parameters
    ----------
    path : Path
        The file.
    offset : int
        Of the first number, in bytes.
    shape : tuple of int
        Of the array.
    dtype : dtype
        With its byte order.
    order : {'C', 'F'}
        Whether the last or the first axis is that of neighbours in the file.
    """

    def __init__(
        self, path: Path, offset: int, shape: Sequence[int], dtype: Any,
        order: Literal["C", "F"] = "C",
    ) -> None:  # fmt: skip
        self._path, self._offset, self._order = path, offset, order
        self.shape, self.dtype, self.ndim = tuple(shape), np.dtype(dtype), len(shape)

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        ranges = [range(*one.indices(size)) for one, size in zip(key, self.shape, strict=True)]
        if self._order == "F":
            return self._read(ranges[::-1], self.shape[::-1]).T
        return self._read(ranges, self.shape)

    def _read(self, ranges: list[range], shape: tuple[int, ...]) -> np.ndarray:
        counts = [len(one) for one in ranges]
        if 0 in counts:
            return np.empty(counts, self.dtype)
        steps = [int(np.prod(shape[axis + 1 :], dtype=object)) for axis in range(len(shape))]
        first = [min(one[0], one[-1]) * step for one, step in zip(ranges, steps, strict=True)]
        spans = [abs(one[-1] - one[0]) * step for one, step in zip(ranges, steps, strict=True)]
        # axes that are read at once: those between whose numbers there is nothing or little else
        inner = len(ranges) - 1
        while inner and (
            sum(spans[inner - 1 :]) + 1 == np.prod(counts[inner - 1 :])
            or sum(spans[inner - 1 :]) * self.dtype.itemsize < _AT_ONCE_BYTES
        ):
            inner -= 1
        block = np.empty(sum(spans[inner:]) + 1, self.dtype)
        places = [one[0] * step - low for one, step, low in zip(ranges, steps, first, strict=True)]
        part = np.ndarray(
            counts[inner:], self.dtype, block, sum(places[inner:]) * self.dtype.itemsize,
            [one.step * step * self.dtype.itemsize
             for one, step in zip(ranges[inner:], steps[inner:], strict=True)],
        )  # fmt: skip
        out = part if not inner else np.empty(counts, self.dtype)
        with self._path.open("rb", buffering=0) as file:
            for index in np.ndindex(*counts[:inner]):
                outer = sum(
                    one[at] * step for one, at, step in zip(ranges, index, steps, strict=False)
                )
                start = outer + sum(first[inner:])
                _fill(file, self._offset + start * self.dtype.itemsize, block.view(np.uint8))
                if inner:
                    out[index] = part
        return out


def _fill(file: RawIOBase, offset: int, bytes_: np.ndarray) -> None:
    file.seek(offset)
    done = 0
    while done < len(bytes_):
        count = file.readinto(bytes_[done:].data)
        if not count:
            raise OSError(_SHORTER)
        done += count


class Foreign:
    """Lazy array of another library, read only while the file is as long as it was.

    Some map the file, and reading a mapping beyond the end of the file ends the process.
    """

    def __init__(self, data: Any, path: Path) -> None:
        self._data, self._path, self._bytes = data, path, path.stat().st_size
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, data.ndim

    def __getitem__(self, key: Any) -> np.ndarray:
        if self._path.stat().st_size < self._bytes:
            raise OSError(_SHORTER)
        return np.asarray(self._data[key].compute(scheduler="synchronous", callbacks=()))


class _Named:
    """An array-like whose errors name the file that it is read from."""

    def __init__(self, source: Any, path: Path) -> None:
        self._source, self._path = source, path
        self.shape, self.dtype, self.ndim = source.shape, source.dtype, source.ndim

    def __getitem__(self, key: Any) -> np.ndarray:
        key, single = _as_slices(key, self.shape)
        try:
            part = np.asarray(self._source[key])
            return part[tuple(0 if one else slice(None) for one in single)]
        except UnreadableFileError as error:
            raise ValueError(f"{self._path}: {error}") from None
        # decoders raise any exception on a damaged file
        except Exception as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"{self._path}: a part of it cannot be read ({text})") from error


def _as_slices(key: Any, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], list[bool]]:
    """Write an index as slices of all axes, and tell which axes it takes one place of.

    Dask merges the user's index with that of a chunk: a number, fewer axes, an ellipsis.
    """
    given = key if isinstance(key, tuple) else (key,)
    if Ellipsis in given:
        at = given.index(Ellipsis)
        given = (*given[:at], *[slice(None)] * (len(shape) - len(given) + 1), *given[at + 1 :])
    given = (*given, *[slice(None)] * (len(shape) - len(given)))
    single = [not isinstance(one, slice) for one in given]
    slices = [
        slice(int(one) % size, int(one) % size + 1) if alone else one
        for one, alone, size in zip(given, single, shape, strict=True)
    ]
    return tuple(slices), single


class Planes:
    """Planes that are read one by one, each time they are indexed.

    Parameters
    ----------
    read : callable
        ``(number of the plane, rows, columns) -> array``; rows and columns are slices.
    shape : tuple of int
        Leading axes, then those of a plane.
    plane : int
        How many axes a plane has.
    """

    def __init__(
        self, read: Callable[[int, tuple[slice, ...]], Any], shape: tuple[int, ...], dtype: Any,
        plane: int,
    ) -> None:  # fmt: skip
        self._read, self._plane = read, plane
        self.shape, self.dtype, self.ndim = shape, np.dtype(dtype), len(shape)

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        leading = self.shape[: -self._plane]
        inner = key[len(leading) :]
        ranges = [range(*one.indices(size)) for one, size in zip(key, leading, strict=False)]
        planes = [
            self._read(int(np.ravel_multi_index(index, leading)) if index else 0, inner)
            for index in itertools.product(*ranges)
        ]
        shape = (*(len(one) for one in ranges), *planes[0].shape)
        return planes[0] if len(planes) == 1 and not ranges else np.stack(planes).reshape(shape)
