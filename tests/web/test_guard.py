import asyncio
import json

import pytest

from napari_visual_ccc.web.guard import POLICY, Guard
from napari_visual_ccc.web.settings import Settings

TOKEN = "0123456789abcdef"


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def asked(guard, path="/api/version", host="127.0.0.1:8000", **headers):
    names = [(b"host", host.encode())] if host else []
    names += [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": names}
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope, None, send))
    answered = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], answered, json.loads(sent[1]["body"])


def test_every_answer_has_the_headers():
    guard = Guard(app, Settings())
    for host in ("localhost", "evil.example"):
        _, headers, _ = asked(guard, host=host)
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert not any(name.startswith("access-control") for name in headers)
    assert POLICY.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in POLICY
    assert "unsafe" not in POLICY


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "", "127.0.0.1.evil.example"]
)
def test_rebound_names_are_refused(host):
    status, _, body = asked(Guard(app, Settings()), host=host, path="/")
    assert status == 400
    assert "--name" in body["error"]


@pytest.mark.parametrize("host", ["localhost:8000", "[::1]:8000", "127.0.0.1"])
def test_names_of_this_machine_are_taken(host):
    assert asked(Guard(app, Settings()), host=host)[0] == 200


def test_a_prefix_is_taken_with_it_and_without_and_opens_no_other_way():
    seen = []

    async def noted(scope, receive, send):
        seen.append(scope["path"])
        await app(scope, receive, send)

    guard = Guard(noted, Settings(prefix="/lab/ccc", token=TOKEN))
    token = {"authorization": f"Bearer {TOKEN}"}
    for path in ("/lab/ccc/api/version", "/api/version"):
        assert asked(guard, path)[0] == 401
        assert asked(guard, path, **token)[0] == 200
    for path in ("/lab/ccc/", "/lab/cccc/api/version", "/lab/ccc//api/version"):
        assert asked(guard, path)[0] == 200
    # what the application sees below /api/ needs the token
    assert seen == ["/api/version"] * 2 + ["/", "/lab/cccc/api/version", "//api/version"]
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/lab/ccc", "headers": [(b"host", b"localhost")]}
    asyncio.run(guard(scope, None, send))
    assert sent[0]["status"] == 308
    assert (b"location", b"/lab/ccc/") in sent[0]["headers"]


def test_pages_of_others_cannot_send_requests():
    guard = Guard(app, Settings())
    assert asked(guard, origin="http://evil.example")[0] == 403
    assert asked(guard, origin="null")[0] == 403
    assert asked(guard, sec_fetch_site="cross-site")[0] == 403
    assert asked(guard, origin="http://127.0.0.1:8000", sec_fetch_site="same-origin")[0] == 200
    # a link on another page may lead here
    assert asked(guard, path="/", sec_fetch_site="cross-site")[0] == 200


def test_the_token_is_needed_for_all_that_tells_of_images_or_the_server():
    guard = Guard(app, Settings(token=TOKEN))
    for path in ("/", "/api/health", "/api/schema"):
        assert asked(guard, path=path)[0] == 200
    for path in ("/api/version", "/api/jobs", "/api/jobs/1", "/api/jobs/1/files/a.png"):
        assert asked(guard, path=path)[0] == 401
    status, headers, _ = asked(guard)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert asked(guard, authorization=f"Bearer {TOKEN}x")[0] == 401
    assert asked(guard, authorization=f"Basic {TOKEN}")[0] == 401
    assert asked(guard, authorization=f"Bearer {TOKEN}")[0] == 200


def test_many_wrong_tokens_must_wait_and_the_right_one_not():
    guard = Guard(app, Settings(token=TOKEN))
    states = [asked(guard, authorization="Bearer wrong")[0] for _ in range(11)]
    assert states == [401] * 10 + [429]
    status, headers, _ = asked(guard, authorization="Bearer wrong")
    assert (status, headers["retry-after"]) == (429, "60")
    assert asked(guard, authorization=f"Bearer {TOKEN}")[0] == 200
