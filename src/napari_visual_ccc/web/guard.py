"""Checks of every request before anything else sees it, and headers of every answer."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import deque
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .settings import Refused, Settings, plain_error

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

# tokens that may be wrong within so many seconds
_WRONG, _SECONDS = 10, 60

# for a container or a proxy, and for those who write a program: they tell nothing of anybody
_OPEN = ("/api/health", "/api/schema")


class Guard:
    """Lets requests through that name this server, come from its own page and carry the token.

    Parameters
    ----------
    app : ASGI application
        What answers them.
    settings : Settings
        Names and token of the server.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self._token = _digest(settings.token)
        self._wrong: deque[float] = deque(maxlen=_WRONG)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        # there is nothing else here, such as web sockets
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        scope = _below(scope, self.settings.prefix)
        try:
            self._check(Headers(scope=scope), scope["path"])
            if scope.get("query_string") and scope["path"].startswith("/api/"):
                raise Refused(400, "nothing is taken from behind a question mark: send fields")
        except Refused as refused:
            await answer(refused)(scope, receive, with_headers)
            return
        if not scope["path"]:
            # addresses in the page are relative to the folder that it lies in
            page = RedirectResponse(f"{self.settings.prefix}/", 308)
            await page(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)

    def _check(self, headers: Headers, path: str) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.settings.knows(_without_port(hosts[0])):
            raise Refused(
                400, "this server is not known by that name; start it with --name and the name"
            )
        if not path.startswith("/api/"):
            return
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != hosts[0].lower():
            raise Refused(403, "requests are taken from the page of this server only")
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Refused(403, "requests are taken from the page of this server only")
        if self.settings.token and path not in _OPEN:
            self._check_token(headers.get("authorization", ""))

    def _check_token(self, header: str) -> None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, "a token is needed: enter it on the page, or send it as Bearer")
        if hmac.compare_digest(_digest(token.strip()), self._token):
            return
        now = time.monotonic()
        many = len(self._wrong) == _WRONG and now - self._wrong[0] < _SECONDS
        self._wrong.append(now)
        if many:
            raise Refused(429, "too many wrong tokens; wait a minute", wait=_SECONDS)
        raise Refused(401, "the token is wrong")


def _below(scope: Scope, prefix: str) -> Scope:
    """A request without the prefix of its path, which a proxy may have taken away or not."""
    path: str = scope["path"]
    if not prefix or not (path + "/").startswith(prefix + "/"):
        return scope
    return {**scope, "path": path.removeprefix(prefix)}


def _digest(text: str) -> bytes:
    """Hash a token: comparing takes the same time whatever its length."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def answer(refused: Refused) -> JSONResponse:
    """Make the answer to a request that is refused."""
    headers: dict[str, Any] = {}
    if refused.wait:
        headers["retry-after"] = str(refused.wait)
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(plain_error(refused.message), refused.status, headers)
