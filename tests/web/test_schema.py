import base64
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest

from napari_visual_ccc.web import offers
from napari_visual_ccc.web.schema import openapi
from napari_visual_ccc.web.settings import Settings

from .conftest import LIMITS, Described, running


def test_every_reference_and_operation_is_there():
    told = openapi(Settings(recipe=Path("a.yaml"), token="0123456789abcdef"))
    text = json.dumps(told)
    for reference in text.split('"$ref": "#/components/schemas/')[1:]:
        assert reference.split('"')[0] in told["components"]["schemas"]
    for name in [*offers.OFFERED, "recipe"]:
        assert f"/api/{name}" in told["paths"]
    assert told["security"]


def test_a_server_without_a_recipe_offers_none():
    told = openapi(Settings())
    assert "/api/recipe" not in told["paths"]
    assert told["security"] == []
    body = told["paths"]["/api/jobs"]["post"]["requestBody"]["content"]["application/json"]
    allowed = body["schema"]["allOf"][1]["properties"]["operation"]["enum"]
    assert allowed == offers.names(Settings())


def test_defaults_are_of_the_types_that_are_described(described):
    for name in offers.names(Settings()):
        told = described.document["components"]["schemas"][name]["properties"]
        for one in told.values():
            assert described.errors(one, one["default"]) == []


def square() -> bytes:
    image, file = np.zeros((64, 64), np.uint8), io.BytesIO()
    image[20:40, 20:40] = 200
    np.save(file, image)
    return file.getvalue()


DATA = base64.b64encode(square()).decode()

FRAME = {"spacing": 2.5, "unit": "nm", "slice": 0}

# what of the defaults of an operation is quick
QUICK = {"classify": {"tta": False}, "activations": {"channels": 4}}


@pytest.mark.parametrize("name", offers.OFFERED)
def test_real_requests_and_their_answers_are_as_described(client, described, name):
    known = described.document["components"]["schemas"][name]["properties"]
    every = {key: one["default"] for key, one in known.items()} | QUICK.get(name, {})
    sent = {"data": DATA, "name": "a.npy"}
    assert described.request(f"/api/{name}", "application/json", sent) == []
    sent |= FRAME | every
    assert described.request(f"/api/{name}", "application/json", sent) == []
    # answers are checked by the client
    assert client.post(f"/api/{name}", json=sent).status_code == 200
    queued = {**sent, "operation": name}
    assert described.request("/api/jobs", "application/json", queued) == []
    job = client.post("/api/jobs", json=queued)
    assert job.status_code == 202
    form = {**FRAME, **every}
    assert described.request(f"/api/{name}", "multipart/form-data", {**form, "file": "x"}) == []
    again = {"image": job.json()["id"], **every}
    assert described.request(f"/api/{name}", "application/json", again) == []
    done = client.post(f"/api/{name}", json=again)
    assert done.status_code == 200
    for one in done.json()["result"]["files"]:
        assert client.get(one["url"]).headers["content-type"].startswith(one["type"])
    assert client.delete(job.headers["location"]).status_code == 204


def test_a_preview_is_as_described(client, described):
    body = {"operation": "preview", "data": DATA, "name": "a.npy"}
    assert described.request("/api/jobs", "application/json", body) == []
    where = client.post("/api/jobs", json=body).headers["location"]
    # its states until it is done, each checked
    while client.get(where).json()["state"] != "done":
        time.sleep(0.02)
    assert described.request("/api/jobs", "multipart/form-data", {"operation": "preview"}) != []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("classify", {}),
        ("classify", {"data": DATA, "stride": 1}),
        ("classify", {"data": DATA, "model": "/etc/passwd"}),
        ("threshold", {"data": DATA, "target": "cube"}),
        ("threshold", {"data": DATA, "dimensions": "3D"}),
        ("activations", {"data": DATA, "rank_by": "class AUC"}),
        ("activations", {"data": DATA, "show": "attention"}),
        ("jobs", {"data": DATA}),
        ("jobs", {"data": DATA, "operation": "train"}),
        ("jobs", {"data": DATA, "operation": "threshold", "target": "cube"}),
        ("kmeans", {"data": DATA, "spacing": 0}),
        ("kmeans", {"file": "a.png"}),
        ("kmeans", {"data": DATA, "unit": "nm"}),
        ("kmeans", {"data": DATA, "spacing": None}),
        ("kmeans", {"data": DATA, "spacing": "2"}),
        ("kmeans", {"data": DATA, "spacing": True}),
        ("kmeans", {"data": DATA, "slice": -1}),
        ("kmeans", {"data": DATA, "slice": 0.5}),
        ("kmeans", {"data": DATA, "slice": None}),
        ("kmeans", {"data": DATA, "spacing": 2, "unit": 1}),
        ("kmeans", {"data": DATA, "image": "1"}),
        ("kmeans", {"data": None}),
        ("kmeans", {"data": 1}),
        ("kmeans", {"image": 1}),
        ("kmeans", {"data": DATA, "name": 1}),
        ("kmeans", {"data": DATA, "clusters": "4"}),
        ("kmeans", {"data": DATA, "operation": "kmeans"}),
        ("jobs", {"data": DATA, "operation": None}),
        ("jobs", {"data": DATA, "operation": "preview", "clusters": 4}),
    ],
)
def test_what_is_refused_is_not_described(client, described, name, body):
    assert described.request(f"/api/{name}", "application/json", body) != []
    answer = client.post(f"/api/{name}", json={"name": "a.npy", **body})
    assert answer.status_code in (400, 422)


def test_a_token_is_described_where_it_is_needed():
    httpx = pytest.importorskip("httpx")
    settings = Settings(port=0, token="0123456789abcdef", limits=LIMITS)
    with running(settings) as address, httpx.Client(base_url=address) as client:
        described = Described(client.get("/api/schema").json())
        assert described.document["security"]
        client.event_hooks = {"response": [described.check]}
        for path in ("/api/version", "/api/limits", "/api/jobs/1", "/api/jobs/1/files/a"):
            assert client.get(path).status_code == 401
        assert client.get("/api/health").status_code == 200
        assert client.post("/api/kmeans").status_code == 401
        wrong = {"authorization": "Bearer wrong"}
        assert [client.post("/api/jobs", headers=wrong).status_code for _ in range(11)][-1] == 429
