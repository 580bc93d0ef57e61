from __future__ import annotations

import base64

import pytest

from napari_visual_ccc.report.performance import (
    Drawn,
    embedded,
    headline,
    mistakes,
    performance,
)
from napari_visual_ccc.report.pictures import Picture
from tests.report.evaluations import CASES, evaluated, pointed, robust, two


@pytest.fixture(scope="module")
def part():
    return performance(pointed(two()), {"temperature": 1.5, "ece_before": 0.1, "ece_after": 0.05})


def test_a_figure_of_the_page_is_the_svg_of_its_file():
    picture = Picture("ROC", (5.0, 4.0), lambda axes: None)
    shown = embedded(Drawn(picture, b"<svg/>"))
    kind, _, data = shown["data"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data) == b"<svg/>"
    assert (shown["alt"], shown["width"]) == ("ROC", 480)


def test_the_classification_report_ends_with_the_means(part):
    assert part["class_columns"] == ["class", "images", "Precision", "Recall", "F1"]
    assert [row[0] for row in part["classes"]] == ["cube", "sphere", "macro mean", "weighted mean"]
    # 8 of 10 and 10 of 10 are found; 8 of 8 and 10 of 12 are right
    assert part["classes"][2][2:] == ("91.7 %", "90.0 %", "89.9 %")
    assert part["classes"][0][1:3] == (10, "100.0 % (51.0 to 100.0 %)")


def test_a_class_without_images_does_not_count_in_the_means():
    rows = performance(CASES["missing"](), {})["classes"]
    assert rows[2][:2] == ("never", 0)
    assert rows[3][3] == f"{100 * (1 + 2 / 3) / 2:.1f} %"


def test_the_operating_point_is_a_table_with_what_it_was_chosen_on(part):
    point = part["operating_point"]
    assert point["chosen_on"] == "validation part"
    assert point["rows"][1][:2] == ("sphere", "0.5")
    assert point["rows"][1][2].startswith("100.0 % (")
    assert point["rows"][1][3].startswith("20.0 % (")
    assert point["rows"][1][4] == "0.800"
    assert point["text"] == "18 of 20 images are assigned correctly."
    here = performance(pointed(two(), here=True), {})["operating_point"]
    assert here["chosen_on"] == "these images (validation part), so the rates are optimistic"
    assert performance(two(), {})["operating_point"] is None


def test_robustness_is_a_table_of_levels():
    rows = performance(robust(), {})["robustness"]
    assert [row[:3] for row in rows] == [
        ("none", "–", "100.0 %"), ("Gaussian noise", "0.1 of contrast", "90.0 %"),
        ("Gaussian noise", "0.2 of contrast", "50.0 %"), ("blur", "2 nm", "90.0 %"),
    ]  # fmt: skip
    assert rows[1][5] == "–"
    assert performance(two(), {})["robustness"] == []


def test_the_headline_compares_with_the_most_frequent_class():
    found = headline(two())
    assert (found["accuracy"], found["baseline"]) == ("90.0 %", "50.0 %")
    assert found["images"] == "20 images from 4 independent groups are"


def test_mistakes_are_counted():
    found = mistakes(evaluated([1, 0], [0, 0], "ab", names=["x", "y"]), {})
    assert found["summary"] == "1 image misclassified, the most confident first"
    assert [one["name"] for one in found["images"]] == ["x"]
