import pytest

from napari_visual_ccc.core.progress import (
    Progress,
    StopEarly,
    in_part,
    map_progress,
    run,
    to_its_end,
)


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


def counting(kept):
    """Count to five, and keep what there is when stopped."""
    done = 0
    try:
        for done in range(1, 6):
            yield Progress(done, 5, "steps")
    except StopEarly:
        if not kept:
            raise
    return done


def stop_at(number):
    def report(progress):
        if progress.done == number:
            raise StopEarly

    return report


def test_a_computation_that_is_stopped_gives_what_it_has_through_all_wrappers():
    same = map_progress(counting(kept=True), lambda one: one)
    assert run(in_part(same, 0, 1), stop_at(2)) == 2
    with pytest.raises(StopEarly):
        run(counting(kept=False), stop_at(2))
    stops = []
    assert run(to_its_end(counting(kept=False), stops), stop_at(2)) == 5
    assert len(stops) == 1


def test_a_part_is_placed_in_the_whole():
    seen = []

    def both():
        yield from in_part(counting(kept=True), 0, 0.5, "first")
        yield from in_part(in_part(counting(kept=True), 0.5, 1), 0.5, 1)

    run(both(), seen.append)
    shares = [one.share for one in seen]
    assert shares == sorted(shares)
    assert (shares[4], shares[5], shares[-1]) == (0.5, 0.8, 1.0)
    assert [seen[0].note, seen[-1].note] == ["first, steps", "steps"]
    assert Progress(3, 0).fraction == 0
