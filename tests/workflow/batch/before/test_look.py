from __future__ import annotations

import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.workflow.batch.before.look import Before, key_in, looked
from napari_visual_ccc.workflow.batch.job import key_of, make_job
from napari_visual_ccc.workflow.batch.ledger import NAME
from napari_visual_ccc.workflow.batch.run import Settings, batching
from napari_visual_ccc.workflow.save import Formats


def test_what_is_done_is_counted_and_nothing_is_written(folder, tmp_path):
    job = make_job("threshold", {}, tmp_path / "out", formats=Formats("none"))
    new = looked(folder, job, Settings())
    assert new == Before(new.images)
    assert not job.output.exists()
    failed = run(batching(folder, job, Settings())).facts["failed"]
    before = (job.output / NAME).read_bytes()
    done = Before(new.images, new.images - failed, is_known=True, is_finished=True)
    assert looked(folder, job, Settings()) == done
    assert (job.output / NAME).read_bytes() == before


def test_it_refuses_what_the_batch_refuses(folder, tmp_path):
    job = make_job("threshold", {}, tmp_path / "out", formats=Formats("none"))
    job.output.mkdir()
    (job.output / "mine.txt").write_text("keep")
    texts = []
    for refused in (
        lambda: looked(folder, job, Settings()),
        lambda: run(batching(folder, job, Settings())),
    ):
        with pytest.raises(FileExistsError) as caught:
            refused()
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_the_key_tells_the_ledger_of_a_batch(folder, tmp_path):
    job = make_job("threshold", {}, tmp_path / "out", formats=Formats("none"))
    assert key_in(job.output / NAME) == ""
    run(batching(folder, job, Settings()))
    assert key_in(job.output / NAME) == key_of(job)
    assert key_in(folder) == ""
