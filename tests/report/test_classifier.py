"""The report on a classifier."""

from __future__ import annotations

import base64
import functools
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.core.result import Evaluation, TrainedModel
from napari_visual_ccc.nets.card import make_card
from napari_visual_ccc.nets.checkpoint import Model
from napari_visual_ccc.report import classifier as report
from tests.report.evaluations import CASES, evaluated, pointed, robust, two

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser sees: that tags are closed in order, the text, and what is fetched."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ("src", "href", "srcset", "data")]
        assert tag not in ("script", "link", "iframe")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def model_result(result: Evaluation, validation=None, history=None, **card) -> TrainedModel:
    rows = [
        (f"{part}{k}", "cube" if k % 2 else "sphere", f"{part}{k // 2}", part)
        for part, count in (("test", 4), ("train", 12), ("validation", 6))
        for k in range(count)
    ]
    split = pd.DataFrame(rows, columns=["name", "label", "group", "part"])
    if history is None:
        losses = {"loss": [1.0, 0.5], "validation_loss": [1.1, np.nan]}
        history = pd.DataFrame({"epoch": [1, 2], **losses})
    skipped = pd.DataFrame({"name": ["<odd> & 'bad'.tif"], "reason": ['"is damaged"']})
    known = {
        "name": "Shapes", "architecture": "tiny", "classes": list(result.classes), "input_px": 64,
        "window_px": 64, "normalisation": {}, "use": "tests only", **card,
    }  # fmt: skip
    return TrainedModel(
        model=Model(None, make_card(known)), evaluation=result, split=split, history=history,
        skipped=skipped, validation=validation,
    )  # fmt: skip


def written(result, folder, **more) -> Page:
    path = folder / "report.html"
    report.write_report(result, path, **more)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    return Page(text)


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Folder with the page of a case, which is drawn once."""

    @functools.cache
    def folder(case: str) -> Path:
        made = tmp_path_factory.mktemp("page")
        written(CASES[case](), made)
        return made

    return folder


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_page_is_whole_and_needs_nothing_else(case, folder_of):
    tmp_path = folder_of(case)
    page = page_of(tmp_path)
    assert page.links
    kinds = ("data:image/png;base64,", "data:image/svg+xml;base64,")
    assert all(link.startswith(kinds) for link in page.links)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "http" not in text
    assert "url(" not in text
    assert not re.search(r"\b(nan|None|inf)\b(?!\.)", page.text)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_headline_says_what_was_found(folder_of):
    result = two()
    row = result.summary.set_index("metric").loc["accuracy"]
    said = f"90.0 % ({100 * row['low']:.1f} to {100 * row['high']:.1f} %)"
    page = page_of(folder_of("two"))
    assert f"{said} of 20 images from 4 independent groups are classified correctly." in page.text
    assert (
        "Baseline: predicting the most frequent class for every image has an accuracy of 50.0 %."
        in page.text
    )


def test_images_without_groups_are_not_called_independent_groups(folder_of):
    page = page_of(folder_of("perfect"))
    assert "of 15 images, each counted as independent, are classified correctly." in page.text


@pytest.mark.parametrize(("groups", "warned"), [(1, True), (9, True), (10, False)])
def test_few_groups_bring_a_warning(groups, warned, tmp_path):
    page = written(two(groups), tmp_path)
    assert ("Test on 10 groups or more" in page.text) == warned


def test_untested_class_is_told_with_dashes(folder_of):
    page = page_of(folder_of("missing"))
    assert "The test has no image of these classes: never." in page.text
    assert "–" in page.text


def test_no_mistakes_are_evaluated(folder_of):
    assert "None." in page_of(folder_of("perfect")).text


def test_names_are_escaped(tmp_path):
    classes = ["<b>cube</b>", "a & \"b\" 'c'", "$x$ {y} $title"]
    names = ["<script>alert(1)</script>.tif", 'x" onerror="y.tif', "c.tif"]
    result = evaluated([1, 2, 2], [0, 1, 2], classes, names=names, notes=("a < b",))
    thumbnails = {name: np.zeros((8, 8), np.uint8) for name in names}
    whole = replace(model_result(result, use="<i>all</i>"), thumbnails=thumbnails)
    page = written(whole, tmp_path)
    for text in (*classes, *names[:2], "a < b", "<i>all</i>", "<odd> & 'bad'.tif", '"is damaged"'):
        assert text in page.text


def test_thumbnails_are_shown_for_mistakes_only(folder_of, tmp_path):
    thumbnails = {f"image_{k}.tif": np.full((16, 24), k, np.uint8) for k in range(20)}
    bare = page_of(folder_of("two"))
    page = written(two(thumbnails=thumbnails), tmp_path)
    assert len(page.links) == len(bare.links) + 2
    assert "image_1.tif cube, predicted sphere (90.0 %)" in page.text.replace("tifcube", "tif cube")


def test_at_most_24_mistakes(tmp_path):
    result = evaluated([1] * 30, [0] * 29 + [1], ["good", "bad"])
    page = written(result, tmp_path)
    assert "29 images misclassified, the most confident first; 24 are listed." in page.text
    assert page.text.count(", predicted bad") == 24


def test_model_tells_split_card_and_calibration(tmp_path):
    facts = {"temperature": 1.5, "ece_before": 0.081, "ece_after": 0.02}
    result = model_result(two(facts=facts), normalisation={"low": 0.5, "scope": "image"})
    page = written(result, tmp_path)
    assert "Shapes: performance on test images" in page.text
    assert "classtrainvalidationtestcube632sphere632all images1264all groups632" in page.text
    assert "temperature of 1.50" in page.text
    assert "Calibration error before 8.1 %, after 2.0 %." in page.text
    assert "Normalisationlow: 0.5; scope: image" in page.text
    assert "1 file could not be used" in page.text
    assert "Licence–" in page.text


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="already exists"):
        report.write_report(two(), path)
    assert path.read_text() == "mine"
    report.write_report(two(), path, force=True)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_numbers_are_plain_json():
    facts = {"temperature": np.float64(1.5), "ece_before": 0.08}
    numbers = report.report_numbers(model_result(two(facts=facts)))
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    assert numbers["summary"]["accuracy"]["value"] == pytest.approx(0.9)
    assert numbers["confusion"] == [[8, 2], [0, 10]]
    assert numbers["per_class"][0]["recall"] == pytest.approx(0.8)
    pair = {"class": "cube", "taken_for": "sphere", "images": 2, "percent_of_class": 20.0}
    assert numbers["confused_pairs"] == [pair]
    assert (numbers["temperature"], numbers["ece_after"]) == (1.5, None)
    assert numbers["split"]["cube"] == {"train": 6, "validation": 3, "test": 2}
    assert numbers["history"][1] == {"epoch": 2, "loss": 0.5, "validation_loss": None}


def test_areas_are_known_ones_and_absent_where_undefined():
    rows = report.report_numbers(CASES["missing"]())["per_class"]
    # its one image ties with one of three others; a class that never was there has no curve
    assert rows[0]["roc_auc"] == pytest.approx(2.5 / 3)
    assert rows[0]["average_precision"] == pytest.approx(0.5)
    assert "roc_auc" not in rows[2]
    # 8 of 10 with the high score, none of the rest: (0.8 + 1) / 2
    assert report.report_numbers(two())["per_class"][0]["roc_auc"] == pytest.approx(0.9)


# parts, checkpoints, layers -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    """A result with everything that a training may have."""
    validation = pointed(two(facts={"part": "validation part"}), here=True)
    kept = {"epoch": 7, "monitor": "validation_loss", "value": 0.25, "rank": 1, "last": True}
    result = model_result(pointed(two()), validation=validation)
    return replace(
        result,
        checkpoints=(replace(result.model, card=make_card(known(result, checkpoint=kept))),),
        architecture=pd.DataFrame(
            [("conv", "Conv2d", "4 × 6 × 6", 1040, 0), ("head", "Linear", "2", 30, 30)],
            columns=["layer", "type", "output", "parameters", "trained"],
        ),
    )


@pytest.fixture(scope="module")
def of_whole(whole, tmp_path_factory):
    """The page of it, and the folder of its figures, which are drawn once."""
    folder = tmp_path_factory.mktemp("whole")
    return written(whole, folder, figures=folder / "figures"), folder / "figures"


def known(result, **card):
    return {**result.model.card.as_dict(), **card}


def test_the_page_shows_both_parts_checkpoints_and_layers(of_whole):
    page, _ = of_whole
    assert "early stopping, the temperature and the thresholds were chosen on them" in page.text
    # six figures of each part, and the curves
    assert sum("svg" in link for link in page.links) == 13
    assert page.text.count("Youden's J") == 2
    assert "Chosen on: validation part." in page.text
    assert "Chosen on: these images (validation part), so the rates are optimistic." in page.text
    assert "epochvalidation loss70.2500no. 1, last epoch" in page.text
    assert "1,070 parameters, of which 30 are trained." in page.text
    assert "headLinear230yes" in page.text


def test_numbers_hold_both_parts(whole):
    numbers = report.report_numbers(whole)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    assert numbers["validation"]["part"] == "validation part"
    assert numbers["validation"]["confusion"] == [[8, 2], [0, 10]]
    assert numbers["operating_point"]["classes"][1]["tpr"] == 1
    assert numbers["checkpoints"][0]["epoch"] == 7
    assert numbers["parameters"] == {"parameters": 1070, "trained": 30}
    assert "robustness" not in numbers
    assert report.report_numbers(robust())["robustness"][3]["unit"] == "nm"


def test_figures_are_written_beside_the_page(of_whole, tmp_path):
    page, made = of_whole
    folder = shutil.copytree(made, tmp_path / "figures")
    drawn = {path.name: path.read_bytes() for path in folder.iterdir()}
    shown = {base64.b64decode(link.partition(",")[2]) for link in page.links if "svg" in link}
    assert shown == set(drawn.values())
    assert len(drawn) == 13
    assert "validation_roc.svg" in drawn
    (folder / "training.svg").write_text("mine")
    with pytest.raises(FileExistsError, match="already exists"):
        report.write_report(model_result(two()), tmp_path / "other.html", figures=folder)
    # a report without a validation part leaves no figure of an earlier one
    (folder / "mine.svg").touch()
    page = written(model_result(two()), tmp_path, figures=folder, force=True)
    left = {path.name for path in folder.iterdir()}
    assert left == {"mine.svg", *(name for name in drawn if not name.startswith("validation"))}
    # a part that is not there is explained
    assert "There is no validation part beside the images of the test" in page.text
    assert "There are no checkpoints" in page.text
    assert "Youden" not in page.text
