from __future__ import annotations

from xml.etree import ElementTree

import pandas as pd
import pytest

from napari_visual_ccc.report.pictures import (
    all_pictures,
    degraded,
    evaluation_pictures,
    training_picture,
)
from tests.report.evaluations import CASES, pointed, robust, two
from tests.report.test_classifier import model_result

PART = {
    "confusion_matrix", "classification_report", "classes", "roc", "precision_recall",
    "reliability",
}  # fmt: skip


@pytest.mark.parametrize("case", ["ten", "missing", "one image"])
def test_every_figure_is_svg_with_text_and_the_same_on_every_run(case):
    pictures = evaluation_pictures(CASES[case]())
    assert set(pictures) == PART
    for picture in pictures.values():
        drawn = picture.svg()
        root = ElementTree.fromstring(drawn)
        width, height = (float(root.get(side)[:-2]) / 72 for side in ("width", "height"))
        assert (width, height) == pytest.approx(picture.size)
        assert root.findall(".//{*}text")
        if case == "one image":
            assert picture.svg() == drawn


def test_a_training_has_figures_of_both_parts_and_its_curves():
    history = pd.DataFrame({"epoch": [1, 2], "loss": [2.0, 1.0], "learning_rate": [0.1, 0.05]})
    assert training_picture(history.drop(columns="epoch")) is None
    result = model_result(pointed(two()), validation=two(), history=history)
    names = all_pictures(result)
    parts = {f"{part}_{name}" for part in ("test", "validation") for name in PART}
    assert set(names) == {*parts, "training"}
    text = names["training"].svg().decode()
    assert "learning" in text
    assert "epoch" in text
    # a circle for each class at its operating point
    assert names["test_roc"].svg() != names["validation_roc"].svg()


def test_robustness_has_a_figure_for_each_kind():
    pictures = evaluation_pictures(robust())
    assert degraded(robust()) == ["Gaussian noise", "blur"]
    assert set(pictures) == {*PART, "robustness_gaussian_noise", "robustness_blur"}
    text = pictures["robustness_gaussian_noise"].svg().decode()
    assert "Gaussian noise, sigma (fraction of the contrast)" in text
    assert "blur, sigma (nm)" in pictures["robustness_blur"].svg().decode()
