from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.cli.main import main
from napari_visual_ccc.nets import card as cards
from tests.models import saved

COPY = "get an intact copy of it"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two crops, one of them in a folder below, and a broken file."""
    place = tmp_path_factory.mktemp("concordance") / "images"
    (place / "below").mkdir(parents=True)
    image = samples.load("nanoparticles").data
    imsave(place / "a.png", image[90:186, 100:196], check_contrast=False)
    imsave(place / "below" / "b.png", image[130:226, 150:246], check_contrast=False)
    (place / "c.png").write_bytes(b"no image")
    return place


def test_every_image_has_a_row_and_every_class_its_regions(folder):
    found = ccc.concordance_folder(folder, clusters=2)
    table = found.table.set_index("name")
    assert list(table.index) == ["a.png", "below/b.png", "c.png"]
    assert table.loc["c.png", "problem"].startswith("cannot be read")
    image = samples.load("nanoparticles").data[90:186, 100:196]
    heatmap = ccc.explain(image)
    alone = ccc.concordance(heatmap, ccc.kmeans(image, clusters=2)).table.set_index("label")
    row = table.loc["a.png"]
    assert row["class"] == heatmap.target
    assert row["enrichment_darkest"] == pytest.approx(alone.loc[1, "enrichment"])
    assert row["enrichment_brightest"] == pytest.approx(alone.loc[2, "enrichment"])
    classes = found.tables["regions by class"]
    assert set(classes["region"]) == {"darkest", "brightest", "none"}
    assert classes.groupby("class")["count"].sum().sum() == 2
    assert found.notes[-1] == "1 not compared"


def test_labels_beside_the_images_are_used(folder, tmp_path):
    labels = np.zeros((96, 96), np.uint8)
    labels[:, 48:] = 1
    imsave(tmp_path / "a.png", labels, check_contrast=False)
    table = ccc.concordance_folder(folder, labels=tmp_path, names="right", target="cube").table
    assert table.loc[0, "class"] == "cube"
    assert {"enrichment_background", "enrichment_right"} <= set(table)
    assert table.loc[1, "problem"].startswith("no labels: there is no ")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        ccc.concordance_folder(folder, labels=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no class 'star'"):
        ccc.concordance_folder(folder, target="star")


def test_a_model_that_cannot_be_loaded_is_refused_before_the_images(folder, tmp_path, capsys):
    """It is no fault of each image."""
    path, out = saved(tmp_path), tmp_path / "out"
    card = cards.read_card(path).as_dict() | {"format": cards.FORMAT, "classes": ["a", "b"]}
    save_file(load_file(path), path, metadata={"card": json.dumps(card)})
    assert main(["concordance_folder", str(folder), "--model", str(path), "-o", str(out)]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == f"visual-ccc: {path}: the weights do not fit lite0-linear with 2 classes; {COPY}"
    assert not list(out.glob("*"))


def test_the_command_line_writes_tables_and_a_chart(folder, tmp_path, capsys):
    words = ["concordance_folder", str(folder), "--segmentation", "threshold", "-o", str(tmp_path)]
    assert main(words) == 1
    said = capsys.readouterr()
    assert "c.png" in said.err
    assert "1 not compared" in said.out
    assert {file.name for file in tmp_path.iterdir()} == {
        "images_concordance.csv",
        "images_concordance_regions_by_class.csv",
        "images_concordance_regions_by_class.png",
    }


def test_labels_are_those_of_the_whole_name(tmp_path):
    """Names with dots and with what a pattern would expand; other files beside the labels."""
    image = samples.load("nanoparticles").data
    places = tmp_path / "images", tmp_path / "labels"
    for place in places:
        place.mkdir()
    widths = {"s1": 20, "s1.2": 40, "x[1]": 60}
    for name, width in widths.items():
        labels = np.zeros((96, 96), np.uint8)
        labels[:, :width] = 1
        imsave(places[0] / f"{name}.png", image[90:186, 100:196], check_contrast=False)
        imsave(places[1] / f"{name}.png", labels, check_contrast=False)
        (places[1] / f"{name}.csv").write_text("a,b")
    table = ccc.concordance_folder(places[0], labels=places[1]).table.set_index("name")
    assert (table["problem"] == "").all()
    heatmap = ccc.explain(image[90:186, 100:196]).data
    for name, width in widths.items():
        share = heatmap[:, :width].sum() / heatmap.sum()
        found = table.loc[f"{name}.png", "enrichment_label 1"]
        assert found == pytest.approx(share / (width / 96), rel=1e-4)
    imsave(places[1] / "s1.tif", labels, check_contrast=False)
    table = ccc.concordance_folder(places[0], labels=places[1]).table.set_index("name")
    assert "keep one file of labels" in table.loc["s1.png", "problem"]


def test_a_folder_without_a_comparison_has_its_problems_alone(folder, tmp_path):
    (tmp_path / "c.png").write_bytes(b"no image")
    found = ccc.concordance_folder(tmp_path)
    assert list(found.tables) == ["images"]
    assert found.notes == ("1 not compared",)
    assert "cannot be read" in found.table.loc[0, "problem"]
    found = ccc.concordance_folder(folder, names="only")
    assert found.table["problem"].str.contains("labels reach 3").sum() == 2
    with pytest.raises(ValueError, match="no phase can be called 'none'"):
        ccc.concordance_folder(folder, names="a, none, b")
