import asyncio
import base64
import io
import socket
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from napari_visual_ccc import samples
from napari_visual_ccc.web.app import make_app, make_jobs
from napari_visual_ccc.web.settings import MEGABYTE, Settings

from .conftest import LIMITS, PATIENCE, png

PARTICLES = (samples.FOLDER / "nanoparticles.png").read_bytes()


def finished(client, address):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        told = client.get(address).json()
        if told["state"] in ("done", "failed"):
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def test_a_class_with_calibrated_probabilities(post):
    answer = post("/api/classify", PARTICLES, "particles.png")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    told = answer.json()["result"]["prediction"]
    assert told["calibrated"]
    assert {one["class"] for one in told["top"]} == {"cube", "octahedron", "sphere"}
    assert sum(one["probability"] for one in told["top"]) == pytest.approx(1)


def test_an_image_is_sent_once_and_explained_by_other_methods(client):
    sent = client.post("/api/jobs", files={"file": ("a.png", png(200, 160, 160))},
                       data={"operation": "preview"})  # fmt: skip
    assert sent.status_code == 202
    first = finished(client, sent.headers["location"])
    fields = {"operation": "explain", "image": first["id"], "method": "layercam", "target": "cube"}
    second = finished(client, client.post("/api/jobs", json=fields).headers["location"])
    assert second["result"]["target"] == "cube"
    [figure] = [one for one in second["result"]["files"] if one["type"] == "image/png"]
    picture = client.get(figure["url"])
    assert picture.content.startswith(b"\x89PNG")
    assert "attachment" in picture.headers["content-disposition"]
    # only names of the list are files
    assert client.get(f"/api/jobs/{second['id']}/files/..%2Fdecoded.npy").status_code == 404
    assert client.get(f"/api/jobs/{second['id']}/files/decoded.npy").status_code == 404
    for one in (first, second):
        assert client.delete(f"/api/jobs/{one['id']}").status_code == 204
        assert client.get(f"/api/jobs/{one['id']}").status_code == 404
    assert client.get(figure["url"]).status_code == 404


def test_activations_are_maps_with_a_contact_sheet(post):
    result = post("/api/activations", PARTICLES, channels="4", colour="PCA").json()["result"]
    assert result["tables"]["channels"]["rows"] > 4
    sheets = [one for one in result["files"] if one["type"] == "image/png"]
    assert len(sheets) == 2
    wrong = post("/api/activations", PARTICLES, layer="no such layer")
    assert wrong.status_code == 422
    assert "no such layer" in wrong.json()["error"]


def test_base64_is_taken_as_a_file_is(client, tiff16):
    data = base64.b64encode(tiff16).decode()
    plain = {"data": data, "name": "a.tif", "method": "li", "classes": 2}
    answers = [
        client.post("/api/threshold", json=fields).json()["result"]
        for fields in (
            plain,
            {**plain, "data": f"data:image/tiff;base64,{data}"},
            {**plain, "data": base64.encodebytes(tiff16).decode()},
        )
    ]
    assert answers[0]["facts"] == answers[1]["facts"] == answers[2]["facts"]
    assert answers[0]["parameters"]["method"] == "li"
    assert answers[0]["image"]["dtype"] == "uint16"


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_other_kinds_of_pictures_are_taken(post, kind):
    image, file = np.zeros((40, 60), np.uint16 if kind == "PNG" else np.uint8), io.BytesIO()
    image[10:20, 10:30] = 200
    Image.fromarray(image).save(file, kind)
    result = post("/api/threshold", file.getvalue(), f"a.{kind.lower()}", sigma="0").json()[
        "result"
    ]
    assert result["image"]["dtype"] == image.dtype.name
    assert result["tables"]["Otsu"]["values"][0][-1] == 200


@pytest.mark.data
@pytest.mark.parametrize("name", ["test_dm_image_um_unit.dm3", "128x128-TEM_search_1.ser"])
def test_files_of_microscopes_are_taken_with_their_pixel_size(post, data, name):
    file = (data / "formats" / name).read_bytes()
    assert post("/api/threshold", file, name).json()["result"]["image"]["pixel_size"]


def test_the_name_of_the_client_is_never_a_path(post, tmp_path, tiff16):
    told = post("/api/threshold", tiff16, f"../../..{tmp_path}/evil.tif").json()
    assert told["name"] == "evil.tif"
    assert list(tmp_path.iterdir()) == []


def test_versions_limits_and_schema_are_told(client):
    assert client.get("/api/health").json()["status"] == "ok"
    version = client.get("/api/version").json()
    assert version["model"]["classes"] == ["cube", "octahedron", "sphere"]
    limits = client.get("/api/limits").json()
    assert limits["pixels"] == LIMITS.pixels
    assert ".dm4" in limits["suffixes"]
    assert ".zarr" not in limits["suffixes"]
    assert ".emi" not in limits["suffixes"]
    schema = client.get("/api/schema").json()
    for path in schema["paths"]:
        if "{" not in path and path != "/api/jobs" and "get" in schema["paths"][path]:
            assert client.get(path).status_code == 200


def test_wrong_requests_are_refused_in_one_sentence(client, post):
    answers = {
        400: client.post("/api/classify", files={"other": ("a.png", b"1")}),
        404: post("/api/train", PARTICLES),
        405: client.get("/api/classify"),
        413: post("/api/classify", png(2000, 2000, 2000), "bomb.png"),
        415: post("/api/classify", b"%!PS-Adobe", "a.png"),
        422: post("/api/classify", PARTICLES, model="/etc/passwd"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert list(answer.json()) == ["error"]
    assert client.get("/api/foo").status_code == 404
    assert client.post("/api/classify", content=b"x").status_code == 415
    wrong = {"content-type": "application/json"}
    assert client.post("/api/classify", content=b"[", headers=wrong).status_code == 400
    assert client.post("/api/classify", content=b"[]", headers=wrong).status_code == 400
    assert client.post("/api/classify", json={"data": "?"}).status_code == 400
    assert client.post("/api/classify", json={"image": "none"}).status_code == 404
    assert post("/api/jobs", PARTICLES, operation="train").status_code == 422
    assert post("/api/kmeans", PARTICLES, spacing="-1").status_code == 422
    assert post("/api/kmeans", png(64, 64, 8)[:-30], "cut.png").status_code == 422


@pytest.mark.parametrize(
    "field",
    [
        '"slice": Infinity', '"slice": 1e400', '"slice": NaN', '"slice": 0.9', '"slice": true',
        '"slice": -1', f'"spacing": {400 * "9"}', '"spacing": Infinity', '"spacing": true',
        '"clusters": 1e400', f'"sigma": {400 * "9"}',
    ],
)  # fmt: skip
def test_numbers_that_are_none_of_a_pixel_size_slice_or_choice_are_refused(client, tiff16, field):
    text = f'{{"data": "{base64.b64encode(tiff16).decode()}", "name": "a.tif", {field}}}'
    kind = {"content-type": "application/json"}
    answer = client.post("/api/kmeans", content=text.encode(), headers=kind)
    assert answer.status_code == 422
    assert field.split('"')[1] in answer.json()["error"]


def test_a_unit_alone_is_refused_and_with_a_size_it_is_used(client, post, tiff16):
    alone = post("/api/threshold", tiff16, "a.tif", unit="um")
    assert alone.status_code == 422
    assert "without spacing" in alone.json()["error"]
    both = post("/api/threshold", tiff16, "a.tif", unit="um", spacing="0.5").json()["result"]
    assert both["image"]["pixel_size"] == {"height": 0.5, "width": 0.5, "unit": "µm"}
    own = post("/api/threshold", tiff16, "a.tif").json()["result"]["image"]["pixel_size"]
    assert (own["height"], own["unit"]) == (pytest.approx(2.5), "nm")
    # before it waits in the queue
    fields = {"operation": "threshold", "spacing": "2", "unit": "furlong"}
    queued = client.post("/api/jobs", files={"file": ("a.tif", tiff16)}, data=fields)
    assert queued.status_code == 422
    assert "'furlong' is not a unit" in queued.json()["error"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([("sigma", "1"), ("sigma", "2")], "'sigma' is given twice"),
        ([("image", "none")], "two images"),
        ([("sigma", "")], "sigma must be a number"),
        ([("spacing", "")], "spacing must be a number"),
        ([("slice", "0.5")], "slice must be a whole number"),
        ([("", "1")], "no choice ''"),
    ],
)
def test_forms_that_contradict_themselves_are_refused(client, tiff16, parts, message):
    sent = [("file", ("a.tif", tiff16)), *((key, (None, value)) for key, value in parts)]
    answer = client.post("/api/threshold", files=sent)
    assert answer.status_code in (400, 422)
    assert message in answer.json()["error"]


def test_files_under_other_names_or_twice_are_refused(client, tiff16):
    for names in (["file", "file"], ["file", "other"], ["other"]):
        sent = [(name, ("a.tif", tiff16)) for name in names]
        answer = client.post("/api/threshold", files=sent)
        assert answer.status_code == 400
        assert list(answer.json()) == ["error"]


def test_names_in_json_are_given_once_and_with_their_file(client, tiff16):
    kind = {"content-type": "application/json"}
    twice = client.post("/api/threshold", content=b'{"data": "", "data": ""}', headers=kind)
    assert "'data' is given twice" in twice.json()["error"]
    nameless = client.post("/api/threshold", json={"image": "1", "name": "a.tif"})
    assert "there is no data" in nameless.json()["error"]


def test_choices_behind_a_question_mark_are_not_silently_left_out(client, post, tiff16):
    for answer in (post("/api/threshold?sigma=3", tiff16), client.get("/api/limits?a")):
        assert answer.status_code == 400
        assert "question mark" in answer.json()["error"]


def test_what_is_too_large_is_refused_before_it_is_stored(client):
    assert (
        client.post("/api/classify", files={"file": ("a.png", bytes(6 * MEGABYTE))}).status_code
        == 413
    )

    def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        for _ in range(6):
            yield bytes(MEGABYTE)

    # without a length it is counted
    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/classify", content=endless(), headers=kind)
    assert answer.status_code == 413
    assert client.get("/api/health").json()["waiting"] == 0
    # JSON that has a lower limit names it
    answer = client.post("/api/classify", json={"data": "A" * 3 * MEGABYTE})
    assert answer.status_code == 413
    assert "4 MB are taken of a file that is sent as a form, 2 MB" in answer.json()["error"]


def test_a_full_queue_answers_when_to_come_back(client, post, address, tiff16):
    place = urlsplit(address)
    slow = []
    for _ in range(LIMITS.workers + LIMITS.waiting):
        one = socket.create_connection((place.hostname, place.port))
        one.sendall(
            f"POST /api/classify HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 1000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
        )
        slow.append(one)
    until = time.monotonic() + PATIENCE
    while client.get("/api/health").json()["waiting"] < len(slow) and time.monotonic() < until:
        time.sleep(0.02)
    answer = post("/api/classify", PARTICLES)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    for one in slow:
        one.close()
    while client.get("/api/health").json()["waiting"] and time.monotonic() < until:
        time.sleep(0.02)
    assert post("/api/threshold", tiff16).status_code == 200


def test_a_disk_that_takes_nothing_is_507_without_its_path(tmp_path):
    httpx = pytest.importorskip("httpx")

    async def ask():
        app = httpx.ASGITransport(make_app(Settings(), make_jobs(Settings(), tmp_path / "gone")))
        async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1") as one:
            return await one.post("/api/classify", files={"file": ("a.png", PARTICLES)})

    answer = asyncio.run(ask())
    assert answer.status_code == 507
    assert "gone" not in answer.json()["error"]


def test_an_image_that_still_waits_can_be_named(client, tiff16):
    first = client.post("/api/jobs", files={"file": ("a.tif", tiff16)},
                        data={"operation": "preview"}).json()  # fmt: skip
    fields = {"image": first["id"], "operation": "threshold"}
    second = client.post("/api/jobs", json=fields).json()
    third = client.post("/api/threshold", json={"image": second["id"]})
    assert third.status_code == 200
    assert finished(client, f"/api/jobs/{second['id']}")["state"] == "done"


def test_the_job_of_a_client_that_hangs_up_is_stopped(client, address):
    place = urlsplit(address)
    slow = io.BytesIO()
    np.save(slow, np.random.default_rng(0).random((1000, 1000)).astype("f4"))
    body = (
        b'--x\r\nContent-Disposition: form-data; name="features"\r\n\r\nmultiscale\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.npy"\r\n\r\n'
        + slow.getvalue() + b"\r\n--x--\r\n"
    )  # fmt: skip
    before = client.get("/api/health").json()
    with socket.create_connection((place.hostname, place.port)) as one:
        one.sendall(
            f"POST /api/kmeans HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"Content-Length: {len(body)}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode()
            + body
        )
        until = time.monotonic() + PATIENCE
        while not client.get("/api/health").json()["running"] and time.monotonic() < until:
            time.sleep(0.02)
    while client.get("/api/health").json()["running"] and time.monotonic() < until:
        time.sleep(0.02)
    # nothing of it is kept
    assert client.get("/api/health").json() == before
