"""Channels in files of their own, or as an axis of one."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import names_of
from napari_visual_ccc.io.channels import files_of, read_channels, split_name
from napari_visual_ccc.io.datasets import load, unlabelled
from tests.channels import CHANNELS, image, write_files, write_ome


@pytest.mark.parametrize(
    ("name", "found"),
    [("a_SE", ("a", "SE")), ("a-b_bse", ("a-b", "BSE")), ("a SE", ("a", "SE")), ("se", ("", "SE")),
     ("a.SE", ("a", "SE")), ("aSE", None), ("a_SE_1", None), ("", None)],
)  # fmt: skip
def test_a_name_ends_with_its_channel(name, found):
    assert split_name(name, CHANNELS) == found


def test_files_of_channels_lie_beside_each_other(tmp_path, rng):
    pixels = image("a", rng)
    first = write_files(tmp_path, pixels, "a")
    for path in (first, tmp_path / "a_BSE.tif"):
        found = read_channels(path, CHANNELS)
        np.testing.assert_array_equal(found.data, pixels)
        assert names_of(found) == ["SE", "BSE"]
    np.testing.assert_array_equal(read_channels(first, CHANNELS[::-1]).data, pixels[::-1])
    assert files_of(tmp_path / "other.tif", CHANNELS) is None


def test_an_ome_tiff_has_names_of_its_channels(tmp_path, rng):
    pixels = image("a", rng)
    path = write_ome(tmp_path / "a.ome.tif", pixels, CHANNELS[::-1])
    np.testing.assert_array_equal(read_channels(path, CHANNELS).data, pixels)
    with pytest.raises(ValueError, match=r"a\.ome\.tif.*no channel Al; its channels are BSE, SE"):
        read_channels(path, ("SE", "Al"))


def test_a_missing_or_doubled_channel_is_named(tmp_path, rng):
    path = write_files(tmp_path, image("a", rng), "a")
    (tmp_path / "a_se.png").write_bytes(b"")
    with pytest.raises(ValueError, match="are both the channel SE"):
        read_channels(path, CHANNELS)
    (tmp_path / "a_se.png").unlink()
    (tmp_path / "a_BSE.tif").unlink()
    with pytest.raises(ValueError, match=r"the channel BSE of a_SE\.tif is missing"):
        read_channels(path, CHANNELS)


def test_a_data_set_has_one_example_for_the_files_of_an_image(tmp_path, rng):
    root = tmp_path / "data"
    for label in "ab":
        for number in range(2):
            write_files(root / label, image(label, rng), f"n{number}")
        write_ome(root / label / "whole.ome.tif", image(label, rng), CHANNELS)
    (root / "b" / "n1_BSE.tif").unlink()
    data = load(root, channels="SE, BSE")
    assert data.channels == CHANNELS
    assert [one.name for one in data.examples] == [
        "a/n0_SE.tif", "a/n1_SE.tif", "a/whole.ome.tif", "b/n0_SE.tif", "b/whole.ome.tif",
    ]  # fmt: skip
    assert data.skipped == (("b/n1_SE.tif", "the channel BSE of n1_SE.tif is missing beside it"),)
    for one in data.examples:
        assert one.read().data.shape == (2, 40, 40)
    assert len(load(root).examples) == 9
    listed = unlabelled(root, CHANNELS)
    assert len(listed) == 6
    with pytest.raises(ValueError, match=r"the channel BSE of n1_SE\.tif is missing"):
        next(one for one in listed if one.name == "b/n1_SE.tif").read()


def test_files_in_a_folder_of_their_own_and_in_columns_of_a_table(tmp_path, rng):
    pixels = {label: image(label, rng) for label in "ab"}
    for label in "ab":
        first = write_files(tmp_path / "data" / label / "one", pixels[label], "x")
        for path in (first, first.with_name("x_BSE.tif")):
            path.rename(path.with_name(path.name.removeprefix("x_")))
    data = load(tmp_path / "data", channels="SE,BSE")
    assert [one.name for one in data.examples] == ["a/one/SE.tif", "b/one/SE.tif"]
    table = tmp_path / "data" / "t.csv"
    table.write_text(
        "label,SE,BSE\na,a/one/SE.tif,a/one/BSE.tif\nb,b/one/SE.tif,b/one/BSE.tif\n"
        "b,b/one/SE.tif,\n"
    )
    listed = load(table, channels="SE,BSE")
    assert [reason for _, reason in listed.skipped] == ["no path of the channel BSE"]
    for found in (data, listed):
        for one in found.examples:
            np.testing.assert_array_equal(one.read().data, pixels[one.label])
