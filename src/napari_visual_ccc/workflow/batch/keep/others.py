"""What the folder of a batch holds of others: of images that are not given, of another batch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ....core.plain import printable, real, shown
from ..ledger import Ledger

# the package, among the versions in a ledger
_PACKAGE = "napari-visual-ccc"

# choices that a message names
_NAMED = 3

# stands for the content of a file among the choices
_HASH = re.compile("[0-9a-f]{64}")

# a choice that the other batch has not
_NONE = object()


def lost(ledger: Ledger, images: Mapping[str, Path]) -> list[str]:
    """Name the images done before that are not among these, though their files may be there.

    An image whose file was removed from a folder that is there is not meant.

    Parameters
    ----------
    ledger : Ledger
        Of the batch.
    images : mapping of str to Path
        Files of the images by their keys.
    """
    moved = _moved(ledger, images)
    return [
        str(file)
        for file in others(ledger, images).values()
        if _may_be_there([file, *_now(file, moved)])
    ]


def others(ledger: Ledger, images: Mapping[str, Path]) -> dict[str, Path]:
    """Files of the images done before that are not among these, by the names of the images.

    An image that has changed has an entry of each of its states, with the path of that time: it is
    among these if one of them is, as folders may have been moved or copied since.
    """
    named = {ledger.images[key][0] for key in images if key in ledger.images}
    found = {
        name: file
        for key, (name, file) in ledger.images.items()
        if key not in images and name not in named and ledger.is_done(key)
    }
    if not found:
        return {}
    # links are looked up file by file, which takes long on network drives
    given, moved = set(map(real, images.values())), _moved(ledger, images)
    return {
        name: file
        for name, file in found.items()
        if given.isdisjoint(map(real, [file, *_now(file, moved)]))
    }


def _moved(ledger: Ledger, images: Mapping[str, Path]) -> set[tuple[Path, Path]]:
    """Folders whose images are now in another one: before and now."""
    found = set[tuple[Path, Path]]()
    for key, new in images.items():
        if key in ledger.images and (old := ledger.images[key][1]) != new:
            before, now = old, new
            while before.name == now.name and before.name:
                before, now = before.parent, now.parent
            found.add((before, now))
    return found


def _now(file: Path, moved: Iterable[tuple[Path, Path]]) -> list[Path]:
    """Where a file is, if it went with its folder."""
    if file.exists():
        return []
    return [now / file.relative_to(before) for before, now in moved if file.is_relative_to(before)]


def _may_be_there(places: list[Path]) -> bool:
    known = [one for one in places if one.parent.is_dir()]
    return not known or any(one.exists() for one in known)


def held(about: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """Say what a folder holds, and how it differs from a batch.

    Parameters
    ----------
    about : mapping
        What the batch does, from `job.about_of`.
    header : mapping
        The same of the batch that is there; earlier versions wrote no choices.
    """
    title = printable(str(header.get("title") or "another batch"))
    if title != about["title"]:
        return f"results of {title}, not of {about['title']}"
    before, now = (_version(one) for one in (header, about))
    made = f"made by version {before} (this is {now})" if before and before != now else ""
    known = header.get("choices")
    differ = _differences(known, about["choices"]) if isinstance(known, Mapping) else []
    if made and not differ:
        return f"results of {title} {made}"
    listed = ", ".join(differ[:_NAMED])
    if len(differ) > _NAMED:
        listed += f" and {len(differ) - _NAMED} more"
    listed = f" ({listed})" if differ else ""
    return f"results of {title} with other choices{listed}{made and f', {made}'}"


def _version(about: Mapping[str, Any]) -> str:
    versions = about.get("versions")
    return printable(str(versions.get(_PACKAGE, ""))) if isinstance(versions, Mapping) else ""


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    pairs = [(key, before.get(key, _NONE), now.get(key, _NONE)) for key in {**now, **before}]
    return [
        f"{printable(key)} {_spelled(old)}, now {_spelled(new)}"
        for key, old, new in pairs
        if old != new
    ]


def _spelled(value: Any) -> str:
    if isinstance(value, str) and value:
        if _HASH.fullmatch(value):
            return f"a file {value[:8]}"
        return printable(shown(value)[1:-1])
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value in (_NONE, None, "", {}, []) else printable(shown(value))
