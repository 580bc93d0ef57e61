import asyncio

import pytest
from starlette.requests import Request

from napari_visual_ccc.web.settings import Refused
from napari_visual_ccc.web.uploads import discard, shown_name, suffix_of

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\x.tif", "x.tif"),
        ("a\x00\n\u202eb.png", "a___b.png"),
        ("<img src=x>.png", "_img src=x_.png"),
        ("..", "image"),
        ("", "image"),
        ("é µm.tif", "é µm.tif"),
    ],
)
def test_names_are_only_shown(name, shown):
    assert shown_name(name) == shown


def test_long_names_keep_their_end():
    assert shown_name("x" * 500 + ".png") == "x" * 96 + ".png"


def test_pictures_are_what_their_first_bytes_say():
    assert suffix_of(PNG, "a.jpg") == ".png"
    assert suffix_of(PNG, "no suffix") == ".png"
    assert suffix_of(b"II*\x00", "a.tiff") == ".tif"
    assert suffix_of(b"RIFF1234WEBPVP8 ", "a.webp") == ".webp"


def test_other_formats_are_known_by_their_name():
    assert suffix_of(b"\x00\x00\x00\x03", "a.dm3") == ".dm3"
    assert suffix_of(b"P5 64 64", "a.PGM") == ".pgm"


def test_an_index_of_other_files_is_refused_with_what_to_send():
    with pytest.raises(Refused, match=r"send the \.ser file") as caught:
        suffix_of(b"II\x97\x01", "a.emi")
    assert caught.value.status == 415


# PostScript in a picture would be run by the library that reads pictures
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.exe", "a.zarr", "a"])
def test_other_files_are_refused(name):
    with pytest.raises(Refused) as caught:
        suffix_of(b"%!PS-Adobe-3.0 EPSF", name)
    assert caught.value.status == 415
    assert name in caught.value.message


def test_what_nobody_will_use_is_not_read_for_ever():
    read = 0

    async def drip():
        nonlocal read
        read += 1
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"1", "more_body": True}

    async def go():
        request = Request({"type": "http", "method": "POST", "headers": []}, drip)
        # ends before what a client may send, ten thousand of these
        await discard(request, 10_000, seconds=0.2)

    asyncio.run(go())
    assert 0 < read < 100
