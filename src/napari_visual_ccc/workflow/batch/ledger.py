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
from ...core.process.locks import lock

NAME = "batch.jsonl"

# beside it: the folder of what is written for each image
RESULTS = "results"

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
    is_looked_at : bool
        Only read a file that is there: nothing is written, and another process may write it.
    clear : callable
        Called with the ledger before it begins anew, while it knows what the former batch wrote.
    held : callable
        What is there, in words, of the first line of a file of something else.
    is_whole : callable
        Whether an entry has all that is read of it. Lines with another one are damaged: they are
        left out, and counted in ``damaged``.

    Attributes
    ----------
    images : dict of str to (str, Path)
        Names and files of images by their keys, in the order in which they were written last.
    tables : dict of str to str
        Tables and other files of the whole batch by their path from its folder, with the SHA-256
        of what was written last, or ``""`` while it is being written.
    tables_of : str
        What those tables are of, as `note_tables` was given it.
    is_finished : bool
        Whether all images have been gone through.

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
        is_looked_at: bool = False,
        clear: Callable[[Ledger], None] = lambda _: None,
        held: Callable[[Mapping[str, Any]], str] = lambda _: "results of another batch",
        is_whole: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> None:
        if not is_looked_at:
            make_folder(file.parent)
        if file.exists() and not file.is_file():
            raise FileExistsError(f"{file} is no file; remove it, or choose another folder")
        self.file, self._is_looked_at = file, is_looked_at
        self._is_whole, self._clear, self._held = is_whole, clear, held
        self._stream: BinaryIO = file.open("rb" if is_looked_at else "a+b")
        # some file systems number a file in another way when it is open
        self._is_numbered = self._is_same()
        self._forget()
        self._synced = time.monotonic()
        try:
            if not is_looked_at:
                self._lock()
            self._open(about, force)
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_looked_at:
            self._sync()
        self._stream.close()

    def _lock(self) -> None:
        """Insist that no other process writes the file; the lock ends with this process."""
        try:
            lock(self._stream)
        except BlockingIOError:
            raise FileExistsError(f"{self.file.parent}: another batch is writing there") from None
        # some file systems of clusters have no locks
        except OSError:
            return

    def _open(self, about: Mapping[str, Any], force: bool) -> None:
        header, end = self._read()
        known = header.get("key") if header else None
        if header is not None and known != about["key"]:
            # one that was made before an error of the whole run holds nothing
            if not force and (self._places or self.tables):
                raise FileExistsError(
                    f"{self.file.parent} holds {self._held(header)}; choose another folder, or "
                    "begin anew with --force (force=True in Python)"
                )
            self.begin_anew(about)
            return
        self._about = about
        if self._is_looked_at:
            return
        if end != self._stream.seek(0, os.SEEK_END):
            self._stream.truncate(end)
        if header is None:
            self._write({_HEADER: 1, **about})

    def begin_anew(self, about: Mapping[str, Any] | None = None) -> None:
        """Forget all images, as what is done may be another."""
        self._about = about or self._about
        if self._is_looked_at:
            self._forget()
            return
        self._clear(self)
        self._stream.truncate(0)
        self._forget()
        self._write({_HEADER: 1, **self._about})

    def _forget(self) -> None:
        self._places: dict[str, int] = {}
        self._done: set[str] = set()
        self._files: dict[str, list[str]] = {}
        # of each image all files that it ever had
        self._written: dict[str, set[str]] = {}
        self.names: dict[str, str] = {}
        self.images: dict[str, tuple[str, Path]] = {}
        self.tables: dict[str, str] = {}
        self.tables_of = ""
        self.damaged, self.is_finished = 0, False

    @property
    def written(self) -> set[str]:
        """Files of results, by their path from the folder of the batch."""
        return set().union(*self._written.values())

    def check(self) -> None:
        """Insist that the file is still the one that is written.

        Raises
        ------
        FileNotFoundError
            If it, or a folder around it, was moved, removed or replaced since it was opened.
        """
        if not (self._is_same() if self._is_numbered else self.file.exists()):
            raise FileNotFoundError(
                f"{self.file} was moved, removed or replaced during the run, which ends here. What "
                "is done is where that file is now: the same command goes on with that output"
            )

    def _is_same(self) -> bool:
        try:
            there = os.stat(self.file)
        except (FileNotFoundError, NotADirectoryError):
            return False
        # a network drive that does not answer says nothing
        except OSError:
            return True
        return os.path.samestat(there, os.fstat(self._stream.fileno()))

    def has_files(self, names: Iterable[str], keys: Iterable[str]) -> bool:
        """Whether results of images are there that are not those of other keys, too."""
        own = set().union(*(self._written.get(name, ()) for name in names))
        own -= {name for key in keys for name in self._files.get(key, ())}
        return any(has_content(self.file.parent / name) for name in own)

    def _read(self) -> tuple[dict[str, Any] | None, int]:
        """First line, and where the last whole line ends."""
        header, end = None, 0
        self._stream.seek(0)
        for line in self._stream:
            entry = entry_of(line)
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
            elif entry and _is_of_tables(entry):
                self._index_tables(entry)
            elif entry != {"finished": True}:
                self.damaged += 1
            self.is_finished = entry == {"finished": True}
            end += len(line)
        return header, end

    def _index(self, entry: Mapping[str, Any], place: int) -> None:
        self._places[entry["image"]] = place
        (self._done.discard if entry.get("problem") else self._done.add)(entry["image"])
        files = self._files[entry["image"]] = entry.get("files") or []
        if "path" in entry:
            self.names[os.path.abspath(entry["path"])] = entry["name"]
            self.images.pop(entry["image"], None)
            self.images[entry["image"]] = entry["name"], Path(entry["path"])
        self._written.setdefault(entry.get("name", entry["image"]), set()).update(files)

    def _index_tables(self, entry: Mapping[str, Any]) -> None:
        self.tables.update(entry["tables"])
        self.tables_of = entry["of"]

    def __contains__(self, key: str) -> bool:
        """Whether an image is done, without a problem, and the files of its result are there."""
        return self.is_done(key) and all(
            has_content(self.file.parent / name) for name in self._files[key]
        )

    def is_done(self, key: str) -> bool:
        """Whether an image was done without a problem, whatever became of the files."""
        return key in self._done

    def count(self, keys: Iterable[str]) -> int:
        """Give the number of images that are done."""
        return sum(map(self.is_done, keys))

    def add(self, key: str, entry: Mapping[str, Any]) -> set[str]:
        """Write down what became of an image.

        Returns
        -------
        set of str
            Files of its former results that the new one does not have, nor any other image.

        Raises
        ------
        FileNotFoundError
            As `check`.
        OSError
            If the disk is full, say; the line is not there then.
        """
        self.check()
        line = {"image": key, **entry}
        self._index(line, self._write(line))
        if time.monotonic() - self._synced > _SYNC:
            self._sync()
        name = entry.get("name", key)
        former = self._written[name].difference(self._files[key])
        if entry.get("problem") or not former:
            return set()
        self._written[name] = set(self._files[key])
        return former - self.written

    def note_tables(self, files: Mapping[str, str], of: str) -> None:
        """Write down which tables are there, or will be: see `tables` and `tables_of`."""
        self.check()
        line = {"tables": dict(files), "of": of}
        self._write(line)
        self._index_tables(line)

    def entries(self, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Read what became of images, in the order of the keys; those without a line are left out.

        Lines are read one by one: a table may be larger than one wants to keep twice.
        """
        for key in keys:
            if key in self._places:
                self._stream.seek(self._places[key])
                yield json.loads(self._stream.readline())

    def finish(self) -> None:
        """Write down that all images have been gone through, if it is not there yet."""
        if not self.is_finished:
            self._write({"finished": True})
            self.is_finished = True

    def _write(self, values: Mapping[str, Any]) -> int:
        self.is_finished = False
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


def entry_of(line: bytes) -> dict[str, Any] | None:
    """Read a line; None if it is none of a ledger."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_of_tables(entry: Mapping[str, Any]) -> bool:
    files = entry.get("tables")
    return (
        "image" not in entry
        and isinstance(files, dict)
        and all(isinstance(one, str) for one in files.values())
        and isinstance(entry.get("of"), str)
    )
