"""Models of several channels: trained, evaluated, classified with, explained."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.core.micrograph import Axis, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.card import DEFAULT, read_card
from napari_visual_ccc.workflow.run import execute
from tests.channels import CHANNELS, image, write_files, write_ome


def test_the_card_has_the_channels_in_their_order_and_their_levels(channel_model):
    card = read_card(channel_model)
    assert card.channels == list(CHANNELS)
    assert card.depth == 2
    for levels in card.channel_statistics.values():
        assert 0 < levels["low"] < 128 < levels["high"] < 255
        assert 0.4 < levels["mean"] < 0.6
    assert card.layers == []
    assert "channels" not in read_card(DEFAULT).as_dict()


def test_a_crop_and_a_micrograph_are_classified(channel_model, rng):
    for label in "ab":
        assert ccc.classify(image(label, rng), model=channel_model).label == label
        large = ccc.classify(image(label, rng, 130), model=channel_model)
        assert large.label == label
        assert large.layers[0].data.shape == (4, 4)
        assert not large.unknown
    swapped = ccc.classify(image("a", rng)[::-1], model=channel_model)
    assert swapped.label == "b"


def test_a_stack_of_channels_is_classified_slice_by_slice(channel_model, rng):
    stack = np.stack([image(label, rng) for label in "aba"])
    for given in (stack, da.from_array(stack, chunks=(1, 2, 40, 40))):
        found = ccc.classify(given, model=channel_model)
        assert found.tables["slices"]["verdict"].tolist() == ["a", "b", "a"]


@pytest.mark.parametrize("side", [40, 90])
def test_an_explanation_has_the_frame_of_the_channels(channel_model, rng, side):
    pixels = image("b", rng, side)
    # the striped half is the evidence
    pixels[:, :, side // 2 :] = pixels[0, :, side // 2 :].mean()
    for choices in ({}, {"smooth": True}, {"method": "fullgrad"}):
        found = ccc.explain(pixels, model=channel_model, target="b", **choices)
        assert found.data.shape == (side, side)
        assert np.isfinite(found.data).all()
    plain = ccc.explain(pixels, model=channel_model, target="b").data
    assert plain[:, : side // 2].mean() > plain[:, side // 2 :].mean()
    both = ccc.compare(pixels, model=channel_model)
    assert [layer.data.shape for layer in both.layers] == [(side, side)] * 2


def test_occlusion_covers_all_channels(channel_model, rng):
    pixels = image("b", rng)
    regions = np.zeros((40, 40), bool)
    regions[:, 5:] = True
    found = ccc.occlude(pixels, regions, model=channel_model, fill="mean")
    assert found.layers[0].data.shape == (2, 40, 40)
    assert (found.layers[0].data[:, 5:, 5:].std(axis=(1, 2)) < 1e-6).all()
    assert found.facts["change"]["b"] < 0


def test_channels_are_taken_by_name_from_a_file_or_from_files(channel_model, rng, tmp_path):
    pixels = image("b", rng)
    whole = write_ome(tmp_path / "a.ome.tif", pixels, CHANNELS[::-1])
    first = write_files(tmp_path, pixels, "a")
    expected = ccc.classify(pixels, model=channel_model).probabilities
    for path in (whole, first, first.with_name("a_BSE.tif")):
        found = ccc.classify(ccc.read(path), model=channel_model)
        np.testing.assert_array_equal(found.probabilities, expected)
    outcome = run(execute("explain", {"image": ccc.read(whole)}, {"model": channel_model}))
    again = ccc.replay(outcome.record, whole)
    np.testing.assert_array_equal(again.data, outcome.result.data)


def test_a_missing_channel_and_a_wrong_number_are_named(channel_model, rng, tmp_path):
    pixels = image("b", rng)
    path = write_files(tmp_path, pixels, "a")
    path.with_name("a_BSE.tif").unlink()
    with pytest.raises(ValueError, match=r"the channel BSE of a_SE\.tif is missing"):
        ccc.classify(ccc.read(path), model=channel_model)
    with pytest.raises(ValueError, match="BSE is missing"):
        ccc.classify(Micrograph(pixels[0], name="one"), model=channel_model)
    known = {"facts": {"channels": ["SE", "Al"]}}
    other = Micrograph(pixels, name="one", axes=(Axis("c"),), metadata=known)
    with pytest.raises(ValueError, match="one has no channel BSE; its channels are SE, Al"):
        ccc.explain(other, model=channel_model)
    with pytest.raises(ValueError, match=r"takes 2 channels \(SE, BSE\); the image has the shape"):
        ccc.classify(pixels[0], model=channel_model)


@pytest.mark.parametrize("name", ["cam_sanity_checks", "detect_shortcuts", "morphology_map"])
def test_what_does_not_work_with_channels_says_so(name, channel_model, rng):
    with pytest.raises(
        ValueError, match=r"does not work with a model of several channels \(SE, BSE"
    ):
        getattr(ccc, name)(image("a", rng), model=channel_model)


def test_a_data_set_is_evaluated_and_a_folder_classified(channel_model, rng, tmp_path):
    for label in "ab":
        for number in range(2):
            write_files(tmp_path / label, image(label, rng), f"n{number}")
    (tmp_path / "b" / "n1_BSE.tif").unlink()
    data = ccc.load_dataset(tmp_path, channels="SE,BSE")
    found = ccc.evaluate(data, model=channel_model)
    assert found.value("accuracy") == 1
    assert len(found.images) == 3
    table = ccc.classify_folder(tmp_path, model=channel_model).table.set_index("name")
    assert table["verdict"].to_dict() == {
        "a/n0_SE.tif": "a", "a/n1_SE.tif": "a", "b/n0_SE.tif": "b", "b/n1_SE.tif": "",
    }  # fmt: skip
    assert "the channel BSE of n1_SE.tif is missing" in table["problem"]["b/n1_SE.tif"]
    audit = ccc.audit_dataset(data)
    assert audit.tables["formats"][["dtype", "channels", "images"]].to_numpy().tolist() == [
        ["uint8", 2, 3]
    ]


def test_a_trained_network_learns_which_channel_it_is(rng, tmp_path):
    labels = ["a", "b"] * 18
    data = from_arrays([image(label, rng, 32) for label in labels], labels, channels=CHANNELS)
    found = ccc.train(
        data, model="visualcnn", input_px=32, epochs=12, batch_size=8, learning_rate=3e-3,
        split="holdout", test=0.3, validation=0.2, device="cpu",
    )  # fmt: skip
    assert found.evaluation.value("accuracy") >= 0.9
    path = ccc.save_model(found, tmp_path / "net")[0]
    assert ccc.classify(image("b", rng), model=path).label == "b"
    maps = [
        ccc.explain(image("b", rng, 70), model=path, method=method).data
        for method in ("gradcam", "scorecam")
    ]
    maps.append(ccc.explain(image("b", rng), model=path, layer=read_card(path).layers[0]).data)
    assert [one.shape for one in maps] == [(70, 70), (70, 70), (40, 40)]


def test_a_split_of_channels_is_read_back(rng, tmp_path):
    for label in "ab":
        for number in range(4):
            write_files(tmp_path / "data" / label, image(label, rng), f"n{number}")
    data = ccc.load_dataset(tmp_path / "data", channels="SE,BSE")
    options = {"input_px": 32, "device": "cpu", "split": "holdout", "test": 0.3}
    first = ccc.train(data, **options)
    split = ccc.save_model(first, tmp_path / "model")[1]
    again = ccc.train(ccc.load_dataset(split, channels="SE,BSE"), **{**options, "split": "auto"})
    pd.testing.assert_series_equal(again.split["part"], first.split["part"])
    np.testing.assert_array_equal(again.evaluation.probabilities, first.evaluation.probabilities)


def test_an_empty_channel_is_no_fault(channel_model, rng):
    """The map of an element that is not there."""
    pixels = image("a", rng)
    pixels[1] = 0
    assert ccc.classify(pixels, model=channel_model).probabilities.sum() == pytest.approx(1)
