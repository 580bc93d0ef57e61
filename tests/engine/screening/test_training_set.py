from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.learning.prepare import prepare
from napari_visual_ccc.engine.learning.split import partition
from napari_visual_ccc.engine.screening.training_set import screen
from napari_visual_ccc.nets.models.registry import architecture

from ..learning.prepared import recipe


def screened(images, labels, *, names=(), groups=(), **choices):
    chosen = recipe(**choices)
    data = from_arrays(images, labels, names=names, groups=groups)
    prepared = run(prepare(data, architecture("lite0-linear"), chosen))
    return run(screen(prepared, partition(prepared, chosen, False), 0))


def textures(count, shape=(64, 64), seed=0):
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    some = [gaussian_filter(rng.normal(size=shape), 3) for _ in range(count)]
    return [(255 * (one - one.min()) / np.ptp(one)).astype(np.uint8) for one in some]


def test_clean_images_have_no_notes():
    found = screened(textures(12), ["a", "b"] * 6)
    assert found.notes == ()
    assert found.telling == {}


def test_the_height_that_tells_classes_apart_is_for_the_card_unless_windows_hide_it():
    images = [*textures(14), *textures(14, (56, 64), 1)]
    found = screened(images, ["a"] * 14 + ["b"] * 14)
    assert found.telling == {"height": 1.0, "aspect ratio": 1.0}
    assert "cut the images of all classes to one size" in found.notes[0]
    hidden = screened(images, ["a"] * 14 + ["b"] * 14, window=32)
    assert hidden.telling == {}
    assert hidden.notes == ()


def test_copies_across_parts_and_classes_are_said_with_their_names():
    images = textures(14)
    images[13] = np.roll(images[0], 1, axis=0)
    images[11] = images[2]
    found = screened(images, ["a", "b"] * 7, split="holdout", validation=0.0, test=0.5)
    (contradictory,) = (note for note in found.notes if "different classes" in note)
    assert "2 pairs" in contradictory
    assert "image 1 (a) and image 14 (b)" in contradictory
    assert "image 3 (a) and image 12 (b)" in contradictory
    kept = screened(images, ["a", "b"] * 7, groups=["S"] * 7 + ["T"] * 7)
    assert any("different parts" in n for n in (*found.notes, *kept.notes))


def test_contradictory_labels_of_a_turned_copy_are_said():
    images = textures(12)
    images[5] = np.rot90(images[2])
    images[9] = images[4][:, ::-1].copy()
    notes = screened(images, ["a", "b"] * 6).notes
    (note,) = (note for note in notes if "different classes" in note)
    assert note.startswith("2 pairs")
    assert "image 3 (a) and image 6 (b)" in note
    assert "image 5 (a) and image 10 (b)" in note


def test_names_of_one_micrograph_are_said_only_where_no_groups_are_given():
    names = [f"m{n}_{k}.png" for n in range(6) for k in range(2)]
    labels = [label for n in range(6) for label in ("ab"[n % 2],) * 2]
    (note,) = screened(textures(12), labels, names=names).notes
    assert "group=" in note
    groups = [name.split("_")[0] for name in names]
    assert screened(textures(12), labels, names=names, groups=groups).notes == ()


def test_the_properties_are_those_that_the_network_is_shown():
    chosen = recipe()
    data = from_arrays(textures(4), ["a", "b"] * 2)
    prepared = run(prepare(data, architecture("lite0-linear"), chosen))
    assert {one[:2] for one in prepared.properties} == {(64, 64)}
    assert prepared.pictures.shape == (4, 96, 96)
    bars = tuple(one._replace(has_bar=k % 2 == 0) for k, one in enumerate(prepared.properties))
    found = run(screen(replace(prepared, properties=bars), partition(prepared, chosen, False), 0))
    # left out: only the height could tell
    assert found.telling == {}


def test_classes_that_differ_in_capitals_only_are_said():
    found = screened(textures(12), ["a", "b", "B"] * 4)
    assert found.notes[0].startswith("the classes 'B' and 'b' differ in capitals")
