from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imread

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.engine.classification.classify import classify
from napari_visual_ccc.engine.explanation import sanity
from napari_visual_ccc.workflow.operations import OPERATIONS
from tests.models import CLASSES, saved


def test_unseen_crops_are_named_as_well_as_the_card_says(data):
    right = total = 0
    for name in ("cube", "octahedron", "sphere"):
        for file in sorted((data / "nanoshapes/crops/test" / name).glob("*.png"))[::8]:
            found = ccc.classify(imread(file))
            assert found.windows == 1
            assert found.layers == ()
            right += found.label == name
            total += 1
    assert total > 25
    assert right / total >= 0.93


def test_a_micrograph_is_classified_window_by_window():
    image = samples.load("nanoparticles").data
    found = ccc.classify(image)
    labels, probability = found.layers
    assert labels.data.shape == tuple(round(n / 32) for n in image.shape)
    assert (labels.placement.stride, labels.placement.first_centre) == (32, (15.5, 15.5))
    assert found.shares.sum() == pytest.approx(1)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert found.label == "cube"
    assert "Cu nanoparticle TEM only" in found.notes[-1]
    shapes = samples.masks("nanoparticles")["shapes"]
    rows, columns = (np.arange(n) * 32 + 16 for n in labels.data.shape)
    truth = shapes[np.ix_(np.minimum(rows, len(shapes) - 1), columns)]
    both = (labels.data > 0) & (truth > 0)
    assert (labels.data == truth)[both].mean() > 0.7
    empty = labels.data == 0
    assert np.isnan(probability.data[empty]).all()
    assert (truth[empty] == 0).mean() > 0.95


def test_16_bit_and_8_bit_of_one_micrograph_agree():
    crop = samples.load("nanoparticles").data[100:164, 100:164]
    found = [ccc.classify(i).probabilities for i in (crop, crop.astype(np.uint16) * 257, crop / 9)]
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)
    np.testing.assert_allclose(found[2], found[0], atol=1e-4)


def test_a_flat_image_is_not_claimed_to_be_anything(rng):
    flat = np.full((160, 160), 100.0)
    found = ccc.classify(flat)
    assert "are meaningless" in found.notes[-1]
    assert not found.layers[0].data.any()


def test_another_model_can_be_given(tmp_path, discs):
    path = saved(tmp_path, window_px=64)
    found = ccc.classify(discs, model=path, stride=16)
    assert found.classes == tuple(CLASSES)
    assert found.layers[0].data.shape == (8, 10)
    again = ccc.classify(discs, model=path, stride=16)
    np.testing.assert_array_equal(found.probabilities, again.probabilities)


def test_a_network_of_fixed_input_can_be_given(tmp_path, discs):
    found = ccc.classify(discs, model=saved(tmp_path, "simple-cnn", window_px=160))
    assert found.windows == 1


def test_progress_is_told_and_work_can_be_left(discs):
    steps = classify(np.tile(discs, (3, 3)))
    seen = [next(steps) for _ in range(3)]
    steps.close()
    assert seen[-1].total > seen[-1].done > 0


@pytest.mark.parametrize(
    ("image", "choices", "words"),
    [
        (np.full((40, 40), np.nan), {}, "no finite pixel"),
        (np.zeros((40, 40)), {"device": "abacus"}, "device is 'abacus'"),
        (np.zeros((40, 40)), {"stride": 1}, "8 to 256"),
    ],
)
def test_what_cannot_be_classified_is_refused_in_words(image, choices, words):
    with pytest.raises(ValueError, match=words):
        ccc.classify(image, **choices)


def test_one_pixel_is_classified_without_an_error():
    assert ccc.classify(np.zeros((1, 1))).windows == 1


# operating point ----------------------------------------------------------------------------------

AT = {"decision": "operating point"}


def test_a_crop_is_decided_by_the_thresholds_of_the_card_or_given_ones(tmp_path, discs):
    limits = dict.fromkeys(CLASSES, 0.999) | {"alloy": 0.001}
    point = {"thresholds": limits, "chosen_on": "validation part"}
    path = saved(tmp_path, "simple-cnn", operating_point=point, window_px=160)
    plain = ccc.classify(discs, model=path)
    found = ccc.classify(discs, model=path, **AT)
    np.testing.assert_array_equal(found.probabilities, plain.probabilities)
    assert (plain.decided, dict(plain.thresholds)) == ("", {})
    assert found.verdict == "alloy"
    assert found.thresholds == limits
    given = ccc.classify(discs, model=path, thresholds="alloy=0.999", **AT)
    assert given.verdict == "none above its threshold"
    assert given.row["probability"] == plain.probabilities.max()
    with pytest.raises(ValueError, match="choose decision='operating point'"):
        ccc.classify(discs, model=path, thresholds="alloy=0.9")


def test_a_model_without_an_operating_point_needs_thresholds(discs):
    with pytest.raises(ValueError, match="no threshold for cube, octahedron, sphere"):
        ccc.classify(discs, **AT)


def test_thresholds_apply_to_every_window():
    image = samples.load("nanoparticles").data[:256, :256]
    plain = ccc.classify(image)
    always = ccc.classify(image, thresholds="cube=0, octahedron=0, sphere=0", **AT)
    np.testing.assert_array_equal(always.labels, plain.labels)
    np.testing.assert_array_equal(always.shares, plain.shares)
    strict = ccc.classify(image, thresholds="cube=0.9, octahedron=0.9, sphere=0.9", **AT)
    sure = np.nan_to_num(np.asarray(plain.layers[1].data)) >= 0.9
    np.testing.assert_array_equal(strict.labels, np.where(sure, plain.labels, 0))
    assert 0 < strict.shares.sum() < 1


def test_windows_without_pixels_have_no_class(discs, tmp_path):
    path = saved(tmp_path, window_px=64)
    gap = discs.astype(np.float32)
    gap[:, 100:] = np.nan
    whole, found = (ccc.classify(one, model=path, stride=16) for one in (discs, gap))
    assert whole.layers[0].data[:, 8:].any()
    assert not found.layers[0].data[:, 8:].any()
    assert np.isnan(found.layers[1].data[:, 8:]).all()
    assert found.layers[0].data[:, :4].any()
    assert any("of the pixels are missing" in note for note in found.notes)


def _stated(result):
    """Numbers of a result that are called a probability, and the class that it names."""
    values = dict(result.facts.get("probabilities", {}))
    for table in result.tables.values():
        if {"class", "probability"} <= set(table):
            values |= dict(zip(table["class"], table["probability"], strict=True))
    assert "probability" not in result.facts
    return values, result.target or result.facts.get("target", "")


@pytest.fixture(scope="module")
def ambiguous():
    """A crop of which one view of the whole has another class than the windows."""
    return samples.load("nanoparticles").data[150:260, 240:370]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("explain", {}),
        ("explain", {"smooth": "off"}),
        ("explain", {"smooth": "off", "target": "sphere"}),
        ("compare", {}),
        ("cam_sanity_checks", {}),
        ("detect_shortcuts", {}),
        ("occlude", {}),
        ("concordance", {}),
    ],
)
def test_one_image_has_one_prediction_at_every_door(ambiguous, name, more, monkeypatch):
    # the scores of the card are of other tests
    monkeypatch.setattr(sanity, "_DRAWS", {"new last layer": 1, "all weights new": 1})
    monkeypatch.setattr(sanity, "_STEPS", 2)
    monkeypatch.setattr(sanity, "_ROAD_STEPS", (0.4,))
    known = ccc.classify(ambiguous)
    mask = np.zeros(ambiguous.shape, np.uint8)
    mask[30:80, 30:80] = 1
    inputs = {"regions": mask}
    if name == "concordance":
        inputs = {"labels": mask, "image": ambiguous}
    given = ambiguous / 255 if name == "concordance" else ambiguous
    chosen = {key: inputs[key] for key in inputs if name in ("occlude", "concordance")}
    found = getattr(ccc, name)(given, **chosen, **more)
    stated, target = _stated(found)
    real = dict(zip(known.classes, known.probabilities, strict=True))
    assert stated == {} or stated == pytest.approx(real)
    assert target in ("", known.label) or name == "compare"
    for note in found.notes:
        # a per cent of a class is of the prediction, or it is called a score
        if "%" in note and any(one in note for one in known.classes):
            assert note.startswith("score of one view") or "evidence" in note
        if "assumed" in note:
            assert f"{known.label} was assumed" in note


def test_every_operation_that_explains_a_class_is_walked():
    inherited = {one.name for one in OPERATIONS.values() if one.family == "classify"}
    # no class of an image is stated by the others: regions of a map, classes of pixels
    walked = {"explain", "compare", "cam_sanity_checks", "detect_shortcuts", "occlude"}
    others = {"classify", "evidence_regions", "morphology_map", "classify_folder"}
    assert inherited == walked | others | {"concordance", "concordance_folder"}


def test_unknown_windows_have_a_label_of_their_own():
    image = samples.load("superalloy").data[:260, :300]
    found, plain = (ccc.classify(image, mark_unknown=mark) for mark in (True, False))
    labels, before = found.layers[0], plain.layers[0]
    unknown = labels.data == 4
    assert unknown.sum() == found.facts["unknown_windows"] > 0.5 * labels.data.size
    # all others have their class, and the probabilities are the same
    np.testing.assert_array_equal(labels.data[~unknown], before.data[~unknown])
    np.testing.assert_array_equal(found.layers[1].data, plain.layers[1].data)
    np.testing.assert_array_equal(found.shares, plain.shares)
    table = labels.table.set_index("name")["share_of_windows"]
    assert list(table.index) == ["cube", "octahedron", "sphere", "unknown"]
    assert table["unknown"] == pytest.approx(unknown.sum() / found.windows)
    assert table.sum() == pytest.approx(1)
    assert list(before.table["name"]) == ["cube", "octahedron", "sphere"]
    assert before.table["share_of_windows"].tolist() == pytest.approx(plain.shares.tolist())
    # classes keep their colours
    np.testing.assert_array_equal(labels.palette[:3], before.palette[:3])
    assert np.ptp(labels.palette[3]) == 0
    regions = ccc.region_table(labels.data).table
    assert set(regions["label"]) == set(np.unique(labels.data)) - {0}
