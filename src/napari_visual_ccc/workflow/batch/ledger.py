"""The ledger of a batch: what has been done, one line of JSON an image.

Only the process that runs the batch writes it, and only whole lines at its end: after a crash, the
last line may be cut off, and is removed. It is locked while a batch writes it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from ...core.files import has_content, make_folder
from ...core.plain import real

NAME = "batch.jsonl"

# the first line says what is done; its key tells a ledger from any other file
_HEADER = "visual_ccc_batch"

# seconds between two writes through to the disk: a killed process loses nothing, a machine without
# power at most these
_SYNC = 1.0


class Ledger:
    """What a batch has done, kept in a file that survives the process.

    Parameters
    ----------
    file : Path
        Created with its folder if it is not there.
    about : mapping
        What is done, as JSON can hold it; ``"key"`` is what a later run compares.
    force : bool
        Begin anew where the file is of something else.
    is_whole : callable
        Whether an entry has all that is read of it. Lines with another one are damaged: they are
        left out, and counted in ``damaged``.

    Raises
    ------
    FileExistsError
        If the file is of something else, or another process writes it.
    """

    def __init__(
        self,
        file: Path,
        about: Mapping[str, Any],
        *,
        force: bool = False,
        is_whole: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> None:
        make_folder(file.parent)
        if file.exists() and not file.is_file():
            raise FileExistsError(f"{file} is no file; remove it, or choose another folder")
        self.file = file
        self._is_whole = is_whole
        self._stream: BinaryIO = file.open("a+b")
        self._places: dict[str, int] = {}
        self._done: set[str] = set()
        self._files: dict[str, list[str]] = {}
        self.names: dict[str, str] = {}
        self.damaged = 0
        self._synced = time.monotonic()
        try:
            _lock(self._stream, file)
            self._open(about, force)
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._sync()
        self._stream.close()

    def _open(self, about: Mapping[str, Any], force: bool) -> None:
        header, end = self._read()
        known = header.get("key") if header else None
        if header is not None and known != about["key"]:
            if not force:
                raise FileExistsError(
                    f"{self.file.parent} holds results of {header.get('title') or 'other images'}"
                    ", or of other choices or another version; choose another folder, or begin "
                    "anew with --force (force=True in Python)"
                )
            header, end = None, 0
            self._forget()
        self._stream.truncate(end)
        self._about = about
        if header is None:
            self._write({_HEADER: 1, **about})

    def begin_anew(self) -> None:
        """Forget all images."""
        self._stream.truncate(0)
        self._forget()
        self._write({_HEADER: 1, **self._about})

    def _forget(self) -> None:
        self._places, self._done, self._files, self.damaged = {}, set(), {}, 0
        self.names = {}

    def lost(self, images: Mapping[str, Path]) -> list[str]:
        """Name the images done before that are not among these, though their files may be there.

        An image whose file was removed from a folder that is there is not meant.

        Parameters
        ----------
        images : mapping of str to Path
            Files of the images by their keys.
        """
        before = [one for one in self._places if one in self._done and one not in images]
        files = [str(entry["path"]) for entry in self.entries(before) if "path" in entry]
        # links are looked up file by file, which takes long on network drives
        given = {real(path) for path in images.values()} if files else set()
        others = [Path(one) for one in files if real(Path(one)) not in given]
        return [str(one) for one in others if one.exists() or not one.parent.is_dir()]

    def _read(self) -> tuple[dict[str, Any] | None, int]:
        """First line, and where the last whole line ends."""
        header, end = None, 0
        self._stream.seek(0)
        for line in self._stream:
            entry = _entry(line)
            if not line.endswith(b"\n"):
                break
            if end == 0:
                header = entry if entry and _HEADER in entry else None
                if header is None:
                    raise FileExistsError(
                        f"{self.file} is not the ledger of a batch; remove it, or choose another "
                        "folder"
                    )
            elif entry and isinstance(entry.get("image"), str) and self._is_whole(entry):
                self._index(entry, end)
            elif entry != {"finished": True}:
                self.damaged += 1
            end += len(line)
        return header, end

    def _index(self, entry: Mapping[str, Any], place: int) -> None:
        self._places[entry["image"]] = place
        (self._done.discard if entry.get("problem") else self._done.add)(entry["image"])
        self._files[entry["image"]] = entry.get("files") or []
        if "path" in entry:
            self.names[os.path.abspath(entry["path"])] = entry["name"]

    def __contains__(self, key: str) -> bool:
        """Whether an image is done, without a problem, and the files of its result are there."""
        return key in self._done and all(
            has_content(self.file.parent / name) for name in self._files[key]
        )

    def add(self, key: str, entry: Mapping[str, Any]) -> None:
        """Write down what became of an image.

        Raises
        ------
        OSError
            If the disk is full, say; the line is not there then.
        """
        line = {"image": key, **entry}
        self._index(line, self._write(line))
        if time.monotonic() - self._synced > _SYNC:
            self._sync()

    def entries(self, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Read what became of images, in the order of the keys; those without a line are left out.

        Lines are read one by one: a table may be larger than one wants to keep twice.
        """
        for key in keys:
            if key in self._places:
                self._stream.seek(self._places[key])
                yield json.loads(self._stream.readline())

    def finish(self) -> None:
        """Write down that all images have been gone through."""
        self._write({"finished": True})

    def _write(self, values: Mapping[str, Any]) -> int:
        place = self._stream.seek(0, os.SEEK_END)
        line = json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError as error:
            with suppress(OSError):
                self._stream.truncate(place)
            reason = error.strerror or str(error)
            raise OSError(f"{self.file}: could not be written ({reason})") from error
        return place

    def _sync(self) -> None:
        self._synced = time.monotonic()
        os.fsync(self._stream.fileno())


def is_unfinished(file: Path, key: str) -> bool:
    """Whether a file is the ledger of the batch with this key, and it has not come to its end."""
    if not file.is_file():
        return False
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return False
    first, last = (_entry(line) for line in (lines[0], lines[-1])) if lines else (None, None)
    return (first or {}).get("key") == key and "finished" not in (last or {})


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _lock(stream: BinaryIO, file: Path) -> None:
    """Insist that no other process writes the file; the lock ends with this process."""
    try:
        _locked(stream)
    except BlockingIOError:
        raise FileExistsError(f"{file.parent}: another batch is writing there") from None
    # some file systems of clusters have no locks
    except OSError:
        return


def _locked(stream: BinaryIO) -> None:
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
