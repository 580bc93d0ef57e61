from __future__ import annotations

import pandas as pd
import pytest
import yaml

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io.write.images import write_image
from napari_visual_ccc.workflow.batch.images import Image
from napari_visual_ccc.workflow.batch.ledger import NAME, Ledger
from napari_visual_ccc.workflow.batch.output import place_of, write_record, write_tables
from napari_visual_ccc.workflow.files.run_on_file import FileJob


def test_tables_follow_the_order_of_the_images_not_of_the_ledger(tmp_path):
    job = FileJob("threshold", {}, tmp_path)
    about = {"notes": ["n"], "result": "r", "unit": "nm", "seconds": 1.0, "path": "p"}
    keys = {name: Image(name, tmp_path / name, name) for name in "abcd"}
    with Ledger(tmp_path / NAME, {"key": "k"}) as ledger:
        for name in "cab":
            tables = {"Otsu": {"label": [1], "area_nm2": [float(ord(name))]}}
            found = {"name": name, "problem": "", "tables": tables, "spacing": [1.0, 2.0]}
            ledger.add(name, about | found)
        ledger.add("d", about | {"name": "d", "problem": "gone", "tables": {}, "spacing": None})
        result = write_tables(ledger, keys, job, 1)
    assert list(result.tables["threshold"]["image"]) == list("abc")
    assert list(pd.read_csv(tmp_path / "threshold.csv")["area_nm2"]) == [97.0, 98.0, 99.0]
    assert list(result.tables["images"]["pixel_size"])[:3] == [2.0] * 3
    assert list(result.tables["images"]["rows"]) == [1, 1, 1, 0]
    assert result.facts | {"output": ""} == {"done": 2, "before": 1, "failed": 1, "output": ""}
    assert result.notes[-1] == "d: gone"


def test_tables_can_be_parquet(folder, tmp_path):
    pytest.importorskip("pyarrow")
    ccc.batch(
        folder, "threshold", tmp_path, force=True, tables="parquet", layers="none", thumbnails=False
    )
    found = pd.read_parquet(tmp_path / "threshold.parquet")
    assert list(found["image"].unique()) == ["a.tif", "b.tif", "below/a.tif", "c.tif"]
    assert (tmp_path / "failures.parquet").is_file()


def test_the_record_can_be_replayed(folder, tmp_path):
    result = ccc.batch(folder, "threshold", tmp_path / "out", layers="none", thumbnails=False)
    record = yaml.safe_load((tmp_path / "out" / "batch.yaml").read_text())
    again = ccc.replay(record, folder / "a.tif")
    area = result.tables["threshold"]["area_nm2"][0]
    assert again.table["area_nm2"][0] == area
    with Ledger(tmp_path / NAME, {"key": "k"}) as ledger:
        write_record(FileJob("threshold", {}, tmp_path), record, ledger)
    assert yaml.safe_load((tmp_path / "batch.yaml").read_text()) == record


def test_a_table_has_its_summaries_beside_it_and_the_rest_in_a_folder(folder, tmp_path):
    table = tmp_path / "out" / "t.csv"
    assert place_of(table) == (tmp_path / "out" / "t_files", table)
    assert place_of(tmp_path) == (tmp_path, None)
    result = ccc.batch(folder, "threshold", table, layers="none", thumbnails=False)
    assert {one.name for one in table.parent.iterdir()} == {
        "t.csv", "t_summary.csv", "t_summary_by_image.csv", "t_files"
    }  # fmt: skip
    assert (table.parent / "t_files" / "images.csv").is_file()
    found = pd.read_csv(table.parent / "t_summary_by_image.csv")
    by_image = found[found["measure"] == "area_nm2"].set_index("image")
    rows = result.tables["threshold"].groupby("image")["area_nm2"]
    assert list(by_image["mean"]) == list(rows.mean())


def test_one_number_in_images_of_unlike_units_is_said_and_a_unit_makes_it_one_length(
    tmp_path, discs
):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, size, unit in (("a", 2.0, "nm"), ("b", 0.002, "µm")):
        mask = Micrograph((discs < 130).astype("u1"), (size, size), unit)
        run(write_image(mask, folder / f"{name}.ome.tif"))
    bare = {"layers": "none", "thumbnails": False}
    given = {"min_diameter": "8 nm"}
    result = ccc.batch(folder, "label_objects", tmp_path / "one", given, **bare)
    table = result.tables["label_objects"]
    one, other = (table[table["image"] == f"{name}.ome.tif"] for name in "ab")
    assert len(one) == len(other) > 1
    assert not any("unit of each image" in note for note in result.notes)
    # without a unit the number is in nm in one image, and in µm in the other
    given = {"min_diameter": 0.008}
    result = ccc.batch(folder, "label_objects", tmp_path / "two", given, **bare)
    note = "min_diameter (0.008) is in the unit of each image: nm in 1 image, µm in 1 image; "
    assert any(one.startswith(f"{note}'0.008 nm'") for one in result.notes)
