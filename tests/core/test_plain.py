from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core import plain as core_plain


def test_numbers_of_numpy_become_plain():
    found = core_plain.plain({"a": np.float32(1.5), "b": np.arange(2), "c": np.nan, "d": (1, None)})
    assert json.dumps(found) == '{"a": 1.5, "b": [0, 1], "c": null, "d": [1, null]}'


def test_messages_show_the_beginning_and_the_end_of_long_values():
    assert core_plain.shown(-12) == "-12"
    assert core_plain.shown(2.5) == "2.5"
    assert core_plain.shown(Path("a.tif")) == repr(Path("a.tif"))
    # Python itself spells no number of 5001 digits
    assert core_plain.shown([10**400, -(10**5000)]) == "[1.000e+400, -1.000e+5000]"
    assert core_plain.shown("a" * 90 + "z").endswith("az'")
    assert len(core_plain.shown("a" * 9000)) == len(core_plain.shown(["a" * 9000])) - 2 == 80


def test_a_path_is_a_str_or_a_path():
    assert (
        core_plain.path_given("a/b.tif", "path")
        == core_plain.path_given(Path("a/b.tif"), "path")
        == Path("a/b.tif")
    )


@pytest.mark.parametrize(
    "value", [7, 10**5000, None, ["a"], {}, b"a", object(), int, True], ids=type
)
def test_anything_else_is_one_short_sentence_that_names_the_argument(value):
    with pytest.raises(TypeError, match=r"^output is no path: give a str or Path, not .{4,30}$"):
        core_plain.path_given(value, "output")


def test_no_file_has_a_null_character():
    with pytest.raises(ValueError, match="path is no path: it holds a null character"):
        core_plain.path_given("a\0b", "path")


def test_a_kind_is_named_in_words():
    core_plain.check_given(3, (int, str), "count", "a number")
    with pytest.raises(TypeError, match=r"^count: give a number, not None$"):
        core_plain.check_given(None, int, "count", "a number")
    with pytest.raises(TypeError, match=r"^count: give a number, not a value of type list$"):
        core_plain.check_given([], int, "count", "a number")


FIRST = {
    "batch": "images",
    "describe_model": "model",
    "fetch_model": "offer",
    "import_visual_ccc": "path",
    "load_model": "path",
    "look_up_model": "name",
    "plot": "result",
    "read": "path",
    "read_all": "path",
    "save_model": "result",
    "write": "what",
    "write_patterns": "result",
    "write_report": "result",
}


@pytest.mark.parametrize("value", [10**5000, 2.5, {"a": 1}, b"abc", object(), print], ids=type)
@pytest.mark.parametrize("name", FIRST)
def test_public_functions_name_an_argument_of_a_wrong_type(name, value, tmp_path):
    more = {
        "batch": ("threshold", tmp_path / "out"),
        "import_visual_ccc": (tmp_path / "out.safetensors",),
        **dict.fromkeys(("save_model", "write", "write_patterns", "write_report"), (tmp_path,)),
    }
    wanted = (
        f"^{FIRST[name]}(: give .*| is no path: give a str or Path), not a value of type .{{3,30}}$"
    )
    if name == "batch" and value == {"a": 1}:
        wanted = "a: no such file or folder"
    with pytest.raises((TypeError, FileNotFoundError), match=wanted):
        getattr(ccc, name)(value, *more.get(name, ()))


def test_the_place_of_results_is_a_path(tmp_path):
    result = ccc.threshold(np.eye(40))
    for value in (7, None, ["a"]):
        with pytest.raises(TypeError, match="path is no path"):
            ccc.write(result, value)
        with pytest.raises(TypeError, match="output is no path"):
            ccc.batch(tmp_path, "threshold", value)
        with pytest.raises(ValueError, match="image is of type object"):
            ccc.replay(result.record, object())
    with pytest.raises(ValueError, match=r"empty|image"):
        ccc.replay(result.record, [])


@pytest.mark.parametrize("name", ["look_at", "find_similar"])
def test_what_is_no_image_is_named_where_an_example_is_given(name):
    with pytest.raises(ValueError, match="image"):
        getattr(ccc, name)({"a": 1}, np.eye(40))


def test_bytes_of_a_name_that_are_not_text_are_escaped():
    name = b"b\xff.tif".decode("utf-8", "surrogateescape")
    assert core_plain.plain({name: [Path(name)]}) == {"b\\udcff.tif": ["b\\udcff.tif"]}


@pytest.mark.skipif(os.name == "nt", reason="links of Windows need a permission")
def test_a_reason_does_not_repeat_the_path_beside_it():
    path = Path("a/b\udcff.tif")
    assert core_plain.reason_of(OSError(f"{path}: is cut off"), path) == "is cut off"
    assert core_plain.reason_of(OSError(f"c {path}: is"), path) == "c a/b\\udcff.tif: is"
    assert core_plain.reason_of(OSError("is cut off"), None) == "is cut off"


def test_paths_become_absolute_and_lead_where_they_led(tmp_path, monkeypatch):
    for name in ("a/b/c", "d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "d" / "link").symlink_to(tmp_path / "a" / "b")
    (tmp_path / "d" / "loop").symlink_to("loop")
    (tmp_path / "a" / "x.tif").symlink_to(tmp_path / "d")
    monkeypatch.chdir(tmp_path / "d")
    for given, expected in {
        "x": "d/x", ".": "d", "../a/x.tif": "a/x.tif", "link/c": "d/link/c",
        # up from what a link leads to
        "link/../x.tif": "a/x.tif", "link/c/../c": "d/link/c", "loop": "d/loop", "no/../x": "d/x",
        "..": ".", f"{tmp_path}/d/../a": "a",
    }.items():  # fmt: skip
        found = core_plain.absolute(Path(given))
        assert found == tmp_path / expected
        assert os.path.realpath(found) == os.path.realpath(given)
    assert core_plain.real(Path("link/c")) == tmp_path.resolve() / "a/b/c"
    # neither of these raises, other than Path.resolve
    assert core_plain.real(Path("loop")).name == "loop"
    assert core_plain.real(Path("x" * 300)).name == "x" * 300
    assert core_plain.real(Path("a\0b")).name == "a\0b"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
def test_pipes_and_devices_are_waited_for_and_files_are_not(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert all(core_plain.is_waited_for(tmp_path / one) for one in ("pipe", "link"))
    assert not any(core_plain.is_waited_for(tmp_path / one) for one in ("file", ".", "loop"))
    assert core_plain.is_waited_for(Path(os.devnull))
