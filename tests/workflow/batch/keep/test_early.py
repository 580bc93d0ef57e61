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


def test_tables_that_cannot_be_written_do_not_hide_why_the_work_ended(capsys):
    def full():
        raise OSError("the disk is full")

    with pytest.raises(ValueError, match="why"), kept(lambda: None, full, lambda: 1, 1):
        raise ValueError("why")
    with pytest.raises(KeyboardInterrupt), kept(lambda: None, full, lambda: 1, 1):
        raise KeyboardInterrupt
    assert (
        "1 of 1 image is done, but not in the tables (the disk is full)" in capsys.readouterr().err
    )


def test_nothing_is_written_where_nothing_is_done(capsys):
    calls = []
    with pytest.raises(KeyboardInterrupt), kept(list, lambda: calls.append(1), lambda: 0, 3):
        raise KeyboardInterrupt
    assert calls == []
    # while the tables are written at the end, say
    with pytest.raises(KeyboardInterrupt), reported(lambda: 3, 3):
        raise KeyboardInterrupt
    said = capsys.readouterr().err.splitlines()
    assert [one.split(";")[0] for one in said] == [
        "visual-ccc: interrupted: 0 of 3 images are done",
        "visual-ccc: interrupted: 3 of 3 images are done",
    ]
