from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.widgets.form.batch.plan import Wish, place_beside, planned
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.batch.run import batch


def wish(images, operation="threshold", choices=None, output="", **others):
    chosen = {key: one.default for key, one in signature.parameters_of(batch).items()}
    del chosen["report"]
    values = {} if operation == "threshold" and choices is None else choices
    return Wish(str(images), operation, values, str(output), chosen, **others)


def test_a_plan_writes_nothing_and_its_steps_are_the_batch(folder):
    plan = run(planned(wish(folder)))
    assert plan.about == "3 images"
    assert plan.output == folder.with_name("images_threshold")
    assert plan.title == "Threshold: images"
    assert not plan.output.exists()
    result = run(plan.steps())
    assert result.facts["done"] == 2
    (folder / "d.tif").write_bytes((folder / "a.tif").read_bytes())
    again = run(planned(wish(folder)))
    assert again.output == folder.with_name("images_threshold")
    # one failed, one is new
    assert again.about == "4 images; goes on with the run before: 2 done before, 2 to do"
    (folder / "c.tif").unlink()
    run(again.steps())
    assert run(planned(wish(folder))).about.endswith("the run before: all done before")


def test_a_folder_of_the_same_run_is_left_where_it_cannot_go_on_or_begins_anew(folder):
    run(run(planned(wish(folder))).steps())
    second = folder.with_name("images_threshold_2")
    anew = wish(folder)
    assert run(planned(replace(anew, chosen={**anew.chosen, "force": True}))).output == second
    assert run(planned(wish(folder / "a.*"))).output == second
    assert run(planned(wish(folder, choices={"method": "li"}))).output == second
    assert run(planned(wish(folder))).output == folder.with_name("images_threshold")


def test_why_a_run_does_not_go_on_in_its_folder_is_said(folder):
    run(run(planned(wish(folder))).steps())
    table = folder.with_name("images_threshold") / "threshold.csv"
    table.write_text(table.read_text().replace("a.tif", "A.tif"))
    (folder / "d.tif").write_bytes((folder / "a.tif").read_bytes())
    plan = run(planned(wish(folder)))
    assert plan.output == folder.with_name("images_threshold_2")
    assert "not in images_threshold: threshold.csv changed since" in plan.about
    other = run(planned(wish(folder / "a.*")))
    assert "not in images_threshold: holds results of" in other.about


def test_what_the_batch_would_refuse_is_refused_before(folder):
    output = folder.with_name("out")
    run(run(planned(wish(folder, output=output))).steps())
    before = (output / "batch.jsonl").read_bytes()
    for another, text in (
        (wish(folder, choices={"method": "li"}), "method otsu, now li"),
        (wish(folder / "a.*"), "of 1 other image"),
    ):
        another = replace(another, output=str(output))
        with pytest.raises(FileExistsError, match=text):
            run(planned(another))
        forced = replace(another, chosen={**another.chosen, "force": True})
        assert "before" not in run(planned(forced)).about
    (output / "images.csv").write_text("mine")
    # only what is computed is written
    (folder / "d.tif").write_bytes((folder / "a.tif").read_bytes())
    with pytest.raises(FileExistsError, match="changed since this batch wrote it"):
        run(planned(wish(folder, output=output)))
    assert (output / "batch.jsonl").read_bytes() == before


def test_where_the_results_lie_and_what_goes_on_is_said(folder):
    inside = run(planned(wish(folder, output=folder / "out")))
    assert inside.about == "3 images; the results lie in the folder of the images"
    steps = run(planned(wish(folder))).steps()
    for progress in steps:
        if progress.done == 1:
            break
    steps.close()
    again = run(planned(wish(folder)))
    assert again.output == folder.with_name("images_threshold")
    assert again.about == "3 images; goes on with the run that was stopped: 1 done before, 2 to do"


def test_a_record_is_replayed_and_lengths_keep_their_unit(folder, tmp_path, discs):
    ccc.write(ccc.denoise(discs), tmp_path / "calm.ome.tif")
    plan = run(planned(wish(folder, tmp_path / "calm.ome.tif", lengths="nm")))
    assert plan.about == "3 images; steps: denoise"
    assert plan.output == folder.with_name("images_denoise")
    assert plan.job.lengths == ""
    sized = {"min_diameter": 5.0}
    assert run(planned(wish(folder, "threshold", sized, lengths="nm"))).job.lengths == "nm"


@pytest.mark.parametrize(
    ("images", "match"),
    [("nowhere", "nowhere: no such file or folder"), ("*.none", "no file matches")],
)
def test_what_is_not_there_is_named(tmp_path, images, match):
    with pytest.raises((ValueError, OSError), match=match):
        run(planned(wish(tmp_path / images)))


def test_results_lie_beside_folders_tables_and_patterns(tmp_path):
    (tmp_path / "session").mkdir()
    (tmp_path / "list.csv").write_text("path\n")
    assert place_beside(str(tmp_path / "session")) == tmp_path / "session"
    assert place_beside(str(tmp_path / "list.csv")) == tmp_path / "list"
    assert place_beside(str(tmp_path / "session" / "*" / "*.tif")) == tmp_path / "session"
    root = Path(tmp_path.anchor)
    assert place_beside(str(root)) == root / "images"
