"""What a server is started with, and what it takes from its clients."""

from __future__ import annotations

import errno
import ipaddress
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MEGABYTE = 1 << 20

# characters of a token: 16 random ones cannot be guessed
TOKEN_LENGTH = 16

# letters that mean the same in an address, a header and a page
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")

_LOCAL = ("localhost", "127.0.0.1", "::1")


class Refused(Exception):
    """A request that is not answered as asked.

    Parameters
    ----------
    status : int
        Of HTTP.
    message : str
        One sentence: what is wrong, and what to do.
    wait : int
        Seconds after which to try again; 0 for never.
    """

    def __init__(self, status: int, message: str, wait: int = 0) -> None:
        super().__init__(message)
        self.status, self.message, self.wait = status, message, wait


def base64_bytes(size: int) -> int:
    """Bytes of a file as base64."""
    return -(-size // 3) * 4


@dataclass(frozen=True)
class Limits:
    """Limits of requests and of what is kept.

    Parameters
    ----------
    file_bytes, text_bytes : int
        Of an image, sent as a file or as base64; of a JSON request, which is held in memory.
    pixels : int
        Of an image, all its slices and colours.
    upload_seconds, decode_seconds, job_seconds : int
        For sending an image, for decoding it, for computing.
    decode_bytes : int
        Memory of the process that decodes an image.
    workers, waiting : int
        Jobs that run at once, and that wait.
    kept_seconds : int
        For which results are kept after their last use.
    kept_jobs, kept_bytes : int
        Of results that are kept; beyond it the oldest ones are deleted early.
    """

    file_bytes: int = 100 * MEGABYTE
    text_bytes: int = 16 * MEGABYTE
    pixels: int = 64_000_000
    upload_seconds: int = 120
    decode_seconds: int = 30
    job_seconds: int = 120
    decode_bytes: int = 4096 * MEGABYTE
    workers: int = 2
    waiting: int = 16
    kept_seconds: int = 600
    kept_jobs: int = 500
    kept_bytes: int = 2048 * MEGABYTE

    def plain(self) -> dict[str, int]:
        """The limits by name."""
        return asdict(self)


@dataclass(frozen=True)
class Settings:
    """What a server is started with.

    Parameters
    ----------
    model, recipe : Path, optional
        Model file, the shipped one by default; record that the page offers to repeat.
    host, port : str, int
        Address to listen on; port 0 is a free one.
    names : tuple of str
        Further names that clients call this server by, such as that of a reverse proxy.
    token : str
        Every request must carry it; empty for none.
    limits : Limits
        Of requests.
    prefix : str
        Path of the page where a proxy has it below one, such as ``/micrographs``.
    """

    model: Path | None = None
    recipe: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    limits: Limits = Limits()
    prefix: str = ""

    def check(self, *, remote: bool = False) -> None:
        """Insist on a token where others than this machine can connect.

        Parameters
        ----------
        remote : bool
            Whether other addresses than this machine's own are allowed.

        Raises
        ------
        ValueError
            If they are not allowed, or there is no token, or a short one; or the prefix is no
            path.
        """
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"the prefix is {self.prefix!r}; write it as /micrographs")
        local = self.host in _LOCAL
        if not local and not remote:
            raise ValueError(
                f"{self.host} can be reached by other machines; add --allow-remote and a token"
            )
        if (not local or self.names) and not self.token:
            raise ValueError(
                "a server that others can reach needs a token: write one into a file, and give "
                "the file as --token-file, or set the variable VISUAL_CCC_TOKEN"
            )
        # others cannot be sent in a header
        sent = self.token.isascii() and self.token.isprintable() and " " not in self.token
        if self.token and (len(self.token) < TOKEN_LENGTH or not sent):
            raise ValueError(
                f"the token is too short or has other letters: at least {TOKEN_LENGTH} "
                "characters, in one line: ASCII without spaces"
            )

    def knows(self, host: str) -> bool:
        """Whether a name in a request is one of this server.

        A page of a stranger may have its name lead to this machine (DNS rebinding), never its
        address: addresses are taken.
        """
        name = host.lower().rstrip(".")
        if name in (*_LOCAL, self.host.lower(), *map(str.lower, self.names)):
            return True
        try:
            return bool(ipaddress.ip_address(name))
        except ValueError:
            return False


def disk_error(error: OSError) -> Refused:
    """Say that the server cannot store its files, without their paths."""
    # NumPy states no number where a file is written in part
    if error.errno in (None, errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        return Refused(507, "the server cannot store a file: its disk may be full; try again later")
    return Refused(507, "the server cannot read or write its files; tell the person who runs it")


def plain_error(message: str) -> dict[str, Any]:
    """Body of an answer that is an error."""
    return {"error": message}
