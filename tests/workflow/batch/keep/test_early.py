from __future__ import annotations

import pytest

from napari_visual_ccc.workflow.batch.keep.early import kept, reported


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, OSError, RuntimeError])
def test_tables_are_written_however_the_work_ends(error, capsys):
    calls, closed = [], []
    stop, write = lambda: calls.append("stop"), lambda: calls.append("write")
    with (
        pytest.raises(error) as caught,
        reported(lambda: 2, 5),
        kept(stop, write, lambda: 2, 5, closed.append),
    ):
        raise error
    assert calls == ["stop", "write"]
    share = ["2 of 5 images are done and in the tables"]
    assert closed == (share if error is GeneratorExit else [])
    said = capsys.readouterr().err
    line = (
        "interrupted: 2 of 5 images are done and in the tables; the same command goes on where "
        "it ended"
    )
    assert said == (f"visual-ccc: {line}\n" if error is KeyboardInterrupt else "")
    assert str(caught.value) == (line if said else "")


def test_tables_that_cannot_be_written_do_not_hide_why_the_work_ended():
    def full():
        raise OSError("the disk is full")

    with pytest.raises(ValueError, match="why"), kept(lambda: None, full, lambda: 1, 1):
        raise ValueError("why")
    said = r"1 of 1 image is done, but not in the tables \(the disk is full\)"
    with pytest.raises(KeyboardInterrupt, match=said), kept(lambda: None, full, lambda: 1, 1):
        raise KeyboardInterrupt


@pytest.mark.parametrize(("done", "there_are"), [(0, True), (2, False)])
def test_nothing_is_written_where_nothing_is_done_or_there_are_no_tables(done, there_are):
    calls = []
    write = (lambda: calls.append(1)) if there_are else None
    said = f"{done} of 3 images are done$"
    with pytest.raises(KeyboardInterrupt, match=said), kept(list, write, lambda: done, 3):
        raise KeyboardInterrupt
    assert calls == []


@pytest.mark.parametrize("is_kept", [True, False])
def test_how_to_go_on_is_said_where_a_later_run_can(capsys, is_kept):
    with pytest.raises(KeyboardInterrupt) as caught, reported(lambda: 3, 3, is_kept=is_kept):
        raise KeyboardInterrupt
    said = capsys.readouterr().err
    assert ("3 of 3 images are done; the same command goes on" in said) == is_kept
    # one that has a text has been reported
    assert bool(str(caught.value)) == is_kept
