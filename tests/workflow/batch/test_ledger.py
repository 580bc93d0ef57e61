from __future__ import annotations

import math

import pytest

from napari_visual_ccc.workflow.batch.ledger import NAME, Ledger, is_unfinished

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
    with pytest.raises(FileExistsError, match="results of threshold"):
        Ledger(file, {"key": "k2", "title": "particles"})
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
    assert not is_unfinished(file, "k1")
    with pytest.raises(FileExistsError, match="is no file"):
        Ledger(file, ABOUT, force=True)


def test_it_tells_whether_a_batch_came_to_its_end(file):
    assert not is_unfinished(file, "k1")
    with Ledger(file, ABOUT) as ledger:
        ledger.add("a", {"problem": ""})
        assert is_unfinished(file, "k1")
        assert not is_unfinished(file, "k2")
        ledger.finish()
    assert not is_unfinished(file, "k1")
