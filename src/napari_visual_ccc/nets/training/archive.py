"""What a file of torch holds, before torch reads it."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path
from typing import Any

from ...core.plain import is_waited_for

# of weights with their optimiser, which has some ten thousand tensors at the most
_LONGEST_PICKLE, _DEEPEST = 64_000_000, 200

# what makes objects whose hash is that of their parts
_HASHED = (
    "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET", "REDUCE", "NEWOBJ", "NEWOBJ_EX",
)  # fmt: skip


def trouble(path: Path, *, longest: int = _LONGEST_PICKLE) -> str:
    """Give the reason why torch must not read this file, or an empty string.

    Hashing deeply nested tuples overflows the C stack, which ends the process. A small archive may
    inflate to any size; torch compresses nothing.

    Parameters
    ----------
    path : Path
        As `torch.save` writes it.
    longest : int
        Bytes of its pickle, at the most.

    Raises
    ------
    zipfile.BadZipFile, OSError, ValueError, LookupError
        If it is damaged, or no archive.
    """
    if is_waited_for(path):
        return "it is a pipe, a socket or a device"
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        pickles = [member for member in members if member.filename.endswith(".pkl")]
        if len(pickles) != 1:
            return "it is a program or an archive, no file of weights"
        inflated = sum(member.file_size for member in members)
        if pickles[0].file_size > longest or inflated > path.stat().st_size:
            return "it is far larger than weights of its networks"
        too_deep = depth(archive.read(pickles[0])) > _DEEPEST
    return "it is nested far deeper than weights are" if too_deep else ""


def depth(pickled: bytes) -> int:
    """How deep the tuples of a pickle are nested; nothing is unpickled."""
    # depths of the objects on the stack of the unpickler, None for a mark
    stack: list[int | None] = []
    memo: dict[Any, int | None] = {}
    deepest = 0
    for code, argument, _ in pickletools.genops(pickled):
        if "PUT" in code.name or code.name == "MEMOIZE":
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif "GET" in code.name:
            stack.append(memo[argument])
        elif code.name == "MARK":
            stack.append(None)
        else:
            inside = _taken(code, stack)
            found = inside + 1 if code.name in _HASHED else 0
            stack.extend([found] * len(code.stack_after))
            deepest = max(deepest, found)
    return deepest


def _taken(code: pickletools.OpcodeInfo, stack: list[int | None]) -> int:
    """Take what an operation does off the stack; depth of the deepest object."""
    taken: list[int | None] = []
    count = len(code.stack_before)
    if pickletools.stackslice in code.stack_before:
        while (one := stack.pop()) is not None:
            taken.append(one)
        count -= 2
    taken += [stack.pop() for _ in range(count)]
    return max((one or 0 for one in taken), default=0)
