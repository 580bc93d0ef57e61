from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.engine.screening.properties import (
    ImageProperties,
    properties_of,
    property_notes,
    telling_properties,
)

PLAIN = ImageProperties(512, 512, 2.0, "PNG", "uint8", 1, False)


def told(images, labels, groups=None, **more):
    groups = groups or [str(k) for k in range(len(images))]
    return telling_properties(images, labels, groups, **more)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"height": 448}, {"height", "aspect ratio"}),
        ({"height": 1024, "width": 1024}, {"height", "width"}),
        ({"size_nm": 5.0}, {"pixel size"}),
        ({"size_nm": None}, {"pixel size"}),
        ({"format": "JPG"}, {"file format"}),
        ({"type": "uint16"}, {"pixel type"}),
        ({"colours": 3}, {"number of colours"}),
        ({"has_bar": True}, {"info bar"}),
    ],
)
@pytest.mark.parametrize("count", [12, 40])
def test_a_property_of_one_class_only_is_found(change, found, count):
    images = [PLAIN] * count + [PLAIN._replace(**change)] * count
    table = told(images, ["a"] * count + ["b"] * count)
    assert set(table["property"][table["tells_apart"]]) == found
    assert table["accuracy"].tolist() == [1.0] * len(table)
    assert table["chance"].tolist() == [0.5] * len(table)
    notes = property_notes(table)
    assert notes
    assert all("100%" in note and "by chance 50%" in note for note in notes)


def test_four_classes_of_unlike_sizes_are_found_by_one_tree():
    sides = (512, 640, 960, 1024)
    images = [PLAIN._replace(height=s, width=s) for s in sides for _ in range(7)]
    table = told(images, [str(s) for s in sides for _ in range(7)])
    assert set(table["property"][table["tells_apart"]]) == {"height", "width"}


def random_images(rng, count):
    return [
        ImageProperties(
            *rng.choice([512, 768, 1024], 2).tolist(), float(rng.choice([1, 2, 5])),
            str(rng.choice(["PNG", "TIF"])), str(rng.choice(["uint8", "uint16"])), 1,
            bool(rng.integers(2)),
        )
        for _ in range(count)
    ]  # fmt: skip


def test_balanced_sets_are_left_in_peace():
    rng = np.random.default_rng(0)
    for classes in (2, 3, 2, 4, 2, 3):
        images = random_images(rng, 36)
        labels = [str(k) for k in rng.integers(0, classes, 36)]
        assert not told(images, labels)["tells_apart"].any()


def test_specimens_of_one_size_each_are_no_evidence_beyond_their_number():
    # three specimens of a class, each with images of its own size: three trials, not thirty
    images = [PLAIN._replace(height=h) for h in (500, 510, 520, 600, 610, 620) for _ in range(10)]
    groups = [str(k) for k in range(6) for _ in range(10)]
    labels = ["a"] * 30 + ["b"] * 30
    assert not told(images, labels, groups)["tells_apart"].any()
    assert told(images, labels)["tells_apart"].any()


MANY = {
    "height": 400, "width": 600, "format": "JPG", "type": "uint16", "colours": 3, "size_nm": 5.0,
    "date": "2020-02-03T10:00", "has_bar": True,
}  # fmt: skip


@pytest.mark.parametrize(
    "keys", [("height", "format"), ("height", "width", "size_nm"), tuple(MANY)]
)
@pytest.mark.parametrize("count", [3, 4])
def test_few_images_of_several_telling_properties_are_found(keys, count):
    change = {key: MANY[key] for key in keys}
    images = [PLAIN] * count + [PLAIN._replace(**change)] * count
    table = told(images, ["a"] * count + ["b"] * count)
    assert table["tells_apart"].all()
    notes = " ".join(property_notes(table))
    assert all(word in notes for word in table["property"])


@pytest.mark.parametrize(
    "change", [{"height": 400}, {"height": 400, "width": 600, "has_bar": True}]
)
def test_one_family_is_no_evidence_with_three_images_and_is_with_four(change):
    for count in (3, 4):
        images = [PLAIN] * count + [PLAIN._replace(**change)] * count
        table = told(images, ["a"] * count + ["b"] * count)
        assert table["tells_apart"].any() == (count == 4)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [(["2019-01-03T10:00"] * 4, ["2019-02-07 11:30"] * 4, True),
     (["1/2/2019"] * 4, ["2/2/2019"] * 4, True),
     # one cut divides days that are all unlike
     ([f"2019/1/{k}" for k in range(1, 6)], [f"2020-1-{k}" for k in range(1, 6)], True),
     ([f"2019-01-0{k}" for k in range(1, 6)], [f"2019-01-0{k}" for k in range(1, 6)], False),
     ([""] * 4, [""] * 4, False)],
)  # fmt: skip
def test_classes_of_other_days_are_found(first, second, found):
    images = [PLAIN._replace(date=date) for date in (*first, *second)]
    table = told(images, ["a"] * len(first) + ["b"] * len(second))
    assert table["tells_apart"].any() == found
    assert bool(property_notes(table)) == found


def test_what_does_not_differ_is_not_tested_and_one_class_has_no_answer():
    assert told([PLAIN] * 8, ["a"] * 4 + ["b"] * 4).empty
    assert told([PLAIN, PLAIN._replace(height=9)], ["a", "b"]).empty
    assert property_notes(told([PLAIN] * 8, ["a"] * 4 + ["b"] * 4)) == ()
    both = [PLAIN] * 9 + [PLAIN._replace(height=9, format="TIF")] * 9
    only = told(both, ["a"] * 9 + ["b"] * 9, among=("file format",))
    assert only["property"].tolist() == ["file format"]


@pytest.mark.parametrize("one_group", [False, True])
def test_a_class_of_one_specimen_is_tested_by_image(one_group):
    images = [PLAIN] * 20 + [PLAIN._replace(height=448)] * 20
    groups = ["S"] * 20 + (["T"] * 20 if one_group else [str(k) for k in range(20)])
    assert told(images, ["a"] * 20 + ["b"] * 20, groups)["tells_apart"].any()


def test_properties_are_read_from_a_micrograph():
    grey = Micrograph(np.zeros((40, 50), np.uint16), (2.0, 2.0), "nm")
    found = properties_of(grey, (40, 50), 2.0, Path("a.TIF"))
    assert found == (40, 50, 2.0, "TIF", "uint16", 1, False, "")
    # the rows of an info bar are not shown
    assert properties_of(grey, (36, 50), 2.0, None) == (
        36, 50, 2.0, "array", "uint16", 1, True, "",
    )  # fmt: skip
    stated = Micrograph(np.zeros((40, 50), np.uint8), info_bar=InfoBar(bottom=4))
    assert properties_of(stated, (40, 50), None, None).has_bar
    colour = Micrograph(np.zeros((40, 50, 3), np.uint8))
    about = properties_of(colour, (40, 50), None, None)
    assert (about.colours, about.has_bar, about.date) == (3, False, "")
    dated = Micrograph(np.zeros((40, 50)), metadata={"facts": {"date": "2019-01-03T10:00"}})
    assert properties_of(dated, (40, 50), None, None).date == "2019-01-03T10:00"


def test_the_advice_on_info_bars_depends_on_whether_they_are_shown():
    table = told([PLAIN] * 9 + [PLAIN._replace(has_bar=True)] * 9, ["a"] * 9 + ["b"] * 9)
    assert "cut all images to one size" in property_notes(table)[0]
    assert "info_bar='leave out'" in property_notes(table, bar_is_shown=True)[0]
    assert property_notes(table, bar_is_shown=False) == ()
