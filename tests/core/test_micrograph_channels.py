"""Channels of one field."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import (
    Axis,
    Micrograph,
    channel_names,
    names_of,
    select_channels,
    stack_channels,
)

A, B = np.zeros((4, 6)), np.ones((4, 6))


def test_names_are_separated_by_commas():
    assert channel_names(" SE, BSE,Al ") == ("SE", "BSE", "Al")
    assert channel_names("") == ()
    for text in ("SE", "SE,se"):
        with pytest.raises(ValueError, match="name two or more, each once"):
            channel_names(text)


def test_planes_are_stacked_in_their_order_with_the_size_of_the_first():
    first = Micrograph(A, (2.0, 2.0), "nm", metadata={"facts": {"voltage_kv": 5}})
    found = stack_channels({"SE": first, "BSE": Micrograph(np.stack([B] * 3, axis=-1))})
    assert found.data.shape == (2, 4, 6)
    assert found.data[:, 0, 0].tolist() == [0, 1]
    assert found.spacing == (2.0, 2.0)
    assert names_of(found) == ["SE", "BSE"]
    assert found.metadata["facts"]["voltage_kv"] == 5


@pytest.mark.parametrize(
    ("other", "words"),
    [(np.zeros((4, 5)), "BSE is 5 x 4 pixels, and SE is 6 x 4"),
     (np.zeros((2, 4, 6)), "BSE is a stack"),
     (np.stack([A, A, B], axis=-1), "BSE is a colour image")],
)  # fmt: skip
def test_channels_are_grey_planes_of_one_size(other, words):
    with pytest.raises(ValueError, match=words):
        stack_channels({"SE": Micrograph(A), "BSE": Micrograph(other)})


def named(names, axes=("c",)):
    pixels = np.arange(3.0)[:, None, None] * np.ones((3, 4, 6))
    facts = {"facts": {"channels": list(names)}} if names else {}
    if axes == ("c", "t"):
        pixels = np.stack([pixels] * 2, axis=1)
    return Micrograph(pixels, name="map", axes=tuple(Axis(one) for one in axes), metadata=facts)


def test_channels_are_chosen_by_name_whatever_their_order():
    found = select_channels(named(["Al", "SE", "BSE"]), ["BSE", "al"])
    assert found.data[:, 0, 0].tolist() == [2, 0]
    assert names_of(found) == ["BSE", "al"]


def test_without_names_their_order_counts_and_their_number_must_agree():
    assert select_channels(named([]), list("xyz")).data[:, 0, 0].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="3 channels without names, and 2 are needed: x, y"):
        select_channels(named([]), list("xy"))
    plain = Micrograph(np.stack([A, B]))
    assert select_channels(plain, list("xy")).data.shape == (2, 4, 6)


def test_the_axis_of_channels_comes_last_before_rows():
    found = select_channels(named(["x", "y", "z"], ("c", "t")), ["z", "x"])
    assert found.data.shape == (2, 2, 4, 6)
    assert found.data[:, :, 0, 0].tolist() == [[2, 0], [2, 0]]
    assert [axis.name for axis in found.axes] == ["t", "c"]


def test_a_missing_channel_is_named():
    with pytest.raises(ValueError, match="map has no channel Al; its channels are SE, BSE, x"):
        select_channels(named(["SE", "BSE", "x"]), ["SE", "Al"])
    with pytest.raises(ValueError, match="BSE is missing"):
        select_channels(Micrograph(A, name="map"), ["SE", "BSE"])
