from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from napari_visual_ccc import samples
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.explanation import sanity
from napari_visual_ccc.engine.explanation.explain import explain
from napari_visual_ccc.engine.explanation.explainer import Explainer
from napari_visual_ccc.engine.explanation.sanity import cam_sanity_checks as steps
from napari_visual_ccc.nets import checkpoint
from tests.models import saved

TESTS = ["deletion", "insertion", "ROAD", "new last layer", "all weights new", "agreement"]


def check(*args, **choices):
    return run(steps(*args, device="cpu", **choices))


@pytest.fixture(scope="module")
def crop():
    return samples.load("nanoparticles").data[230:310, 150:230]


@pytest.fixture(scope="module")
def card(crop):
    return check(crop)


@pytest.fixture
def few(monkeypatch):
    """As many draws and steps as a test needs that does not judge a map."""
    monkeypatch.setattr(sanity, "_DRAWS", {"new last layer": 2, "all weights new": 1})
    monkeypatch.setattr(sanity, "_STEPS", 4)
    monkeypatch.setattr(sanity, "_ROAD_STEPS", (0.4,))


def test_grad_cam_can_be_trusted(card):
    table = card.table
    assert "score card" in card.tables
    assert list(table.columns) == ["test", "value", "control", "verdict", "meaning"]
    assert list(table["test"]) == TESTS
    assert (table["verdict"] == "good").sum() >= 4
    assert card.facts["trusted"] is True
    value = dict(zip(table["test"], table["value"], strict=True))
    assert card.facts["deletion"] == value["deletion"] < card.facts["deletion_control"]
    assert card.facts["insertion"] == value["insertion"] > card.facts["insertion_control"]
    assert card.facts["new_last_layer"] == value["new last layer"]
    assert "new_last_layer_control" not in card.facts
    assert all(table["meaning"].str.endswith("."))


@pytest.mark.parametrize("method", ["random", "eigencam"])
def test_maps_that_ignore_the_class_cannot(crop, method, few):
    found = check(crop[:48, :48], method=method)
    verdict = dict(zip(found.table["test"], found.table["verdict"], strict=True))
    assert verdict["new last layer"] == "bad"
    assert found.facts["new_last_layer"] == pytest.approx(1)
    assert found.facts["trusted"] is False


def test_repeats_are_equal_and_another_seed_is_another_control(crop, few, capfd):
    part, after, cards = crop[:48, :48], [], []
    # to build a network draws numbers, whoever does it
    for operation in (explain, steps, steps):
        torch.manual_seed(3)
        np.random.seed(3)
        cards.append(run(operation(part, device="cpu")))
        after.append((torch.random.get_rng_state(), np.random.get_state()[1]))
    # random numbers of others are left alone
    assert torch.equal(after[0][0], after[1][0])
    np.testing.assert_array_equal(after[0][1], after[1][1])
    _, card, again = cards
    assert again.table.equals(card.table)
    assert again.facts == card.facts
    other = check(part, seed=1)
    assert other.facts["deletion"] == card.facts["deletion"]
    assert other.facts["deletion_control"] != card.facts["deletion_control"]
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_large_images_are_tested_where_most_evidence_is(crop, few, monkeypatch):
    image = np.full((300, 420), 230, np.uint8)
    image[190:270, 310:390] = crop
    explainer = Explainer(checkpoint.load_model(None, torch.device("cpu")), image / 255)
    peak = np.zeros(image.shape)
    peak[200:260, 320:380] = 1
    part = sanity._crop_to_evidence(explainer, peak)
    assert part.shape == (160, 160)
    # 320 pixels of the input; a smaller part is tested as fast as a test needs
    monkeypatch.setattr(sanity, "_PART", 160)
    found = check(image, target="cube")
    assert "tested on the 80 × 80 pixels with most evidence" in found.notes
    # the model sees the same particles wherever they are
    assert found.facts["insertion"] > found.facts["insertion_control"]


@pytest.mark.parametrize("architecture", ["visualcnn", "simple-cnn"])
def test_other_networks_are_tested(tmp_path, rng, architecture, few):
    path = saved(tmp_path, architecture)
    found = check(rng.random((40, 90)), model=path, target="alloy")
    assert list(found.table["test"]) == TESTS
    assert found.facts["target"] == "alloy"


@pytest.mark.parametrize("image", [np.zeros((1, 1)), np.full((1, 1), 5), np.full((50, 70), 7)])
def test_there_is_nothing_to_test_in_a_constant_image(image):
    found = check(image)
    assert set(found.table["verdict"]) == {"bad"}
    assert found.facts["trusted"] is False
    assert found.notes[0].startswith("There is nothing to test")


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (3, 40)])
def test_slivers_do_not_crash(shape, rng, few):
    assert list(check(rng.random(shape)).table["test"]) == TESTS


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({"method": "saliency"}, "no method 'saliency'"),
        ({"seed": -1}, "seed is -1"),
        ({"target": "rod"}, "no class 'rod'"),
    ],
)
def test_wrong_choices_are_named(crop, choice, sentence):
    with pytest.raises(ValueError, match=sentence):
        check(crop, **choice)


def test_the_area_under_a_curve():
    assert sanity._area(np.ones(5)) == 1
    assert sanity._area(np.linspace(0, 1, 17)) == pytest.approx(0.5)
    assert sanity._area(np.array([1.0, 0.0, 0.0])) == pytest.approx(0.25)


def test_deletion_starts_at_the_strongest_pixels():
    values = np.array([[0.1, -2.0, 5.0], [3.0, 0.1, 0.0]])
    ranks = sanity._ranks(values)
    np.testing.assert_allclose(ranks * 6, [[2, 5, 0], [1, 3, 4]])
    assert values[ranks < 2 / 6].tolist() == [5.0, 3.0]


def test_a_map_of_what_decides_has_the_smallest_area():
    # a probability that is the share of one square left: the map that marks it must win
    y, x = np.mgrid[:64, :64]
    square = (y >= 40) & (x < 24)
    shown, blurred = np.ones((64, 64), np.float32), np.zeros((64, 64), np.float32)
    marks, ends = np.where(square, 1.0, 0.0), np.array([1.0, 0.0])
    share = square.mean()
    curves = {}
    for name, one in (("right", marks), ("wrong", -marks)):
        ranks = sanity._ranks(one)
        inner = np.arange(1, 16) / 16
        left = [np.where(ranks < part, blurred, shown)[square].mean() for part in inner]
        curves[name] = sanity._area(np.concatenate([ends[:1], left, ends[1:]]))
    assert curves["right"] == pytest.approx(share / 2, abs=0.02)
    assert curves["wrong"] == pytest.approx(1 - share / 2, abs=0.02)


def test_random_maps_have_the_smoothness_of_the_map(rng):
    y, x = np.mgrid[:64, :48]
    values = np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / 100)
    other = sanity._phase_randomised(values, rng)
    assert other.shape == values.shape
    assert other.std() == pytest.approx(values.std(), rel=1e-6)
    rough = [np.abs(np.diff(one, axis=0)).mean() for one in (values, other)]
    assert rough[1] < 3 * rough[0]
    assert abs(sanity._rank_correlation(values, other)) < 0.6


def test_rank_correlation_is_that_of_spearman(rng):
    first, second = rng.random((2, 9, 11)).round(1)
    expected = spearmanr(first.ravel(), second.ravel()).statistic
    assert sanity._rank_correlation(first, second) == pytest.approx(expected)
    assert sanity._rank_correlation(first, np.exp(3 * first)) == pytest.approx(1)
    assert sanity._rank_correlation(first, np.zeros_like(first)) == 0
