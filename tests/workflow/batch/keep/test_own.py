from __future__ import annotations

import pytest

from napari_visual_ccc.core.files import sha256
from napari_visual_ccc.workflow.batch.keep.own import (
    check_folder,
    check_own,
    foreign,
    listed,
    named,
    remove_former,
    remove_superseded,
)
from napari_visual_ccc.workflow.batch.ledger import NAME, Ledger


@pytest.fixture
def out(tmp_path):
    place = tmp_path / "tab_files"
    for name in ("results/below/a.png", "results/b.png", "results/mine.png", "images.csv"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    return place


def test_own_files_are_told_from_those_of_a_person(out, tmp_path):
    table, summary, more = (tmp_path / f"tab{end}.csv" for end in ("", "_summary", "_more"))
    paths = [table, summary, more, tmp_path / "not_there.csv"]
    for path in paths[:3]:
        path.write_text("1")
    tables = {named(table, out): sha256(table), named(summary, out): ""}
    assert named(table, out) == "../tab.csv"
    assert foreign(paths, tables, out) == [more]
    with pytest.raises(FileExistsError, match=r"tab_more.csv already exists; add --force .*it$"):
        check_own(paths, tables, out, force=False)
    with pytest.raises(FileExistsError, match=r"tab.csv, .*tab_summary.csv, .* exist; .*them$"):
        check_own(paths, {}, out, force=False)
    check_own(paths, {}, out, force=True)
    table.write_text("a line by hand")
    with pytest.raises(FileExistsError, match=r"tab\.csv changed since this batch wrote it"):
        check_own([table], tables, out, force=False)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileExistsError, match="is a folder"):
        check_own([tmp_path / "folder.csv"], {}, out, force=True)


def test_a_folder_of_other_files_is_refused_and_the_ones_at_risk_are_named(out):
    paths = [out / "images.csv", out / "summary.csv"]
    with pytest.raises(FileExistsError, match=r"which replaces .*images.csv, .*results$"):
        check_folder(out, paths, force=False)
    check_folder(out, paths, force=True)
    with pytest.raises(FileExistsError, match="is a file"):
        check_folder(out / "images.csv", paths, force=True)
    assert listed([out] * 7).endswith(" and 2 more")


@pytest.fixture
def ledger(out, tmp_path):
    (tmp_path / "tab.csv").write_text("1")
    with Ledger(out / NAME, {"key": "k"}) as ledger:
        for name in ("below/a", "b"):
            files = [f"results/{name}.png", "results/../../other.csv"]
            ledger.add(name, {"name": name, "problem": "", "files": files})
        tables = {"images.csv": sha256(out / "images.csv"), "../tab.csv": ""}
        ledger.note_tables({**tables, "../other.csv": "", "summary.csv": ""}, "")
        yield ledger


def test_what_a_batch_wrote_is_removed_and_nothing_else(out, ledger, tmp_path):
    (tmp_path / "other.csv").write_text("mine")
    remove_former(ledger, [tmp_path / "other.csv"])
    left = {one.relative_to(tmp_path).as_posix() for one in tmp_path.rglob("*")}
    assert left == {
        "other.csv", "tab_files", "tab_files/batch.jsonl", "tab_files/results",
        "tab_files/results/mine.png",
    }  # fmt: skip
    remove_former(ledger, [])


def test_changed_tables_and_what_the_new_batch_reads_stay(out, ledger, tmp_path):
    (out / "images.csv").write_text("a line by hand")
    for read in (out / "results", out / "results" / "b.png", tmp_path / "tab.csv"):
        with pytest.raises(ValueError, match="is of the batch that --force removes"):
            remove_former(ledger, [read])
    assert (out / "results" / "b.png").exists()
    remove_former(ledger, [])
    assert (out / "images.csv").exists()
    assert not (tmp_path / "tab.csv").exists()


def test_a_zarr_is_removed_as_a_whole_and_another_folder_stays(out):
    for name in ("a.ome.zarr/zarr.json", "folder/mine"):
        (out / "results" / name).parent.mkdir()
        (out / "results" / name).write_text("{}")
    remove_superseded(["results/a.ome.zarr", "results/folder", "results/gone"], out)
    assert {one.name for one in (out / "results").iterdir()} == {
        "below", "b.png", "mine.png", "folder"
    }  # fmt: skip
