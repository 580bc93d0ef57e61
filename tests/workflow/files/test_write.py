import numpy as np
import pandas as pd
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.result import Result


@pytest.fixture
def found(discs):
    mask = ccc.threshold(Micrograph(discs, (2.0, 2.0), "nm", name="discs"))
    return ccc.label_objects(mask)


def test_a_layer_has_pixel_size_and_record_in_its_file(found, discs, tmp_path):
    path = found.save(tmp_path / "labels.ome.tif")
    again = ccc.read(path)
    assert (again.spacing, again.unit) == ((2.0, 2.0), "nm")
    np.testing.assert_array_equal(again.data, found.labels)
    np.testing.assert_array_equal(ccc.replay(path, discs).labels, found.labels)


def test_a_table_has_the_record_beside_it(found, discs, tmp_path):
    regions = ccc.region_table(found)
    path = regions.save(tmp_path / "regions.csv")
    assert len(pd.read_csv(path)) == len(regions.table)
    image = Micrograph(discs, (2.0, 2.0), "nm")
    pd.testing.assert_frame_equal(ccc.replay(tmp_path / "regions.yaml", image).table, regions.table)
    with pytest.raises(FileExistsError):
        regions.save(path)


def test_a_folder_takes_all(found, tmp_path):
    found.save(tmp_path / "all")
    endings = {"".join(one.suffixes[-1:]) for one in (tmp_path / "all").iterdir()}
    assert {".tif", ".png", ".yaml"} <= endings


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_a_figure_is_the_same_file_on_every_run(found, tmp_path, ending):
    first, second = (found.save(tmp_path / f"{name}{ending}") for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_what_cannot_be_written_is_named(found, tmp_path):
    with pytest.raises(ValueError, match="only the result of a training"):
        found.save(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="no table 'sizes'"):
        ccc.region_table(found).save(tmp_path / "a.csv", layer="sizes")
    assert not list(tmp_path.iterdir())


def test_a_stack_keeps_its_step(discs, tmp_path):
    stack = Micrograph(np.stack([discs] * 3), (2.0, 2.0), "nm")
    found = ccc.threshold(stack, spacing=(5.0, 2.0, 2.0), unit="nm")
    again = ccc.read(found.save(tmp_path / "stack.ome.tif"))
    assert again.voxel == (5.0, 2.0, 2.0)


def test_a_result_of_tables_alone_is_no_folder(tmp_path):
    with pytest.raises(ValueError, match=r"out: a result without layers .* \.csv or \.parquet"):
        ccc.write(Result(tables={"t": pd.DataFrame({"a": [1]})}), tmp_path / "out")
