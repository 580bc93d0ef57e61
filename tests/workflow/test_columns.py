"""Every column that an operation gives has a definition."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.workflow.columns import COLUMNS, described

SOURCE = Path(ccc.__file__).parent
SIDE = 64


def undescribed(tables):
    """Columns without a definition; those of a confusion matrix are the classes."""
    return {
        f"{name}: {column}"
        for name, table in tables.items()
        for column in (table.columns[:1] if name == "confusion" else table.columns)
        if described(str(column)) is None
    }


@pytest.fixture(scope="module")
def crop():
    return samples.load("nanoparticles").data[100 : 100 + SIDE, 100 : 100 + SIDE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from skimage.io import imsave

    place = tmp_path_factory.mktemp("classes")
    for name in ("powder", "superalloy"):
        (place / name).mkdir()
        image = samples.load(name).data
        for k in range(4):
            tile = image[k * 48 : k * 48 + 48, :48]
            imsave(place / name / f"{k}.png", tile, check_contrast=False)
    return place


def of_pixels(crop):
    stack = np.stack([crop, np.roll(crop, 3, 0)])
    labels = ccc.label_objects(ccc.threshold(crop, 2.0, "nm", objects="dark"))
    volume = np.zeros((6, 12, 12), int)
    volume[1:5, 2:8, 3:9] = 1
    volume[1:5, 9:11, 1:4] = 2
    yield ccc.threshold(crop, 2.0, "nm")
    yield ccc.kmeans(crop, clusters=2)
    yield ccc.select_cluster(ccc.kmeans(crop, 2.0, "nm", clusters=2))
    yield labels
    yield ccc.watershed_split(labels)
    yield ccc.region_table(labels, crop)
    yield ccc.region_table(np.stack([labels.labels] * 2))
    yield ccc.region_table(volume, volume, (3.0, 1.0, 1.0), "nm", dimensions="3D")
    yield ccc.image_quality(stack, 2.0, "nm")
    yield ccc.align_stack(stack, 2.0, "nm")


def of_networks(crop):
    heat = ccc.explain(crop, 2.0, "nm", target="cube", smooth="off")
    yield heat
    yield ccc.classify(
        crop, decision="operating point", thresholds="cube=0.4, octahedron=0.4, sphere=0.4"
    )
    yield ccc.evidence_regions(heat)
    yield ccc.concordance(heat, (crop < 100).astype(int), crop)
    yield ccc.morphology_map(np.tile(crop, (2, 2)), 2.0, "nm")
    yield ccc.detect_shortcuts(crop)
    yield ccc.occlude(crop, crop < 60)
    yield ccc.activations(crop, (crop < 100).astype(int))
    yield ccc.look_at(crop, [(30, 30)])
    yield ccc.find_similar(crop, [(30, 30)], 2.0, "nm")


def of_folders(folder):
    data = ccc.load_dataset(folder)
    trained = ccc.train(data)
    yield ccc.audit_dataset(data)
    yield trained
    yield trained.evaluation
    yield ccc.classify_folder(folder / "powder")
    yield ccc.image_quality_folder(folder / "powder")
    yield ccc.concordance_folder(folder / "powder", clusters=2)
    yield ccc.batch(folder / "powder", "threshold", folder.parent / "batch", workers=1)
    yield ccc.common_patterns(folder / "powder", iterations=0, channels=2)


@pytest.mark.parametrize("of", [of_pixels, of_networks])
def test_columns_of_images_are_described(of, crop):
    for result in of(crop):
        assert result.tables or any(layer.table is not None for layer in result.layers)
        assert undescribed(result.tables) == set()


def test_columns_of_folders_are_described(folder):
    for result in of_folders(folder):
        assert result.tables
        assert undescribed(result.tables) == set()


def written_columns():
    """Columns that the engine states as text where it makes a table."""
    for path in (*(SOURCE / "engine").rglob("*.py"), *(SOURCE / "workflow").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") != "DataFrame":
                continue
            given = [one.value for one in node.keywords if one.arg == "columns"]
            keys = [key for one in node.args if isinstance(one, ast.Dict) for key in one.keys]
            lists = [one.elts for one in given if isinstance(one, ast.List)]
            for one in (*keys, *(item for items in lists for item in items)):
                # sides of single images, of which the audit gives the extremes
                if isinstance(one, ast.Constant) and one.value != "short":
                    yield one.value, path.relative_to(SOURCE).as_posix()


def test_columns_that_the_code_states_are_described():
    found = list(written_columns())
    assert {"mask_pixels", "metric", "deviations"} <= {name for name, _ in found}
    assert [one for one in found if described(one[0]) is None] == []


def test_every_column_has_a_definition_and_one_only():
    names = [one.name for columns in COLUMNS.values() for one in columns]
    assert len(names) == len(set(names))
    assert all(one.definition for columns in COLUMNS.values() for one in columns)


def test_units_are_part_of_a_name():
    assert described("area_nm2").name == "area_<unit>2"
    assert described("area_px2").name == "area_<unit>2"
    assert described("area_parsec2") is None
    assert described("p_cube").name == "p_<name>"
    assert described("p_corrected").name == "p_corrected"
    assert undescribed({"x": pd.DataFrame({"label": [1], "nobody knows": [2]})}) == {
        "x: nobody knows"
    }
