from __future__ import annotations

import re

import pytest

from napari_visual_ccc.engine.screening.specimens import like_named, micrographs_of

NAMES = {
    "tiles": [f"im{n}_x{x}_y{y}" for n in range(6) for x in (0, 256) for y in (0, 256)],
    "crops": [f"Cu-s-{n}_0004_{k:03}" for n in range(6) for k in range(4)],
    "unlike depths": [f"{'AB-' * (n % 2)}Cu_{n}_{k}" for n in range(6) for k in range(4)],
    "augmented": [f"a{n}_jpg.rf.{k:08x}" for n in range(6) for k in (12345678, 987654321)],
    "copies": [f"IMG {n} ({k})" for n in range(6) for k in range(3)],
    "days": [f"2024050{n}_{k}" for n in range(1, 7) for k in range(4)],
}


def labels(stems):
    return ["a" if k < len(stems) / 2 else "b" for k in range(len(stems))]


@pytest.mark.parametrize("kind", NAMES)
def test_the_pattern_gives_the_micrographs(kind):
    stems = NAMES[kind]
    hint = micrographs_of(stems, labels(stems))
    assert hint is not None
    groups = [re.search(hint.pattern, stem).group(1) for stem in stems]
    assert hint.groups == len(set(groups)) == 6
    assert hint.images == groups.count(hint.example) == len(stems) / 6
    assert repr(hint.pattern) in hint.note
    assert "such as" in hint.note


@pytest.mark.parametrize(
    "stems",
    [
        [f"{'cube' if n < 8 else 'rod'}_{n:03}" for n in range(16)],
        [f"sample {n}" for n in range(12)],
        [f"{n}_SE" for n in range(12)],
        [f"{n}_{word}" for n in range(6) for word in ("before", "after")],
        ["a", "b", "c"],
        [],
    ],
)
def test_numbered_images_of_a_class_are_no_parts_of_a_micrograph(stems):
    assert micrographs_of(stems, labels(stems)) is None


def test_classes_of_one_beginning_each_have_no_groups():
    stems = [f"{name}_{n}" for name in ("a", "b", "c") for n in range(4)]
    assert micrographs_of(stems, [stem[0] for stem in stems]) is None


def test_classes_that_differ_in_capitals_or_separators_are_named():
    assert like_named(["cube", "rod", "cube 2"]) == ()
    (note,) = like_named(["Cube", "rod", "cube", "cube"])
    assert note.startswith("the classes 'Cube' and 'cube' differ in capitals")
    assert len(like_named(["a_b", "a b", "x", "X "])) == 2
