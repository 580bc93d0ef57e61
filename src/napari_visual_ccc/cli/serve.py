"""The command that serves the web page."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..web.settings import MEGABYTE, Limits, Settings, base64_bytes
from .terminal import CONTEXT, FILE, OK

if TYPE_CHECKING:
    import uvicorn

# of the environment, for containers
TOKEN = "VISUAL_CCC_TOKEN"

# of the file of a token
_MOST_BYTES = 65536

_DEFAULT, _LIMITS = Settings(), Limits()


def _serve(
    model: Path | None, recipe: Path | None, host: str, port: int, allow_remote: bool,
    names: tuple[str, ...], prefix: str, token_file: Path | None, **numbers: int,
) -> int:  # fmt: skip
    """Serve a web page that classifies, explains and segments images that are sent to it.

    Only this machine can open it, unless --allow-remote and a token are given.
    """
    from ..web.server import serve

    pixels, file_bytes = numbers["megapixels"] * 1_000_000, numbers["megabytes"] * MEGABYTE
    limits = Limits(
        file_bytes=file_bytes, pixels=pixels,
        # held in memory, unlike a file: never more than by default
        text_bytes=min(_LIMITS.text_bytes, base64_bytes(file_bytes) + MEGABYTE),
        # a larger image needs more: eight numbers of double precision for a pixel
        decode_bytes=max(_LIMITS.decode_bytes, 64 * pixels),
        workers=numbers["workers"], waiting=numbers["queue"], kept_seconds=60 * numbers["expiry"],
    )  # fmt: skip
    settings = Settings(
        model, recipe, host, port, names, _token(token_file), limits, prefix.rstrip("/")
    )
    try:
        settings.check(remote=allow_remote)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with contextlib.suppress(KeyboardInterrupt):
        serve(settings, _ready)
    return OK


def _token(file: Path | None) -> str:
    """The token, which is never a word of the command: others would see it in the list of tasks."""
    try:
        given = os.environ.get(TOKEN) if file is None else _beginning(file).decode()
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is no text: write the token into it") from None
    if given is None:
        return ""
    token = given.strip()
    # an empty one would open the server to all
    if not token:
        raise click.UsageError(f"there is no token in {TOKEN if file is None else file}")
    return token


def _beginning(file: Path) -> bytes:
    """All that a token can be of a file; it may be a pipe, or a device without end."""
    with file.open("rb") as opened:
        return opened.read(_MOST_BYTES)


def _ready(address: str, _: uvicorn.Server) -> None:
    print(f"{address}  (Ctrl+C ends the server)", flush=True)


def _number(name: str, default: int, most: int, text: str) -> click.Option:
    kind = click.IntRange(1, most)
    return click.Option([name], type=kind, default=default, help=f"{text} (default: {default})")


def command() -> click.Command:
    """Make the command."""
    return click.Command(
        "serve",
        callback=_serve,
        params=[
            click.Option(
                ["--model"], type=FILE, metavar="FILE",
                help="Model file (.safetensors); the shipped model by default.",
            ),
            click.Option(
                ["--recipe"], type=FILE, metavar="FILE",
                help="Record (YAML, or a result that carries one) that the page offers to repeat.",
            ),
            click.Option(
                ["--host"], default=_DEFAULT.host,
                help=f"Address to listen on (default: {_DEFAULT.host}, this machine alone)",
            ),
            click.Option(
                ["--port"], type=click.IntRange(0, 65535), default=_DEFAULT.port,
                help=f"Port; 0 takes a free one (default: {_DEFAULT.port})",
            ),
            click.Option(
                ["--allow-remote"], is_flag=True, help="Allow a --host that others can reach.",
            ),
            click.Option(
                ["names", "--name"], multiple=True, metavar="NAME",
                help="Further name of this server, such as that of a reverse proxy.",
            ),
            click.Option(
                ["--prefix"], default="", metavar="PATH",
                help="Path below which a proxy has the page, such as /micrographs.",
            ),
            click.Option(
                ["--token-file"], type=FILE, metavar="FILE",
                help=f"File with the token that clients must send; by default of {TOKEN}.",
            ),
            _number("--workers", _LIMITS.workers, 64, "Jobs that run at once."),
            _number("--queue", _LIMITS.waiting, 1000, "Jobs that may wait."),
            _number("--megabytes", _LIMITS.file_bytes // MEGABYTE, 4000, "Largest file."),
            _number("--megapixels", _LIMITS.pixels // 1_000_000, 2000, "Largest image."),
            _number("--expiry", _LIMITS.kept_seconds // 60, 1440, "Minutes results are kept."),
        ],
        help=_serve.__doc__,
        context_settings=CONTEXT,
    )  # fmt: skip
