"""Evaluate a model file from the Train classifier dock."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QFileDialog
from skimage.io import imsave

from napari_visual_ccc import samples
from napari_visual_ccc.io.datasets import load
from napari_visual_ccc.widgets.docks.evaluate import EvaluateModel
from tests.models import saved


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four crops of two classes that the shipped model knows."""
    folder = tmp_path_factory.mktemp("shapes")
    image = samples.load("nanoparticles").data
    for k, name in enumerate(("cube", "sphere")):
        (folder / name).mkdir()
        for number in range(2):
            y, x = 96 + 40 * k, 96 + 50 * number
            imsave(folder / name / f"{number}.png", image[y : y + 64, x : x + 64])
    return load(folder)


@pytest.fixture
def shown():
    return []


@pytest.fixture
def box(qtbot, data, shown):
    watched, said = [], []
    box = EvaluateModel(
        lambda: data, lambda *given: shown.append(given), watched.append, said.append
    )
    box.watched, box.said = watched, said
    qtbot.addWidget(box)
    return box


def wait(qtbot, box):
    qtbot.waitUntil(lambda: not box.is_running)


def test_a_model_is_evaluated_with_noise_and_its_report_is_saved(
    qtbot, box, data, shown, tmp_path, monkeypatch
):
    assert box.choices["model"] is None
    for name, value in {"robustness": True, "noise": "0.1", "counts": "", "blur": "1"}.items():
        box.fields[name].value = value
    assert box.save() is None
    box.button.native.click()
    assert box.button.text == "Cancel"
    wait(qtbot, box)
    assert box.button.text == "Evaluate"
    ((given, result),) = shown
    assert given is data
    assert result.robustness["degradation"].tolist() == ["none", "Gaussian noise", "blur"]
    page = tmp_path / "mine.html"
    assert box.save(page) == page
    assert (tmp_path / "mine_figures" / "robustness_blur.svg").exists()
    # only a file that the dialog asked about is replaced
    page.write_text("precious")
    assert box.save(page) is None
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(page), ""))
    assert box.save() == page
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_it_can_be_cancelled(qtbot, box, shown):
    box.button.native.click()
    box.button.native.click()
    wait(qtbot, box)
    assert len(box.watched) == 1
    assert box.said == ["Stopping…", "Cancelled."]
    assert box.button.text == "Evaluate"
    qtbot.wait(50)
    assert shown == []


def test_a_model_of_other_classes_is_a_sentence(qtbot, box, shown, tmp_path, capsys):
    box.use_model(saved(tmp_path, "simple-cnn"))
    box.button.native.click()
    wait(qtbot, box)
    assert shown == []
    assert not box.save_button.enabled
