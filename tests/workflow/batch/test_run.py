from __future__ import annotations

import json
import multiprocessing
import os
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
    with pytest.raises(FileExistsError, match="results of threshold, or of other choices"):
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
            n_workers=0, threads_per_worker=1, dashboard_address=None, silence_logs=50
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
    with distributed.LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as cluster:
        job = make_job("threshold", None, tmp_path / "out", formats=NOTHING)
        steps = batching(folder, job, Settings(cluster.scheduler_address))
        seen = [next(steps) for _ in range(2)]
        steps.close()
    assert seen[-1] == Progress(0, 5, WAITING)


@pytest.mark.parametrize("kind", ["operation", "record"])
def test_workers_of_a_cluster_may_have_another_working_directory(
    kind, folder, tmp_path, monkeypatch
):
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
        what = {
            "operation": ("classify", "out", {"model": model.name}),
            "record": ("first/batch.yaml", "out"),
        }[kind]
        result = ccc.batch("images", *what, scheduler=client)
        labels = ccc.batch("images", "threshold", "labels", scheduler=client, thumbnails=False)
        further = {"intensity": "images"}
        table = ccc.batch("labels/results", "region_table", "t", further=further, scheduler=client)
    assert [one.facts["done"] for one in (labels, table)] == [4, 4]
    assert (result.facts["done"], result.facts["failed"]) == (4, 0)
    assert list(result.tables["images"]["image"]) == list(NAMES)
    assert (tmp_path / "out" / "results" / "below").is_dir()
    assert not any((tmp_path / "elsewhere").iterdir())
    if kind == "record":
        return
    # from another directory it is the same batch
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = ccc.batch("../images", "classify", "../out", {"model": f"../{model.name}"})
    assert (again.facts["done"], again.facts["before"]) == (0, 4)
