"""Classify & Explain in a real viewer: the second class, its regions, and a model that cheats."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core import dataset as core_dataset
from napari_visual_ccc.workflow.models import save_weights
from tests.widgets.opening import dock, texts

PLACE = {"scale": (0.5, 0.5), "translate": (40, 7), "units": "nm"}


def choose(form, title):
    form.method.value = title


def test_the_second_class_becomes_regions_to_measure(viewer, finish):
    viewer.add_image(samples.load("nanoparticles").data[60:220, 40:240], name="tem", **PLACE)
    form = dock(viewer, "classify")
    choose(form, "Explain (class activation map)")
    offered = list(form.fields["target"].choices)
    assert offered == ["", "cube", "octahedron", "sphere"]
    form.fields["target"].value = offered[2]
    form.fields["against"].value = "cube"
    form.run_button.native.click()
    finish(form)
    heat = viewer.layers["tem Grad-CAM octahedron not cube"]
    assert "octahedron ◂ explained" in texts(form.bars)
    choose(form, "Evidence to regions")
    viewer.layers.selection.active = heat
    form.fields["threshold"].value = 0.4
    form.run_button.native.click()
    finish(form)
    regions = viewer.layers[f"{heat.name} evidence"]
    assert regions.data.max() >= 1
    np.testing.assert_allclose(regions.scale, heat.scale)
    np.testing.assert_allclose(regions.translate, heat.translate)
    assert form.table.isVisibleTo(form.native)
    measure = dock(viewer, "measure")
    viewer.layers.selection.active = regions
    measure.run_button.native.click()
    finish(measure)
    assert "area_nm2" in measure.table.frame


def test_bars_of_an_image_are_not_shown_under_another(headless, finish):
    image = samples.load("nanoparticles").data
    first, other = (headless.add_image(image[:64, k : k + 64], name=str(k)) for k in (0, 64))
    form = dock(headless, "classify")
    headless.layers.selection.active = first
    form.run_button.native.click()
    finish(form)
    assert form.bars.isVisibleTo(form.native)
    headless.layers.selection.active = other
    assert not form.bars.isVisibleTo(form.native)
    assert not form.similar.isVisibleTo(form.native)
    headless.layers.selection.active = first
    assert form.bars.isVisibleTo(form.native)
    # of the same image, another method
    choose(form, "Explain (class activation map)")
    assert form.bars.isVisibleTo(form.native)
    form.fields["image"].value = other
    assert not form.bars.isVisibleTo(form.native)


def test_layers_of_the_model_are_offered(headless, finish):
    headless.add_image(samples.load("nanoparticles").data[90:170, 100:190], name="tem")
    form = dock(headless, "classify")
    choose(form, "Explain (class activation map)")
    layers = list(form.fields["layer"].choices)
    assert layers[0] == ""
    assert "blocks.4" in layers
    form.fields["layer"].value = "blocks.4"
    form.run_button.native.click()
    finish(form)
    assert len(headless.layers) == 2


def with_bar(tile: np.ndarray, text: str) -> np.ndarray:
    """An info bar as microscopes burn it in."""
    picture = Picture.fromarray(tile)
    draw = ImageDraw.Draw(picture)
    top = tile.shape[0] - 16
    draw.rectangle((0, top, tile.shape[1], tile.shape[0]), fill=0)
    draw.text((4, top + 2), text, fill=255)
    return np.array(picture)


@pytest.fixture(scope="module")
def cheat(tmp_path_factory):
    """A model for which only the bar tells two classes of the same superalloy apart."""
    image = samples.load("superalloy").data
    rng = np.random.default_rng(0)
    tiles, labels = [], []
    for k in range(32):
        y, x = rng.integers(0, 512 - 128, 2)
        label = ("annealed", "quenched")[k % 2]
        text = {"annealed": "5000x  10 kV  ====", "quenched": ""}[label]
        tile = image[y : y + 128, x : x + 128]
        tiles.append(with_bar(tile, text) if text else tile)
        labels.append(label)
    data = core_dataset.from_arrays(tiles, labels, name="bars")
    result = ccc.train(data, flips=False, info_bar="keep")
    path = tmp_path_factory.mktemp("cheat") / "bars.safetensors"
    save_weights(result, path)
    return path, with_bar(image[200:328, 300:428], "5000x  10 kV  ====")


def test_a_model_that_relies_on_the_info_bar_is_reported(headless, finish, cheat):
    path, image = cheat
    headless.add_image(image, name="sem")
    form = dock(headless, "classify")
    choose(form, "Detect shortcuts")
    form.fields["model"].value = path
    form.run_button.native.click()
    finish(form)
    assert "relies on the info bar" in form.message.value
    assert form.table.isVisibleTo(form.native)
    assert "info bar" in " ".join(form.table.frame["region"])


def test_the_score_card_has_a_sentence_for_every_test(headless, finish):
    headless.add_image(samples.load("nanoparticles").data[90:170, 100:190], name="tem")
    form = dock(headless, "classify")
    choose(form, "CAM sanity checks")
    form.run_button.native.click()
    finish(form)
    frame = form.table.frame
    assert {"deletion", "insertion"} <= set(frame["test"])
    assert frame["meaning"].str.endswith(".").all()
    assert form.card.isVisibleTo(form.native)
    assert all(sentence.split(".")[0] in form.card.text() for sentence in frame["meaning"])
    assert set(frame["verdict"]) <= {"good", "doubtful", "bad"}


def test_a_folder_is_classified_and_its_images_open(viewer, finish, tmp_path):
    place = tmp_path / "images"
    place.mkdir()
    for name in ("a", "b"):
        Picture.fromarray(samples.load("nanoparticles").data[96:160, 96:160]).save(
            place / f"{name}.png"
        )
    form = dock(viewer, "classify")
    form.fields["coverage"].value = 0.5
    form.classify_folder(place)
    finish(form)
    assert form.table.frame["prediction_set"].str.count(",").max() == 0
    assert form.table.frame["name"].tolist() == ["a.png", "b.png"]
    form.table.select(1)
    assert viewer.layers["b.png"].data.shape == (64, 64)


def test_weights_of_visual_ccc_are_imported_where_they_are_chosen(headless, tmp_path):
    import torch

    from napari_visual_ccc.nets.models.published import VisualCNN

    path = tmp_path / "published.pth"
    finalized = {
        "epoch": 3,
        "model_state_dict": VisualCNN(3).state_dict(),
        "task": "multiclass image classification",
        "class_map": {"Alloys": 0, "Dendrites": 1, "Spheroids": 2},
    }
    torch.save(finalized, path)
    form = dock(headless, "classify")
    choose(form, "Explain (class activation map)")
    form.fields["model"].value = path
    assert form.fields["model"].value == path.with_suffix(".safetensors")
    assert list(form.fields["target"].choices) == ["", "Alloys", "Dendrites", "Spheroids"]

    # weights of that name that are others get a model of their own
    torch.save({**finalized, "model_state_dict": VisualCNN(3).state_dict()}, path)
    form.fields["model"].value = path
    assert form.fields["model"].value == tmp_path / "published-2.safetensors"


def test_the_evidence_is_compared_with_phases(headless, finish):
    image = samples.load("nanoparticles").data[60:220, 40:240]
    headless.add_image(image, name="tem", **PLACE)
    headless.add_labels((image < 120).astype(np.uint8), name="particles", **PLACE)
    form = dock(headless, "classify")
    choose(form, "Explain (class activation map)")
    form.fields["image"].value = headless.layers["tem"]
    form.fields["target"].value = "sphere"
    form.run_button.native.click()
    finish(form)
    choose(form, "Concordance with phases or particles")
    assert form.fields["target"].current_choice == "that of the heatmap"
    form.fields["heatmap"].value = heat = headless.layers["tem Grad-CAM sphere"]
    form.fields["labels"].value = headless.layers["particles"]
    form.fields["image"].value = headless.layers["tem"]
    form.fields["names"].value = "particles"
    form.run_button.native.click()
    finish(form)
    shown = headless.layers[f"{heat.name} enrichment (log2)"]
    np.testing.assert_allclose(shown.scale, heat.scale)
    np.testing.assert_allclose(shown.translate, heat.translate)
    low, high = shown.contrast_limits
    assert low == -high
    frame = form.table.frame
    assert set(frame["name"]) == {"particles", "background"}
    assert {"area_nm2", "effect"} <= set(frame)
    assert "vidence for sphere" in form.message.value
    assert form.chart.isVisibleTo(form.native)
    step = shown.metadata["visual_ccc"]["steps"][-1]
    assert step["parameters"]["target"] == "sphere"
    choose(form, "Classify")
    form.fields["image"].value = headless.layers["tem"]
    form.run_button.native.click()
    finish(form)
    assert not form.chart.isVisibleTo(form.native)


def test_the_phases_of_a_folder_are_charted(headless, finish, tmp_path):
    place = tmp_path / "images"
    place.mkdir()
    Picture.fromarray(samples.load("nanoparticles").data[96:176, 96:176]).save(place / "a.png")
    form = dock(headless, "classify")
    form.compare_folder(place)
    finish(form)
    assert "enrichment_darkest" in form.table.frame
    assert form.chart.isVisibleTo(form.native)
    assert "Click a row" in form.message.value


@pytest.fixture
def occluded(viewer):
    """A form with a box on an image, whose occlusion has not begun."""
    for name in ("other", "tem"):
        viewer.add_image(samples.load("nanoparticles").data[90:170, 100:190], name=name)
    form = dock(viewer, "classify")
    form.fields["image"].value = viewer.layers["tem"]
    form.start_occlusion()
    viewer.layers["occlusion"].add_rectangles(np.array([[10, 10], [70, 80]]))
    return form


@pytest.mark.parametrize("removed", ["tem", "occlusion"])
def test_occlusion_stops_with_its_layers(viewer, qtbot, occluded, removed):
    qtbot.waitUntil(lambda: occluded.is_occluding)
    # another box is waiting
    occluded._occlude()
    viewer.layers.remove("other")
    assert occluded.is_occluding
    viewer.layers.remove(removed)
    qtbot.waitUntil(lambda: not occluded.is_occluding)
    assert occluded.message.value == f"Cancelled: {removed} was removed."


@pytest.mark.parametrize("when", ["before", "during"])
def test_occlusion_stops_when_the_dock_is_closed(viewer, qtbot, occluded, when):
    if when == "during":
        qtbot.waitUntil(lambda: occluded.is_occluding)
    viewer.window.remove_dock_widget(occluded.native)
    gone = []
    occluded.native.destroyed.connect(lambda: gone.append(True))
    occluded.native.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    # longer than the form waits for the last of many boxes
    qtbot.wait(100)
    assert not occluded.is_occluding or not occluded._occluding.running
    viewer.layers["occlusion"].add_rectangles(np.array([[20, 20], [60, 70]]))
    qtbot.wait(100)


def test_a_row_of_concordance_marks_its_phase(headless, finish):
    image = samples.load("nanoparticles").data[60:188, 40:168]
    phases = 1 + (image > np.median(image)).astype(int)
    heat = np.linspace(0, 1, image.size).reshape(image.shape).astype(np.float32)
    headless.add_image(image, name="tem")
    made = headless.add_labels(phases, name="phases")
    heatmap = headless.add_image(heat, name="heat")
    form = dock(headless, "classify")
    choose(form, "Concordance with phases or particles")
    for key, layer in (("heatmap", heatmap), ("labels", made)):
        form.fields[key].value = layer
    form.run_button.native.click()
    finish(form)
    (enrichment,) = [one.layer for one in form.last]
    assert not made.visible
    assert enrichment.visible
    own = made.colormap
    row = list(form.table.frame["label"]).index(2)
    form.table.select(row)
    assert made.visible
    assert not enrichment.visible
    assert made.colormap.map(2)[3] > made.colormap.map(1)[3]
    # a click selects the row, a second one ends it
    for _ in range(2):
        form.table.view.clicked.emit(form.table.view.currentIndex())
    assert (made.visible, enrichment.visible) == (False, True)
    assert made.colormap.name == own.name
