"""Train classifier: from folders to a model in use, in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLabel
from skimage.io import imsave

from napari_visual_ccc import samples
from napari_visual_ccc.nets.card import read_card
from napari_visual_ccc.widgets.docks import labelled_images as sources
from tests.widgets.opening import dock, texts

SIDE = 64


def tiles(name: str, count: int) -> list[np.ndarray]:
    image = samples.load(name).data
    rng = np.random.default_rng(0)
    corners = [tuple(rng.integers(0, n - SIDE) for n in image.shape[:2]) for _ in range(count)]
    return [image[y : y + SIDE, x : x + SIDE] for y, x in corners]


@pytest.fixture
def folder(tmp_path):
    for name in ("superalloy", "powder"):
        place = tmp_path / "data" / name
        place.mkdir(parents=True)
        for k, tile in enumerate(tiles(name, 8)):
            imsave(place / f"{k}.png", tile, check_contrast=False)
    (tmp_path / "data" / "powder" / "broken.png").write_bytes(b"not an image")
    return tmp_path / "data"


@pytest.fixture
def idle(qtbot):
    def wait(train):
        qtbot.waitUntil(lambda: not train.is_running)

    return wait


def test_from_folders_to_a_model_in_use(viewer, folder, idle, finish, tmp_path):
    train = dock(viewer, "train")
    train.images.folder.value = folder
    train.check_button.native.click()
    idle(train)
    assert train.audit.counts.frame["images"].tolist() == [8, 8]
    assert "1 file cannot be used" in train.message.text()
    assert train.audit.skipped.frame["name"].tolist() == ["powder/broken.png"]
    assert len(train.audit.pictures.figure.axes[0].images) == 1
    train.train_button.native.click()
    assert train.train_button.text == "Stop"
    idle(train)
    assert train.train_button.text == "Train"
    assert "are classified correctly" in train.report.headline.text()
    assert "test is small" not in train.report.headline.text()
    for view in range(train.report.view.count()):
        train.report.view.setCurrentIndex(view)
    model = train.save(tmp_path / "mine.safetensors")
    assert model.exists()
    assert train.evaluation.fields["model"].value == model
    assert "Layers" in [train.report.view.itemText(k) for k in range(train.report.view.count())]
    assert (tmp_path / "mine_report.html").exists()
    train.use_button.native.click()
    classify = dock(viewer, "classify")
    assert classify.fields["model"].value == model
    viewer.add_image(tiles("powder", 9)[-1], name="new")
    classify.run_button.native.click()
    finish(classify)
    assert "<b>powder</b>" in texts(classify.bars)[0]
    classify.fields["decision"].value = "operating point"
    classify.run_button.native.click()
    finish(classify)
    assert "<b>powder</b> at the operating point" in texts(classify.bars)[0]
    assert classify.similar.isVisibleTo(classify.native)
    classify.layers_button.click()
    finish(classify)
    assert "2,562 are trained. Operating point: powder " in classify.message.value
    assert classify.table.frame["layer"].iloc[0] == "conv_stem"


def test_a_second_training_brings_its_own_classes(viewer, folder, idle):
    train = dock(viewer, "train")
    train.images.folder.value = folder
    models = []
    for renamed in (None, "grains"):
        if renamed:
            (folder / "powder").rename(folder / renamed)
        train.train_button.native.click()
        idle(train)
        train.use_button.native.click()
        classify = dock(viewer, "classify")
        classify.method.value = "Explain (class activation map)"
        name = renamed or "powder"
        assert set(classify.fields["target"].choices) == {"", name, "superalloy"}
        models.append(classify.fields["model"].value)
    # a result of the first model can still be repeated
    assert models[0] != models[1]
    assert "powder" in read_card(models[0]).classes


def test_a_model_that_was_typed_without_its_ending_is_not_replaced(
    headless, folder, idle, tmp_path, monkeypatch
):
    train = dock(headless, "train")
    train.images.folder.value = folder
    train.train_button.native.click()
    idle(train)
    there = tmp_path / "mine.v1.safetensors"
    there.write_bytes(b"somebody's model")
    for typed, replaced in (("mine.v1", False), ("mine.v1.safetensors", True)):
        answer = (str(tmp_path / typed), "")
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, answer=answer: answer)
        train.save_button.native.click()
        assert (there.read_bytes() != b"somebody's model") == replaced


def test_a_check_can_be_cancelled_and_excludes_other_jobs(headless, folder, idle):
    train = dock(headless, "train")
    train.images.folder.value = folder
    train.check_button.native.click()
    assert train.train_button.text == "Cancel"
    assert not train.check_button.enabled
    train.train_button.native.click()
    idle(train)
    assert train.message.text() == "Cancelled."
    assert train.train_button.text == "Train"
    assert train.check_button.enabled


def test_a_mistake_opens_in_the_viewer(viewer, folder, idle):
    # a tile of the one kind among those of the other: it has to be taken for what it is
    imsave(folder / "powder" / "odd.png", tiles("superalloy", 20)[-1], check_contrast=False)
    train = dock(viewer, "train")
    train.images.folder.value = folder
    train.train_button.native.click()
    idle(train)
    kept = Qt.ItemDataRole.UserRole
    names = [train.mistakes.item(k).data(kept) for k in range(train.mistakes.count())]
    assert "powder/odd.png" in names
    train.mistakes.itemClicked.emit(train.mistakes.item(names.index("powder/odd.png")))
    assert viewer.layers["powder/odd.png"].data.shape == (SIDE, SIDE)


def test_stop_keeps_and_tests_the_best_so_far(headless, folder, idle, qtbot):
    train = dock(headless, "train")
    train.images.folder.value = folder
    for name, value in {
        "model": "visualcnn", "epochs": 500, "batch_size": 8, "input_px": 32, "split": "holdout",
        "test": 0.3, "validation": 0.3, "patience": 100,
    }.items():  # fmt: skip
        train.fields[name].value = value
    train.train_button.native.click()
    qtbot.waitUntil(lambda: train.epochs >= 3)
    train.train_button.native.click()
    idle(train)
    assert 3 <= len(train.result.history) < 500
    assert 3 <= len(train.result.checkpoints) <= 4
    assert train.report.part.count() == 2
    assert train.report.headline.text()


def test_groups_that_names_propose_are_one_click(headless, tmp_path, idle):
    for name in ("superalloy", "powder"):
        place = tmp_path / "data" / name
        place.mkdir(parents=True)
        for k, tile in enumerate(tiles(name, 6)):
            imsave(place / f"S{k // 2}_{name}_{k}.png", tile, check_contrast=False)
    train = dock(headless, "train")
    images = train.images
    images.folder.value = tmp_path / "data"
    assert not images.propose_button.visible
    train.check_button.native.click()
    idle(train)
    assert images.propose_button.text == "Group: 6 micrographs by their names"
    assert not images.propose_button.native.isHidden()
    # the notes name the button, not the pattern behind it
    assert "press 'Group: 6 micrographs by their names'" in train.message.text()
    assert images._proposed and images._proposed not in train.message.text()
    images.propose_button.native.click()
    assert images.propose_button.native.isHidden()
    assert len({one.group for one in images.dataset().examples}) == 6
    train.check_button.native.click()
    idle(train)
    assert images.propose_button.native.isHidden()


def test_without_images_nothing_starts(headless, capsys):
    train = dock(headless, "train")
    train.train_button.native.click()
    train.images.source.value = sources.LAYERS
    train.check_button.native.click()
    assert not train.is_running


def test_covering_follows_the_boxes(viewer, qtbot):
    image = samples.load("nanoparticles")
    viewer.add_image(image.data[90:170, 100:190], name="tem", scale=image.spacing, units=image.unit)
    classify = dock(viewer, "classify")
    classify.occlude_button.click()
    boxes = viewer.layers["occlusion"]
    assert boxes.mode == "add_rectangle"
    assert classify.work.native.isHidden()
    boxes.add_rectangles(np.array([[10, 10], [70, 80]]))
    # a sign of work from the first second
    qtbot.waitUntil(lambda: classify.is_occluding)
    assert not classify.work.native.isHidden()
    assert classify.work.text.value

    def is_shown():
        return any("occluded" in text for text in texts(classify.bars)[:1])

    qtbot.waitUntil(is_shown)
    qtbot.waitUntil(lambda: not classify.is_occluding)
    assert "before" in classify.message.value
    assert classify.work.native.isHidden()


def regions(viewer):
    """Regions of two classes, drawn on a layer."""
    image = samples.load("nanoparticles").data
    viewer.add_image(image, name="tem")
    boxes = [np.array([[y, x], [y + 40, x + 40]]) for y in (10, 70, 130) for x in (10, 70, 130)]
    classes = (["cube", "sphere"] * len(boxes))[: len(boxes)]
    viewer.add_shapes(
        boxes, shape_type="rectangle", name="drawn", features={"class": classes}
    )  # fmt: skip
    viewer.add_image(image, name="other")
    train = dock(viewer, "train")
    train.images.source.value = sources.REGIONS
    return train


@pytest.mark.parametrize(
    ("start", "removed"),
    [("train", "tem"), ("train", "drawn"), ("check_images", "tem"), ("evaluate", "drawn")],
)
def test_work_on_regions_stops_with_their_layers(headless, idle, start, removed):
    train = regions(headless)
    box = train.evaluation if start == "evaluate" else train
    getattr(box, start)()
    assert box.is_running
    headless.layers.remove("other")
    assert box.is_running
    headless.layers.remove(removed)
    idle(box)
    assert train.message.text() == f"Cancelled: {removed} was removed."
    assert train.train_button.text == "Train"


def test_work_on_files_goes_on_without_layers(headless, folder, idle):
    train = regions(headless)
    train.images.dataset()
    train.images.source.value = sources.FOLDER
    train.images.folder.value = folder
    train.check_images()
    headless.layers.clear()
    assert train.is_running
    idle(train)
    assert train.audit.counts.frame["images"].tolist() == [8, 8]


def test_all_fields_begin_in_one_column(headless):
    train = dock(headless, "train")
    rows = [train.images.folder, train.images.group, train.fields["model"], train.fields["epochs"]]
    labels = [one.native.parentWidget().findChild(QLabel) for one in rows]
    assert len({label.minimumWidth() for label in labels}) == 1
    assert labels[0].minimumWidth() > 50
