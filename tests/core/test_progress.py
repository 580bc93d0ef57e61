import pytest

from napari_visual_ccc.core.progress import Progress, map_progress, run


def work(closed):
    try:
        for done in range(3):
            yield Progress(done, 3, "step")
        return "result"
    finally:
        closed.append(True)


def test_run_reports_every_step_and_returns_the_result():
    closed, seen = [], []
    assert run(work(closed), seen.append) == "result"
    assert [progress.done for progress in seen] == [0, 1, 2]
    assert closed


def test_an_error_of_the_report_closes_the_work():
    closed = []

    def refuse(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(work(closed), refuse)
    assert closed


def test_mapped_progress_keeps_the_result_and_closes_the_work():
    closed, notes = [], []
    mapped = map_progress(work(closed), lambda p: Progress(p.done, p.total, "other"))
    assert run(mapped, lambda p: notes.append(p.note)) == "result"
    assert notes == ["other"] * 3
    left = map_progress(work(closed), lambda p: p)
    next(left)
    left.close()
    assert len(closed) == 2
