from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.workflow.batch.job import make_job
from napari_visual_ccc.workflow.batch.run import WAITING, Settings, batching
from napari_visual_ccc.workflow.save import NOTHING
from tests.models import saved

BARE = {"layers": "none", "thumbnails": False}

needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


NAMES = ("a.tif", "b.tif", "below/a.tif", "c.tif")


def expected(folder, names=NAMES):
    tables = []
    for name in names:
        table = ccc.threshold(ccc.read(folder / name)).table
        table.insert(0, "image", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def same(table, other):
    pd.testing.assert_frame_equal(table, other, check_dtype=False)


def lines(out):
    entries = map(json.loads, (out / "batch.jsonl").read_text().splitlines())
    return Counter(one["name"] for one in entries if "image" in one and not one["problem"])


def test_many_images_become_one_table(folder, tmp_path):
    out, seen = tmp_path / "out", []
    result = ccc.batch(folder, "threshold", out, workers=2, report=seen.append)
    same(result.tables["threshold"], expected(folder))
    same(pd.read_csv(out / "threshold.csv"), expected(folder))
    images = pd.read_csv(out / "images.csv", keep_default_na=False).set_index("image")
    assert list(images.index) == ["a.tif", "b.tif", "below/a.tif", "c.tif", "d.png"]
    assert "cannot be read" in images.loc["d.png", "problem"]
    assert list(pd.read_csv(out / "failures.csv")["image"]) == ["d.png"]
    summary = pd.read_csv(out / "summary.csv").set_index(["name", "measure"])
    # objects and background are summed up apart
    for name in ("objects", "background"):
        assert summary.loc[(name, "area_nm2"), "images"] == 4
    assert result.facts["done"], result.facts["failed"] == (4, 1)
    for name in ("a", "below/a"):
        assert (out / "results" / f"{name}_threshold.ome.tif").is_file()
        assert (out / "results" / f"{name}_threshold.png").is_file()
    assert (seen[-1].done, seen[-1].total) == (5, 5)
    assert "1 failed" in seen[-1].note
    assert "left" in seen[-1].note


def test_nothing_is_done_twice_and_what_has_changed_or_failed_is_done_again(
    folder, tmp_path, discs_of
):
    out = tmp_path / "out"
    ccc.batch(folder, "threshold", out, **BARE)
    again = ccc.batch(folder, "threshold", out, **BARE)
    assert (again.facts["done"], again.facts["before"], again.facts["failed"]) == (0, 4, 1)
    assert "4 of them before" in again.notes[0]
    assert set(lines(out).values()) == {1}
    (folder / "d.png").unlink()
    discs_of(folder / "a.tif", count=1, radius=12)
    discs_of(folder / "e.tif")
    more = ccc.batch(folder, "threshold", out, **BARE)
    assert (more.facts["done"], more.facts["before"], more.facts["failed"]) == (2, 3, 0)
    same(
        more.tables["threshold"],
        expected(folder, (*NAMES, "e.tif")),
    )
    assert not (out / "failures.csv").exists()
    with pytest.raises(FileExistsError, match=r"results of threshold .*\(method otsu, now li\); "):
        ccc.batch(folder, "threshold", out, {"method": "li"}, **BARE)
    other = ccc.batch(folder, "threshold", out, {"method": "li"}, force=True, **BARE)
    assert other.facts["done"] == 5


def test_rows_of_another_folder_are_not_replaced(folder, tmp_path, discs_of):
    out, table = tmp_path / "t_files", tmp_path / "t.csv"
    ccc.batch(folder / "*.tif", "threshold", table, layers="none", thumbnails=False)
    first = table.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    discs_of(other / "z.tif")
    for images in (other, [folder / "a.tif"]):
        with pytest.raises(FileExistsError, match="other image"):
            ccc.batch(images, "threshold", table, layers="none", thumbnails=False)
        assert table.read_bytes() == first
    # images that were removed are meant to be left out
    (folder / "b.tif").unlink()
    less = ccc.batch(folder / "*.tif", "threshold", table, layers="none", thumbnails=False)
    assert list(less.tables["threshold"]["image"].unique()) == ["a.tif", "c.tif"]
    for _ in range(2):
        anew = ccc.batch(other, "threshold", table, layers="none", thumbnails=False, force=True)
        assert list(anew.tables["threshold"]["image"].unique()) == ["z.tif"]
    same(pd.read_csv(table)[["image"]], anew.tables["threshold"][["image"]])
    assert list(lines(out).values()) == [1]
    again = ccc.batch(other, "threshold", table, layers="none", thumbnails=False)
    assert again.facts["before"] == 1


def test_a_record_of_several_steps_is_replayed_on_each_image(folder, tmp_path):
    first = ccc.batch(folder / "a.tif", "denoise", tmp_path / "one", {"method": "median"})
    assert first.facts["done"] == 1
    ccc.batch(tmp_path / "one" / "results", "threshold", tmp_path / "two")
    recipe = tmp_path / "two" / "batch.yaml"
    result = ccc.batch(folder, recipe, tmp_path / "three", **BARE)
    smooth = ccc.denoise(ccc.read(folder / "b.tif"), method="median")
    table = result.tables["threshold"]
    same(
        table[table["image"] == "b.tif"].drop(columns="image").reset_index(drop=True),
        ccc.threshold(smooth).table,
    )
    assert result.facts["done"] == 4
    with pytest.raises(ValueError, match="a record has its choices"):
        ccc.batch(folder, recipe, tmp_path / "four", {"method": "li"})


def test_wrong_use_is_said_before_an_image_is_read(folder, tmp_path):
    out = tmp_path / "out"
    for operation, choices, said in (
        ("thresold", None, "no operation 'thresold'"),
        ("train", None, "works on a dataset"),
        ("threshold", {"method": "best"}, "method is 'best'"),
        ("concordance", None, "needs labels"),
    ):
        with pytest.raises(ValueError, match=said):
            ccc.batch(folder, operation, out, choices)
    with pytest.raises(ValueError, match="workers is -1"):
        ccc.batch(folder, "threshold", out, workers=-1)
    with pytest.raises(FileExistsError, match="holds other files"):
        ccc.batch(folder, "threshold", folder)
    assert not out.exists()


def test_stopping_keeps_what_is_done(folder, tmp_path):
    job = make_job("threshold", None, tmp_path / "out", formats=NOTHING)
    steps = batching(folder, job, Settings(workers=1))
    while next(steps).done < 2:
        pass
    steps.close()
    found = pd.read_csv(tmp_path / "out" / "images.csv")
    assert 2 <= len(found) < 5
    rest = ccc.batch(folder, "threshold", tmp_path / "out", **BARE)
    assert rest.facts["before"] >= 2
    same(rest.tables["threshold"], expected(folder))
    assert set(lines(tmp_path / "out").values()) == {1}


@pytest.fixture
def many(folder, discs_of):
    """Further images, and the names of all that can be read."""
    more = [f"e{number}.tif" for number in range(6)]
    for number, name in enumerate(more):
        discs_of(folder / name, count=1 + number % 3, radius=6 + number)
    return (*NAMES, *more)


@needs_kill
def test_the_whole_run_is_killed_and_goes_on(folder, many, tmp_path):
    out = tmp_path / "out"
    # its workers go on when it has three images, and it does not write down what they do
    code = (
        "import sys, time, napari_visual_ccc as ccc\n"
        "def report(progress):\n"
        "    if progress.done == 3:\n"
        "        print('now', flush=True)\n"
        "        time.sleep(600)\n"
        "ccc.batch(sys.argv[1], 'threshold', sys.argv[2], workers=2, report=report)\n"
    )
    words = [sys.executable, "-c", code, str(folder), str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "now\n"
        process.kill()
    assert not (out / "threshold.csv").exists()
    before = lines(out)
    assert 2 <= sum(before.values()) <= 3
    # the line that was being written is cut off
    with (out / "batch.jsonl").open("ab") as file:
        file.write(b'{"image":"e1.tif|')
    result = ccc.batch(folder, "threshold", out)
    assert result.facts["before"] == sum(before.values())
    same(result.tables["threshold"], expected(folder, sorted(many)))
    assert lines(out) == dict.fromkeys(many, 1)


def kill_once(kill):
    """A report that ends the workers in the middle, once."""
    killed = []

    def report(progress: Progress) -> None:
        if progress.done >= 2 and not killed:
            killed.append(True)
            kill()

    return report


@needs_kill
def test_processes_that_are_killed_lose_no_image(folder, many, tmp_path):
    def kill():
        for one in multiprocessing.active_children():
            os.kill(one.pid, signal.SIGKILL)

    result = ccc.batch(
        folder, "threshold", tmp_path / "out", scheduler="processes", workers=2,
        report=kill_once(kill), **BARE,
    )  # fmt: skip
    same(result.tables["threshold"], expected(folder, sorted(many)))
    assert lines(tmp_path / "out") == dict.fromkeys(many, 1)


@needs_kill
def test_a_cluster_goes_on_when_its_workers_are_killed(folder, many, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=0, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster.scheduler_address, set_as_default=False) as client,
    ):

        def kill():
            for pid in client.run(os.getpid).values():
                os.kill(pid, signal.SIGKILL)

        notes, once = [], kill_once(kill)

        def report(progress):
            notes.append(progress.note)
            if notes.count(WAITING) == 1:
                cluster.scale(2)
            once(progress)

        result = ccc.batch(
            folder, "threshold", tmp_path / "out", scheduler=cluster.scheduler_address,
            report=report, **BARE,
        )  # fmt: skip
        # one image on the cluster, by a client that is there
        alone = ccc.batch(folder / "a.tif", "threshold", tmp_path / "one", scheduler=client, **BARE)
    same(result.tables["threshold"], expected(folder, sorted(many)))
    assert lines(tmp_path / "out") == dict.fromkeys(many, 1)
    assert alone.facts["done"] == 1
    # workers that are queued are waited for, and that is said
    assert WAITING in notes and notes[-1] != WAITING


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_text_costs_no_table(folder, tmp_path):
    (folder / "a.tif").rename(folder / os.fsdecode(b"a\xff.tif"))
    result = ccc.batch(folder, "threshold", tmp_path / "out", **BARE)
    assert result.facts["done"] == 4
    (path,) = pd.read_csv(tmp_path / "out" / "images.csv")["path"][:1]
    assert path.endswith("a\\udcff.tif")


def test_what_lost_its_files_or_has_another_partner_is_done_again(folder, tmp_path, discs_of):
    (folder / "d.png").unlink()
    masks, out = tmp_path / "masks", tmp_path / "out"
    ccc.batch(folder, "threshold", masks, thumbnails=False)
    labels, grey = masks / "results", {"intensity": folder}
    first = ccc.batch(labels, "region_table", out, further=grey, thumbnails=False)
    again = ccc.batch(labels, "region_table", out, further=grey, thumbnails=False)
    assert (again.facts["done"], again.facts["before"]) == (0, 4)
    discs_of(folder / "b.tif", radius=4)
    changed = ccc.batch(labels, "region_table", out, further=grey, thumbnails=False)
    assert (changed.facts["done"], changed.facts["before"]) == (1, 3)
    means = [one.tables["region_table"]["intensity_mean"] for one in (first, changed)]
    assert not means[0].equals(means[1])
    # one file of a result is gone, another one is empty
    (labels / "a_threshold.ome.tif").unlink()
    (labels / "c_threshold.yaml").write_bytes(b"")
    whole = ccc.batch(folder, "threshold", masks, thumbnails=False)
    # b has changed itself
    assert (whole.facts["done"], whole.facts["before"]) == (3, 1)
    assert (labels / "a_threshold.ome.tif").is_file()


def test_a_session_that_grows_is_not_done_anew(folder, tmp_path, discs_of):
    out = tmp_path / "out"
    ccc.batch([folder / "a.tif"], "threshold", out, **BARE)
    more = ccc.batch([folder / "below" / "a.tif", folder / "a.tif"], "threshold", out, **BARE)
    assert (more.facts["done"], more.facts["before"]) == (1, 1)
    assert list(more.tables["images"]["image"]) == ["below/a.tif", "a.tif"]


def test_a_cluster_without_workers_is_waited_for_and_said(folder, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as cluster:
        job = make_job("threshold", None, tmp_path / "out", formats=NOTHING)
        steps = batching(folder, job, Settings(cluster.scheduler_address))
        seen = [next(steps) for _ in range(3)]
        steps.close()
    assert seen[-1] == Progress(0, 5, WAITING)


def test_workers_of_a_cluster_may_have_another_working_directory(folder, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    (folder / "d.png").unlink()
    model = saved(tmp_path)
    monkeypatch.chdir(tmp_path)
    first = ccc.batch("images/a.tif", "classify", "first", {"model": model.name}, **BARE)
    assert first.facts["done"] == 1
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster.scheduler_address, set_as_default=False) as client,
    ):
        (tmp_path / "elsewhere").mkdir()
        client.run(os.chdir, tmp_path / "elsewhere")
        result = ccc.batch("images", "classify", "out", {"model": model.name}, scheduler=client)
        record = ccc.batch("images", "first/batch.yaml", "again", scheduler=client)
        labels = ccc.batch("images", "threshold", "labels", scheduler=client, thumbnails=False)
        further = {"intensity": "images"}
        table = ccc.batch("labels/results", "region_table", "t", further=further, scheduler=client)
    assert [one.facts["done"] for one in (labels, table)] == [4, 4]
    for one, out in ((result, "out"), (record, "again")):
        assert (one.facts["done"], one.facts["failed"]) == (4, 0)
        assert list(one.tables["images"]["image"]) == list(NAMES)
        assert (tmp_path / out / "results" / "below").is_dir()
    assert not any((tmp_path / "elsewhere").iterdir())
    # from another directory it is the same batch
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = ccc.batch("../images", "classify", "../out", {"model": f"../{model.name}"})
    assert (again.facts["done"], again.facts["before"]) == (0, 4)


def states(place):
    """Time of change and content of all files below a folder."""
    files = (one for one in place.rglob("*") if one.is_file())
    return {one: (one.stat().st_mtime_ns, one.read_bytes()) for one in files}


@pytest.mark.parametrize("name", ["t_summary.csv", "t_summary_by_image.csv"])
def test_a_file_beside_the_table_is_refused_before_anything_is_computed(folder, tmp_path, name):
    place = tmp_path / "out"
    place.mkdir()
    (place / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"{name} already exists; add --force"):
        ccc.batch(folder, "threshold", place / "t.csv", **BARE)
    assert [one.name for one in place.iterdir()] == [name]
    ccc.batch(folder, "threshold", place / "t.csv", force=True, **BARE)
    assert (place / name).read_text() != "mine"


def test_a_run_that_computes_nothing_changes_no_file(folder, tmp_path):
    (folder / "d.png").unlink()
    table = tmp_path / "out" / "t.csv"
    ccc.batch(folder, "threshold", table, **BARE)
    with table.open("a") as file:
        file.write("a,line,by,hand\n")
    before = states(table.parent)
    again = ccc.batch(folder, "threshold", table, **BARE)
    assert states(table.parent) == before
    assert again.notes[-1] == "nothing was computed: the tables are left as they are"
    same(again.tables["threshold"], expected(folder))
    # one that computes something would lose the line
    (folder / "c.tif").rename(folder / "e.tif")
    with pytest.raises(FileExistsError, match=r"t\.csv changed since this batch wrote it"):
        ccc.batch(folder, "threshold", table, **BARE)
    assert states(table.parent) == before
    more = ccc.batch(folder, "threshold", table, force=True, **BARE)
    assert (more.facts["done"], more.facts["before"]) == (1, 3)
    assert b"hand" not in table.read_bytes()


def test_tables_that_are_gone_are_written_again(folder, tmp_path):
    (folder / "d.png").unlink()
    ccc.batch(folder, "threshold", tmp_path / "out", **BARE)
    (tmp_path / "out" / "summary.csv").unlink()
    again = ccc.batch(folder, "threshold", tmp_path / "out", **BARE)
    assert again.facts["before"] == 4
    assert (tmp_path / "out" / "summary.csv").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not move an open file")
# the file of the run is written by the process of the run alone, wherever the work is done
@pytest.mark.parametrize(
    ("what", "scheduler"), [("folder", "threads"), ("folder", "processes"), ("ledger", "threads")]
)
def test_a_folder_that_is_moved_during_the_run_ends_it(folder, many, tmp_path, what, scheduler):
    out, moved = tmp_path / "out", tmp_path / "moved"

    def move():
        out.rename(moved) if what == "folder" else (out / "batch.jsonl").unlink()

    with pytest.raises(FileNotFoundError, match="was moved, removed or replaced during the run"):
        ccc.batch(folder, "threshold", out, scheduler=scheduler, workers=2, report=kill_once(move))
    if what == "ledger":
        assert not (out / "threshold.csv").exists()
        return
    assert not out.exists()
    assert not (moved / "threshold.csv").exists()
    before = lines(moved)
    assert 2 <= sum(before.values()) < len(many)
    rest = ccc.batch(folder, "threshold", moved)
    assert rest.facts["before"] == sum(before.values())
    same(rest.tables["threshold"], expected(folder, sorted(many)))


def test_results_that_are_removed_during_the_run_are_no_success(folder, tmp_path):
    out = tmp_path / "out"
    remove = kill_once(lambda: next((out / "results").rglob("*.ome.tif")).unlink())
    with pytest.raises(FileNotFoundError, match=r"results of 1 image, such as .* were removed"):
        ccc.batch(folder, "threshold", out, report=remove)
    again = ccc.batch(folder, "threshold", out)
    assert (again.facts["done"], again.facts["before"]) == (1, 3)


def test_force_removes_what_the_former_batch_wrote_and_nothing_else(folder, tmp_path):
    out = tmp_path / "out"
    ccc.batch(folder, "kmeans", out, {"clusters": 2}, overlays="filled")
    for name in ("notes.txt", "results/mine.png"):
        (out / name).write_text("mine")
    (folder / "d.png").unlink()
    ccc.batch(folder, "threshold", out, force=True)
    fresh = tmp_path / "fresh"
    ccc.batch(folder, "threshold", fresh)
    left, new = ({one.relative_to(place) for one in states(place)} for place in (out, fresh))
    assert {one.as_posix() for one in left - new} == {"notes.txt", "results/mine.png"}
    assert new <= left
    for name in ("batch.yaml", "summary.csv"):
        assert "kmeans" not in (out / name).read_text()


def test_force_keeps_what_the_new_batch_reads(folder, tmp_path):
    (folder / "d.png").unlink()
    out = tmp_path / "out"
    ccc.batch(folder, "threshold", out)
    before = states(out)
    with pytest.raises(ValueError, match="is of the batch that --force removes"):
        ccc.batch(folder, "concordance", out, further={"labels": out / "results"}, force=True)
    assert states(out) == before


def test_files_of_a_person_are_named_before_they_are_replaced(folder, tmp_path, capsys):
    (folder / "d.png").unlink()
    out = tmp_path / "out"
    out.mkdir()
    for name in ("images.csv", "failures.csv", "other.txt"):
        (out / name).write_text("mine")
    with pytest.raises(FileExistsError, match=r"which replaces .*images\.csv, .*failures\.csv$"):
        ccc.batch(folder, "threshold", out, **BARE)
    assert set(states(out)) == {out / one for one in ("images.csv", "failures.csv", "other.txt")}
    ccc.batch(folder, "threshold", out, force=True, **BARE)
    assert "--force replaces" in capsys.readouterr().err
    assert (out / "images.csv").read_text() != "mine"
    # there is no failure, and so no table of them
    assert (out / "failures.csv").read_text() == "mine"


def test_results_of_images_that_are_gone_are_named_and_those_of_changed_ones_removed(
    folder, tmp_path, discs_of
):
    (folder / "d.png").unlink()
    out = tmp_path / "out"
    ccc.batch(folder, "threshold", out)
    (folder / "b.tif").unlink()
    less = ccc.batch(folder, "threshold", out)
    note = "1 image done before is no longer in the input and not in the tables: b.tif; results"
    assert any(one.startswith(note) for one in less.notes)
    assert set(pd.read_csv(out / "threshold.csv")["image"]) == {"a.tif", "below/a.tif", "c.tif"}
    assert (out / "results" / "b_threshold.png").is_file()
    # another file of the same stem gives the next results other names
    discs_of(folder / "a.png.tif").rename(folder / "a.png")
    discs_of(folder / "a.tif", count=1, radius=12)
    ccc.batch(folder, "threshold", out)
    names = {one.name for one in (out / "results").glob("a*.yaml")}
    assert names == {"a.tif_threshold.yaml", "a.png_threshold.yaml"}


@pytest.mark.parametrize("where", ["report", "work"])
def test_ctrl_c_leaves_the_tables_of_what_is_done(folder, many, tmp_path, capsys, where):
    out = tmp_path / "out"

    def interrupt():
        if where == "report":
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match=r"interrupted: \d+ of 11 images are done"):
        ccc.batch(folder, "threshold", out, workers=1, report=kill_once(interrupt), **BARE)
    (said,) = capsys.readouterr().err.splitlines()
    done = sum(lines(out).values())
    assert said == (
        f"visual-ccc: interrupted: {done} of 11 images are done and in the tables; the same "
        "command goes on where it ended"
    )
    assert pd.read_csv(out / "threshold.csv")["image"].nunique() == done
    rest = ccc.batch(folder, "threshold", out, **BARE)
    assert rest.facts["before"] == done
    same(rest.tables["threshold"], expected(folder, sorted(many)))


@needs_kill
@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_a_script_that_is_terminated_leaves_the_tables(folder, many, tmp_path, scheduler):
    out = tmp_path / "out"
    code = (
        "import os, signal, sys, napari_visual_ccc as ccc\n"
        "def report(progress):\n"
        "    if progress.done == 3:\n"
        "        os.killpg(0, signal.SIGTERM)\n"
        "if __name__ == '__main__':\n"
        "    words = dict(scheduler=sys.argv[3], workers=2, report=report)\n"
        "    ccc.batch(sys.argv[1], 'threshold', sys.argv[2], **words)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    words = [sys.executable, str(script), str(folder), str(out), scheduler]
    ended = subprocess.run(words, capture_output=True, text=True, start_new_session=True)
    # what a shell makes of a process that SIGTERM ended
    assert ended.returncode == 128 + signal.SIGTERM
    # the image that cannot be read may be among the first three
    assert re.match(r"visual-ccc: interrupted: [23] of 11 images are done and in the", ended.stderr)
    assert len(ended.stderr.splitlines()) == 1
    assert len(pd.read_csv(out / "images.csv")) == 3


def test_a_choice_that_is_wrong_for_all_leaves_nothing_behind(folder, tmp_path):
    out, choices = tmp_path / "out", {"decision": "operating point"}
    with pytest.raises(ValueError, match="no threshold for"):
        ccc.batch(folder / "a.tif", "classify", out, {**choices, "thresholds": "cube=0.4"}, **BARE)
    right = {**choices, "thresholds": "cube=0.4, octahedron=0.3, sphere=0.3"}
    assert ccc.batch(folder / "a.tif", "classify", out, right, **BARE).facts["done"] == 1
