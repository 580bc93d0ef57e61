"""Colours of labels are told apart by everybody, and are the same in figures and pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_visual_ccc.core.layers.palette import (
    are_classes,
    class_colours,
    hexadecimal,
    label_colours,
    luminance,
    of_labels,
    particle_colours,
)

# protanopia, deuteranopia, tritanopia on linear light (Machado, Oliveira and Fernandes 2009)
DICHROMATS = np.array(
    [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]],
    ]
)  # fmt: skip


def distances(colours: np.ndarray) -> np.ndarray:
    """Smallest distance of each two colours over all kinds of sight."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = [colours]
    for matrix in DICHROMATS:
        light = np.clip(linear @ matrix.T, 0, 1)
        seen.append(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))
    labs = [rgb2lab(one[None])[0] for one in seen]
    return np.min([deltaE_ciede2000(lab[:, None], lab[None]) for lab in labs], axis=0)


@pytest.mark.parametrize(
    ("count", "least"), [(2, 52), (3, 23), (4, 19), (6, 17), (8, 15), (12, 13), (16, 11), (31, 7)]
)
def test_classes_stay_apart_for_every_kind_of_sight(count, least):
    between = distances(class_colours(count)[:count])[np.triu_indices(count, 1)]
    assert between.min() > least


@pytest.mark.parametrize("count", [1, 2, 5, 8, 31, 40])
def test_classes_go_from_dark_to_bright_and_no_colour_is_used_twice(count):
    colours = class_colours(count)
    assert (np.diff(luminance(colours[:count])) > 0).all()
    assert len(np.unique(colours, axis=0)) == len(colours) == 31


def test_particles_with_close_numbers_have_unlike_colours():
    colours = particle_colours()
    apart = distances(colours)
    for step in range(1, 6):
        assert np.diagonal(np.roll(apart, -step, axis=1)).min() > 10
    # the colours repeat
    np.testing.assert_array_equal(of_labels(colours, np.array([1, 32])), colours[[0, 0]])


def test_labels_with_names_of_their_own_are_classes():
    phases = pd.DataFrame({"label": [0, 1, 2], "name": ["none", "a", "b"]})
    np.testing.assert_array_equal(label_colours(phases), class_colours(2))
    by_index = phases.rename(columns={"label": "index"})
    np.testing.assert_array_equal(label_colours(by_index), class_colours(2))
    by_slice = pd.concat([phases, phases], ignore_index=True)
    np.testing.assert_array_equal(label_colours(by_slice), class_colours(2))


@pytest.mark.parametrize(
    "table",
    [
        None,
        pd.DataFrame({"label": [1, 2], "area_px": [3, 4]}),
        pd.DataFrame({"label": [1, 2, 3], "name": ["cube", "rod", "cube"]}),
        pd.DataFrame({"label": [], "name": []}),
        pd.DataFrame({"name": ["a"]}),
    ],
    ids=["no table", "no names", "named by class", "empty", "no numbers"],
)
def test_other_labels_are_particles(table):
    np.testing.assert_array_equal(label_colours(table), particle_colours())


def test_large_and_unsigned_labels_have_colours():
    colours = particle_colours()
    labels = np.array([1, 255], np.uint8)
    np.testing.assert_array_equal(of_labels(colours, labels), colours[[0, 254 % 31]])
    np.testing.assert_array_equal(of_labels(colours, 2**40), colours[(2**40 - 1) % 31])


def test_luminance_and_hexadecimal_of_known_colours():
    np.testing.assert_allclose(
        luminance(np.array([[0, 0, 0], [1, 1, 1], [0, 1, 0]])), [0, 1, 0.7152]
    )
    assert hexadecimal(np.array([0, 114, 178]) / 255) == "#0072b2"


def test_classes_have_names_of_their_own():
    assert are_classes(pd.DataFrame({"label": [1, 2], "name": ["cube", "sphere"]}))
    # a row for each slice
    assert are_classes(pd.DataFrame({"label": [1, 2, 1, 2], "name": ["a", "b", "a", "b"]}))
    assert are_classes(pd.DataFrame({"index": [0, 1], "name": ["background", "objects"]}))
    assert not are_classes(pd.DataFrame({"label": [1, 2, 3], "name": ["cube", "cube", "sphere"]}))
    assert not are_classes(pd.DataFrame({"label": [1, 2], "pixels": [4, 5]}))
    assert not are_classes(pd.DataFrame({"label": [], "name": []}))


def test_the_unknown_are_grey_beside_the_colours_of_the_classes():
    table = pd.DataFrame({"label": [1, 2, 3], "name": ["cube", "rod", "unknown"]})
    colours = label_colours(table)
    np.testing.assert_array_equal(colours[:2], label_colours(table[:2])[:2])
    assert np.ptp(colours[2]) == 0
    # only as the last of several
    for names in (["unknown"], ["unknown", "rod"]):
        some = pd.DataFrame({"label": range(1, len(names) + 1), "name": names})
        assert np.ptp(label_colours(some)[:2], axis=1).all()
