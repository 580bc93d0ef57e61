"""Take an image from a request: streamed, limited in size and kind, never by its path."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import math
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from ..core.units import length
from ..io.read import FOLDERS, READERS
from ..io.read.pictures import SUFFIXES as PICTURES
from .settings import MEGABYTE, Limits, Refused, base64_bytes

# first bytes of a file → suffix of its kind
_STARTS = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
    b"BM": ".bmp",
    b"\x00\x00\x00\x0cjP  ": ".jp2",
    b"\xff\x4f\xff\x51": ".j2k",
    b"II*\x00": ".tif",
    b"MM\x00*": ".tif",
    b"II+\x00": ".tif",
    b"MM\x00+": ".tif",
    b"\x93NUMPY": ".npy",
}

# kinds that are known by their first bytes, whatever the name of the file says
_BY_START = {*PICTURES, *_STARTS.values(), ".tiff"}

# the index of .ser files, which must lie beside it
_NEEDS_OTHERS = ".emi"

_NAME_LENGTH, _UNIT_LENGTH = 100, 20

# for reading what nobody will use: more than what is taken, so that a client that sends too much
# sees the limit and no broken connection
_DISCARD_BYTES, _DISCARD_SECONDS = 512 * MEGABYTE, 30

# fields of a form beside its file, and bytes of one
_FIELDS, _FIELD_BYTES = 40, 64 << 10


@dataclass(frozen=True)
class Sent:
    """What a request carries.

    Parameters
    ----------
    file : Path, optional
        The image, in the folder of its job.
    name : str
        What the client calls it, to be shown.
    fields : dict
        Everything else.
    is_form : bool
        Whether all fields are texts.
    """

    file: Path | None
    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    is_form: bool = False


def shown_name(name: str) -> str:
    """Make a name fit to be shown: its last part, without control characters, of limited length."""
    last = PurePosixPath(name.replace("\\", "/")).name
    kept = "".join(one if one.isprintable() else "_" for one in last)
    return re.sub(r"[<>:\"|?*/]", "_", kept).strip(" .")[-_NAME_LENGTH:] or "image"


def suffixes() -> list[str]:
    """Kinds of files that can be sent: one file that holds an image."""
    return [one for one in READERS if one not in (*FOLDERS, _NEEDS_OTHERS)]


def suffix_of(start: bytes, name: str) -> str:
    """Find the kind of a file by its first bytes; by its name where those do not say.

    Raises
    ------
    Refused
        If it is not a kind of image that can be read.
    """
    found = next((kind for begin, kind in _STARTS.items() if start.startswith(begin)), "")
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        found = ".webp"
    said = PurePosixPath(name).suffix.lower()
    if said == _NEEDS_OTHERS:
        raise Refused(415, f"{name} has no pixels of its own: send the .ser file beside it")
    if said not in _BY_START and said in suffixes():
        return said
    if not found:
        raise Refused(415, f"{name} is not a kind of image that can be read")
    return found


async def receive(request: Request, folder: Path, limits: Limits) -> Sent:
    """Take the image and the fields of a request.

    Parameters
    ----------
    request : Request
        ``multipart/form-data`` with a ``file``, or JSON with the file as base64 in ``data``.
    folder : Path
        Where to put the image.
    limits : Limits
        Of size and time.

    Raises
    ------
    Refused
        If it is too large, too slow, of an unknown kind, or not well-formed.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/json"):
        raise Refused(415, "send the image as multipart/form-data, or as base64 in JSON")
    is_form = kind == "multipart/form-data"
    # a form has its fields and its own lines beside the file
    most = limits.file_bytes + MEGABYTE if is_form else limits.text_bytes
    refusal = _too_large(limits, is_form=is_form)
    _check_length(request, most, refusal)
    limited = Request(request.scope, _limited(request.receive, most, refusal))
    try:
        reading = (_form if is_form else _json)(limited, folder, limits)
        return await asyncio.wait_for(reading, limits.upload_seconds)
    except asyncio.TimeoutError:
        raise Refused(408, "the image was not sent within the time; try again") from None
    except ClientDisconnect:
        raise Refused(400, "the image was not sent to its end; try again") from None


async def discard(
    request: Request, most: int = _DISCARD_BYTES, seconds: float = _DISCARD_SECONDS
) -> None:
    """Read what a client still sends, so that it sees the answer and no broken connection.

    Parameters
    ----------
    request : Request
        That was refused.
    most : int
        Bytes to read.
    seconds : float
        To read for, whatever still comes.
    """
    left, end = most, time.monotonic() + seconds
    with contextlib.suppress(ClientDisconnect, RuntimeError, asyncio.TimeoutError):
        while left > 0 and (rest := end - time.monotonic()) > 0:
            message = await asyncio.wait_for(request.receive(), min(5, rest))
            left -= len(message.get("body", b""))
            if not message.get("more_body"):
                return


def _check_length(request: Request, most: int, refusal: Refused) -> None:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal():
        raise Refused(400, "the length of the request is no number")
    if int(length) > most:
        raise refusal


def _too_large(limits: Limits, *, is_form: bool) -> Refused:
    """The answer to a request that is too large: the limit of the file, and of JSON if lower."""
    most, text = _megabytes(limits.file_bytes), _megabytes(limits.text_bytes)
    if is_form or limits.text_bytes >= base64_bytes(limits.file_bytes):
        return Refused(413, f"the request is too large; the file may have at most {most}")
    return Refused(
        413,
        f"the request is too large; at most {most} are taken of a file that is sent as a form, "
        f"{text} of a request as JSON",
    )


def _check_file(size: int, limits: Limits) -> None:
    if size > limits.file_bytes:
        most = _megabytes(limits.file_bytes)
        raise Refused(413, f"the file has {_megabytes(size)}; at most {most} are taken")


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.4g} MB"


def _limited(receive: Receive, most: int, refusal: Refused) -> Receive:
    """Count what really arrives: a client may state another length, or none."""
    arrived = 0

    async def counted() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > most:
            raise refusal
        return message

    return counted


async def _form(request: Request, folder: Path, limits: Limits) -> Sent:
    try:
        form = request.form(max_files=1, max_fields=_FIELDS, max_part_size=_FIELD_BYTES)
        async with form as parts:
            names = [key for key, _ in parts.multi_items()]
            _refuse_twice(names)
            file = parts.get("file")
            others = [key for key, one in parts.items() if not isinstance(one, str)]
            if others not in ([], ["file"]):
                raise Refused(400, f"the image must be sent as file, not as {others[0][:40]!r}")
            fields = {key: one for key, one in parts.items() if isinstance(one, str)}
            if not isinstance(file, UploadFile):
                return Sent(None, "", fields, is_form=True)
            _check_file(file.size or 0, limits)
            name = shown_name(file.filename or "")
            path = folder / f"image{suffix_of(await _start(file), name)}"
            await run_in_threadpool(_store, file, path)
            return Sent(path, name, fields, is_form=True)
    except HTTPException as error:
        raise Refused(400, f"the form cannot be read: {error.detail}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON whose names differ."""
    _refuse_twice([key for key, _ in pairs])
    return dict(pairs)


def _refuse_twice(names: list[str]) -> None:
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise Refused(400, f"{twice[:40]!r} is given twice")


def frame_of(fields: dict[str, Any], *, texts: bool) -> dict[str, Any]:
    """Pixel size and slice of a request, taken out of its fields.

    Parameters
    ----------
    fields : dict
        Loses ``spacing``, ``unit`` and ``slice``.
    texts : bool
        Whether numbers are texts, as a form sends them.

    Returns
    -------
    dict
        ``slice``; ``spacing`` and ``unit`` where a pixel size is given.

    Raises
    ------
    Refused
        If a value is of a wrong kind or not plausible, or there is a unit alone.
    """
    numbers: dict[str, float] = {}
    for key in ("spacing", "slice"):
        if key in fields:
            numbers[key] = _number(key, fields.pop(key), texts)
    number, unit = numbers.pop("slice", 0), fields.pop("unit", None)
    if number < 0 or not float(number).is_integer():
        raise Refused(422, "slice must be a whole number from zero")
    if not numbers:
        if unit is not None:
            raise Refused(422, "unit is given without spacing: give both, or neither")
        return {"slice": int(number)}
    if unit is not None and not isinstance(unit, str):
        raise Refused(422, "unit must be a text")
    try:
        size, unit = length(numbers["spacing"], "nm" if unit is None else unit[:_UNIT_LENGTH])
    except ValueError as error:
        raise Refused(422, str(error)) from None
    return {"slice": int(number), "spacing": size, "unit": unit}


def _number(name: str, value: Any, texts: bool) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str if texts else int | float):
            raise ValueError
        found = float(value)
        if not math.isfinite(found):
            raise ValueError
        return found
    # OverflowError: JSON has numbers that Python cannot turn into the other kind
    except (ValueError, OverflowError):
        raise Refused(422, f"{name} must be a number") from None


async def _start(file: UploadFile) -> bytes:
    await file.seek(0)
    start = await file.read(16)
    await file.seek(0)
    return start


def _store(file: UploadFile, path: Path) -> None:
    with path.open("xb") as target:
        shutil.copyfileobj(file.file, target, MEGABYTE)


async def _json(request: Request, folder: Path, limits: Limits) -> Sent:
    try:
        fields = json.loads(await request.body(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Refused(400, "the request is not JSON") from None
    if not isinstance(fields, dict):
        raise Refused(400, "the request is not a JSON object")
    for key in ("data", "name", "image", "operation"):
        if key in fields and not isinstance(fields[key], str):
            raise Refused(400, f"{key} must be a text")
    if "data" not in fields:
        if "name" in fields:
            raise Refused(400, "name is that of the file in data, and there is no data")
        return Sent(None, "", fields)
    data, name = fields.pop("data"), shown_name(fields.pop("name", ""))
    try:
        # a browser's data URL names its type first; the command base64 writes lines
        letters = "".join(data.rpartition("base64,")[2].split())
        pixels = base64.b64decode(letters, validate=True)
    except (ValueError, binascii.Error):
        raise Refused(400, "data is not base64") from None
    _check_file(len(pixels), limits)
    path = folder / f"image{suffix_of(pixels[:16], name)}"
    await run_in_threadpool(path.write_bytes, pixels)
    return Sent(path, name, fields)
