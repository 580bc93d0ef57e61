"""A whole result in a folder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image as PILImage

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers import (
    ImageLayer,
    LabelsLayer,
    Placement,
    PointsLayer,
    ShapesLayer,
)
from napari_visual_ccc.core.micrograph import Axis, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.workflow.run import execute
from napari_visual_ccc.workflow.save import Formats, base_name, file_stem, write_result


@pytest.fixture
def source(discs):
    return Micrograph(discs, (2.0, 2.0), "nm", name="discs")


@pytest.fixture
def record(source):
    return run(execute("threshold", {"image": source}, {})).record


def names(paths):
    return sorted(path.name for path in paths)


def test_every_layer_has_a_file_and_a_figure_and_every_table_one(tmp_path, source, record):
    shape = source.data.shape
    table = pd.DataFrame({"label": [1], "pixels": [4]})
    result = Result(
        (
            ImageLayer(np.zeros(shape, np.float32), name="heat map", style="heat"),
            LabelsLayer(np.ones(shape, np.uint8), name="objects", table=table),
            PointsLayer(np.ones((1, 2)), name="seeds"),
        ),
        {"more": table},
    )
    paths = write_result(result, tmp_path / "new", "discs", record, source)
    assert names(paths) == [
        "discs.yaml", "discs_heat_map.ome.tif", "discs_heat_map.png", "discs_more.csv",
        "discs_objects.csv", "discs_objects.ome.tif", "discs_objects.png", "discs_seeds.png",
        "discs_seeds_points.csv",
    ]  # fmt: skip
    found = ccc.read(tmp_path / "new" / "discs_objects.ome.tif")
    assert (found.spacing, found.unit) == ((2, 2), "nm")
    assert found.metadata["visual_ccc"]["steps"][0]["operation"] == "threshold"
    steps = yaml.safe_load((tmp_path / "new" / "discs.yaml").read_text("utf-8"))["steps"]
    assert steps[0]["operation"] == "threshold"


def test_parts_of_one_name_have_files_of_their_own(tmp_path, source, record):
    flat = np.zeros(source.data.shape, np.uint8)
    result = Result(
        (
            PointsLayer(np.full((1, 2), 4.0), name="spots"),
            ShapesLayer([np.full((3, 2), 5.0)], name="spots"),
            ImageLayer(flat + 1, name="spots"),
            ImageLayer(flat + 2, name="spots"),
            ImageLayer(flat + 3, name="Spots"),
        ),
        {"spots": pd.DataFrame({"a": [6]}), "spots points": pd.DataFrame({"a": [7]})},
    )
    paths = write_result(result, tmp_path, "d", record, source, formats=Formats(figures="none"))
    assert names(paths) == names(tmp_path.iterdir()) == [
        "d.yaml", "d_Spots_3.ome.tif", "d_spots.csv", "d_spots.ome.tif", "d_spots_2.ome.tif",
        "d_spots_2_points.csv", "d_spots_points.csv", "d_spots_shapes.csv",
    ]  # fmt: skip
    for name, value in [("spots", 1), ("spots_2", 2), ("Spots_3", 3)]:
        assert ccc.read(tmp_path / f"d_{name}.ome.tif").data.max() == value
    for name, column, value in [
        ("spots", "a", 6), ("spots_points", "a", 7), ("spots_2_points", "axis-0", 4),
        ("spots_shapes", "axis-0", 5),
    ]:  # fmt: skip
        assert pd.read_csv(tmp_path / f"d_{name}.csv")[column][0] == value
    # figures too, though their ending is that of every kind of layer
    paths = write_result(result, tmp_path / "figures", "d", record, source)
    assert names(paths) == names((tmp_path / "figures").iterdir())
    assert len([path for path in paths if path.suffix == ".png"]) == 5


def test_a_table_alone_is_named_like_the_result(tmp_path, source, record):
    result = Result(tables={"regions": pd.DataFrame({"label": [1]})})
    formats = Formats(figures="none")
    paths = write_result(result, tmp_path, "discs", record, source, formats=formats)
    assert names(paths) == ["discs.csv", "discs.yaml"]


def test_one_layer_has_files_of_the_name_of_the_result(tmp_path, source, record):
    flat = np.ones(source.data.shape, np.uint8)
    points = PointsLayer(np.ones((1, 2)), name="seeds")
    table = pd.DataFrame({"label": [1]})
    layer = LabelsLayer(flat, name="clusters 3", table=table)
    for name, layers, written in [
        ("labels", (layer,), ["d.csv", "d.ome.tif", "d.png", "d.yaml", "d_overlay.png"]),
        ("points", (points,), ["d.csv", "d.png", "d.yaml", "d_points.csv"]),
    ]:
        result = Result(layers, {} if layers == (layer,) else {"t": table})
        formats = Formats(overlays="filled")
        paths = write_result(result, tmp_path / name, "d", record, source, formats=formats)
        assert names(paths) == written


def test_a_picture_beside_the_micrograph_is_drawn_without_it(tmp_path, source, record):
    width = source.data.shape[1]
    sheet = np.random.default_rng(0).random((30, 40)).astype(np.float32)
    figures = []
    for place in (Placement(corner=(0, width + 5)), Placement()):
        layer = ImageLayer(sheet, name="sheet", style="heat", placement=place)
        folder = tmp_path / str(place.corner[1])
        for bright in (0, 1):
            image = replace(source, data=source.data * bright)
            write_result(Result((layer,)), folder / str(bright), "discs", record, image)
        figures.append([(folder / one / "discs.png").read_bytes() for one in "01"])
    beside, above = figures
    assert beside[0] == beside[1]
    assert above[0] != above[1]


def test_the_source_gives_axes_and_origin(tmp_path, record):
    source = Micrograph(
        None, (2.0, 2.0), "nm", axes=(Axis("z", 5.0, "nm"),), metadata={"origin": (4.0, 6.0)}
    )
    result = Result((ImageLayer(np.zeros((3, 8, 9), np.uint8), name="even"),))
    formats = Formats("ome-zarr", figures="none")
    write_result(result, tmp_path, "stack", record, source, formats=formats)
    found = ccc.read(tmp_path / "stack.ome.zarr")
    assert found.axes == source.axes
    assert list(found.metadata["origin"]) == [4, 6]


def test_nothing_is_written_where_a_file_is_there(tmp_path, source, record):
    (tmp_path / "discs.yaml").write_text("mine")
    result = Result((ImageLayer(source.data, name="even"),))
    with pytest.raises(FileExistsError, match=r"discs\.yaml already exists"):
        write_result(result, tmp_path, "discs", record, source)
    assert names(tmp_path.iterdir()) == ["discs.yaml"]
    write_result(result, tmp_path, "discs", record, source, force=True)
    assert "steps" in (tmp_path / "discs.yaml").read_text("utf-8")


def test_names_of_files_fit_every_file_system():
    assert base_name("a b", "explain", "cube") == "a b explain cube"
    assert base_name("a", "threshold") == "a threshold"
    assert file_stem("a: b/c?") == "a_b_c"


@pytest.mark.parametrize(
    ("name", "expected"), [("~", "image"), ("..", "image.."), (".a", "image.a")]
)
def test_files_of_a_name_of_signs_are_there_to_be_seen(name, expected, tmp_path, discs):
    """The ending alone was the name: a hidden file, and a figure of no format."""
    file = tmp_path / f"{name}.png"
    PILImage.fromarray(discs).save(file, format="PNG")
    ccc.write(ccc.threshold(file), tmp_path / "out")
    found = names((tmp_path / "out").iterdir())
    assert found == [
        f"{expected}.csv",
        f"{expected}.ome.tif",
        f"{expected}.png",
        f"{expected}.yaml",
    ]


def test_layers_that_belong_together_have_one_figure(tmp_path, source):
    outcome = run(execute("image_analysis", {"image": source}))
    paths = write_result(outcome.result, tmp_path, "discs", outcome.record, source)
    assert "discs.png" in names(paths)
    with PILImage.open(tmp_path / "discs.png") as picture:
        assert picture.width > 2 * picture.height
    with pytest.raises(FileExistsError, match=r"discs\S*\.png|discs_grey"):
        write_result(outcome.result, tmp_path, "discs", outcome.record, source)
    formats = Formats(figures="none")
    paths = write_result(outcome.result, tmp_path / "b", "discs", outcome.record, source,
                         formats=formats)  # fmt: skip
    assert not [path for path in paths if path.suffix == ".png"]
