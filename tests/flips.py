"""Read damaged copies of files in a process of its own, with little memory to waste.

``python -m tests.flips COUNT FILE...`` prints as JSON what went wrong with each file.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from napari_visual_ccc.io import read as formats

# of one reading
SECONDS = 10
# that it may take beyond what the imports took; files here have less than a megabyte
SPARE_BYTES = 4 << 30
RESIDENT_BYTES = 400 << 20


def damaged(raw: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Copies with some bytes changed; half of them near the start, where headers are."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        copy = bytearray(raw)
        reach = len(raw) if number % 2 else min(len(raw), 2048)
        for place in rng.integers(0, reach, rng.integers(1, 9)):
            copy[place] ^= int(rng.integers(1, 256))
        if number % 20 == 19:
            copy = copy[: int(rng.integers(0, len(copy)))]
        yield bytes(copy)


def fault(path: Path) -> str:
    """Read a file whole; what is wrong with how that ends, if anything."""
    # a busy machine takes longer for what ends
    faulthandler.dump_traceback_later(60 * SECONDS, exit=True)
    start = time.process_time()
    try:
        for one in formats.read_all(path):
            for data in (one.data, *one.levels):
                np.asarray(data)
            assert one.spacing is None or all(0 < size < np.inf for size in one.spacing)
    except (ValueError, OSError) as error:
        if path.name not in str(error):
            return f"{type(error).__name__} without the name: {error}"
        if len(str(error).splitlines()) > 1:
            return f"more than a line: {error}"
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    taken = time.process_time() - start
    return f"took {taken:.0f} s" if taken > SECONDS else ""


def flips(path: Path, count: int, folder: Path) -> list[str]:
    """Damage a file so many times, and the text beside it, or the files of a store, in turn."""
    copy = folder / path.name
    if path.is_dir():
        shutil.copytree(path, copy)
        targets = sorted(one for one in copy.rglob("*") if one.is_file())
    else:
        beside = sorted(one for one in path.parent.glob(f"{path.stem}.*") if one.is_file())
        targets = [Path(shutil.copyfile(one, folder / one.name)) for one in beside]
    whole = [one.read_bytes() for one in targets]
    copies = [damaged(raw, count, seed=len(raw)) for raw in whole]
    found = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        turn = number % len(targets)
        targets[turn].write_bytes(next(copies[turn]))
        print(f"{path.name} {number}", file=sys.stderr)
        wrong = fault(copy)
        if wrong:
            found.append(f"{number}: {wrong}")
        targets[turn].write_bytes(whole[turn])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    if grown > RESIDENT_BYTES:
        found.append(f"memory grew by {grown >> 20} MiB")
    return found


def main(count: int, paths: list[Path]) -> dict[str, list[str]]:
    """Damage every file; only what went wrong is returned."""
    logging.disable(logging.CRITICAL)
    for path in paths:
        # imports come before memory is counted
        formats.read_all(path)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + SPARE_BYTES,) * 2)
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for path in paths:
            place = Path(folder) / f"{len(found)}"
            place.mkdir()
            found[path.name] = flips(path, count, place)
    return {name: wrong for name, wrong in found.items() if wrong}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), [Path(one) for one in sys.argv[2:]]), indent=1))
