from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from napari_visual_ccc.workflow.batch.ledger import NAME, Ledger

ABOUT = {"key": "k1", "title": "threshold"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "out" / NAME


def test_what_is_done_is_known_to_the_next_process(file):
    with Ledger(file, ABOUT) as ledger:
        ledger.add("a", {"problem": "", "value": 0.1 + 0.2})
        ledger.add("b", {"problem": "damaged"})
        ledger.add("c", {"problem": "", "value": math.nan})
        assert "a" in ledger
    with Ledger(file, ABOUT) as ledger:
        assert [key in ledger for key in "abcd"] == [True, False, True, False]
        c, a = ledger.entries(["c", "d", "a"])
        assert a["value"] == 0.1 + 0.2
        assert math.isnan(c["value"])
        # a later line counts
        ledger.add("b", {"problem": ""})
        assert "b" in ledger
        (b,) = ledger.entries("b")
        assert b["problem"] == ""


def test_a_line_that_was_cut_off_is_removed(file):
    with Ledger(file, ABOUT) as ledger:
        ledger.add("a", {"problem": ""})
        whole = file.stat().st_size
        ledger.add("b", {"problem": ""})
    content = file.read_bytes()
    for end in range(whole, len(content)):
        file.write_bytes(content[:end])
        with Ledger(file, ABOUT) as ledger:
            assert "a" in ledger
            assert "b" not in ledger
            ledger.add("c", {"problem": ""})
        with Ledger(file, ABOUT) as ledger:
            assert "c" in ledger
    # the first line, too
    file.write_bytes(content[:20])
    with Ledger(file, ABOUT) as ledger:
        assert "a" not in ledger


def test_other_choices_are_refused_unless_forced(file):
    with Ledger(file, ABOUT) as ledger:
        ledger.add("a", {"problem": ""})
    with pytest.raises(FileExistsError, match="out holds threshold; choose"):
        Ledger(file, {"key": "k2", "title": "particles"}, held=lambda header: header["title"])
    with Ledger(file, {"key": "k2", "title": "particles"}, force=True) as ledger:
        assert "a" not in ledger
        assert list(ledger.entries("a")) == []


def test_two_batches_do_not_write_into_one_folder(file):
    with Ledger(file, ABOUT), pytest.raises(FileExistsError, match="another batch is writing"):
        Ledger(file, ABOUT)
    with Ledger(file, ABOUT) as ledger:
        assert "a" not in ledger


def test_another_file_is_left_alone(file):
    file.parent.mkdir()
    file.write_text("a line of something else\n")
    with pytest.raises(FileExistsError, match="not the ledger"):
        Ledger(file, ABOUT, force=True)
    assert file.read_text() == "a line of something else\n"


def test_damaged_lines_are_left_out_and_counted(file):
    with Ledger(file, ABOUT) as ledger:
        ledger.add("a", {"problem": ""})
        ledger.finish()
    first, a, _ = file.read_bytes().splitlines(keepends=True)
    bad = [b"\xff\x00\n", b"[" * 100_000 + b"\n", b'{"image":[1],"problem":""}\n', b"5\n", b"{}\n"]
    file.write_bytes(b"".join([first, *bad, a, a.replace(b'"a"', b'"b"')]))
    with Ledger(file, ABOUT, is_whole=lambda entry: entry["image"] == "a") as ledger:
        assert ("a" in ledger, "b" in ledger, ledger.damaged) == (True, False, len(bad) + 1)
    file.unlink()
    file.mkdir()
    with pytest.raises(FileExistsError, match="is no file"):
        Ledger(file, ABOUT, force=True)


def test_it_tells_whether_a_batch_came_to_its_end(file):
    with Ledger(file, ABOUT) as ledger:
        ledger.add("a", {"problem": ""})
        assert not ledger.is_finished
        ledger.finish()
    with Ledger(file, ABOUT) as ledger:
        assert ledger.is_finished


def test_one_that_is_looked_at_is_not_changed_and_may_be_written(file):
    with Ledger(file, ABOUT) as written:
        written.add("a", {"problem": ""})
        with file.open("ab") as stream:
            stream.write(b"half a li")
        before = file.read_bytes()
        with Ledger(file, ABOUT, is_looked_at=True) as ledger:
            assert "a" in ledger
        with Ledger(file, {"key": "k2"}, is_looked_at=True, force=True) as ledger:
            assert "a" not in ledger
        with pytest.raises(FileExistsError, match="of another batch"):
            Ledger(file, {"key": "k2"}, is_looked_at=True)
    assert file.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not move an open file")
@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
def test_a_ledger_that_is_gone_is_noticed_at_the_next_entry(file, tmp_path, how):
    with Ledger(file, ABOUT) as ledger:
        ledger.add("a", {"problem": ""})
        if how == "moved":
            file.parent.rename(tmp_path / "moved")
        else:
            file.unlink()
        if how == "replaced":
            file.write_text("another one\n")
        for step in (
            ledger.check,
            lambda: ledger.add("b", {"problem": ""}),
            lambda: ledger.note_tables({}, ""),
        ):
            with pytest.raises(FileNotFoundError, match="was moved, removed or replaced"):
                step()
    assert file.parent.exists() == (how != "moved")
    if how == "moved":
        with Ledger(tmp_path / "moved" / NAME, ABOUT) as ledger:
            assert ("a" in ledger, "b" in ledger) == (True, False)


def test_tables_are_known_to_the_next_process_and_it_ends_once(file):
    with Ledger(file, ABOUT) as ledger:
        ledger.note_tables({"images.csv": "", "../t.csv": ""}, "")
        ledger.note_tables({"images.csv": "1"}, "of")
        ledger.finish()
    content = file.read_bytes()
    with Ledger(file, ABOUT) as ledger:
        assert ledger.tables == {"images.csv": "1", "../t.csv": ""}
        assert (ledger.tables_of, ledger.damaged) == ("of", 0)
        ledger.finish()
    assert file.read_bytes() == content
    with Ledger(file, {"key": "k2"}, force=True) as ledger:
        assert ledger.tables == {}


def test_a_former_batch_is_cleared_while_it_is_known(file):
    with Ledger(file, ABOUT) as ledger:
        ledger.add("a", {"name": "a", "problem": "", "files": ["results/a"]})
    known = []

    def clear(ledger):
        known.append(ledger.written)
        if len(known) == 1:
            raise ValueError("not this one")

    other = {"key": "k2"}
    with pytest.raises(ValueError, match="not this one"):
        Ledger(file, other, force=True, clear=clear)
    with Ledger(file, other, force=True, clear=clear) as ledger:
        assert (ledger.written, "a" in ledger) == (set(), False)
        ledger.begin_anew()
    assert known == [{"results/a"}, {"results/a"}, set()]


def test_files_of_images_that_changed_or_are_gone_are_known(file):
    def entry(name, *files):
        return {"name": name, "path": f"/{name}", "problem": "", "files": list(files)}

    with Ledger(file, ABOUT) as ledger:
        assert ledger.add("a|1", entry("a", "results/a_cube", "results/shared")) == set()
        assert ledger.add("b|1", entry("b", "results/shared")) == set()
        # what failed replaces nothing
        assert ledger.add("a|2", {**entry("a"), "problem": "damaged"}) == set()
        assert ledger.add("a|3", entry("a", "results/a_rod")) == {"results/a_cube"}
        images = {"a|3": Path("/a")}
        assert ledger.images["a|3"] == ("a", Path("/a"))
        assert not ledger.has_files(["b"], images)
        for name in ("results/shared", "results/a_rod"):
            (file.parent / name).parent.mkdir(exist_ok=True)
            (file.parent / name).write_text("x")
        assert ledger.has_files(["b"], images)
        assert not ledger.has_files(["a"], images)


def test_one_without_any_image_is_replaced(tmp_path):
    file = tmp_path / "batch.jsonl"
    # as before an error of the whole run
    with Ledger(file, ABOUT):
        pass
    other = {**ABOUT, "key": "another"}
    with Ledger(file, other) as ledger:
        ledger.add("a", {"name": "a", "path": "a"})
    with pytest.raises(FileExistsError):
        Ledger(file, ABOUT)
