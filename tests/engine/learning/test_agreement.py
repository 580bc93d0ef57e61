"""What a report, a test, a classification and an explanation say of an image agree."""

from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core import dataset as core_dataset
from napari_visual_ccc.report.summary import summary
from napari_visual_ccc.workflow.models import save_weights


def stripes(size: int, upright: bool, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    wave = np.sin((x if upright else y) / 4 + rng.uniform(0, 6))
    return (wave * 80 + 128 + rng.normal(0, 10, (size, size))).clip(0, 255).astype(np.uint8)


def labelled(size: int, count: int, seed: int) -> core_dataset.Dataset:
    rng = np.random.default_rng(seed)
    images = [stripes(size, upright, rng) for upright in (False, True) for _ in range(count)]
    return core_dataset.from_arrays(
        images, ["across"] * count + ["upright"] * count, name="stripes"
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Windows of 64 px, cut from images of 128; direction matters, so none was turned."""
    found = ccc.train(labelled(128, 12, 0), window=64, flips=False)
    path = tmp_path_factory.mktemp("model") / "stripes.safetensors"
    save_weights(found, path)
    return path


@pytest.mark.parametrize("size", [64, 200])
def test_a_model_trained_without_turned_views_is_shown_none(model, size):
    new = labelled(size, 3, 1)
    assert ccc.evaluate(new, model=model).value("accuracy") == 1
    for example in new.examples[::5]:
        found = ccc.classify(example.read().data, model=model)
        assert found.label == example.label
        assert found.probabilities.max() > 0.9
    notes = ccc.classify(stripes(64, True, np.random.default_rng(0)), model=model).notes
    assert "no test-time augmentation: the model was trained without rotated views" in notes


def test_a_test_gives_the_probabilities_that_classifying_gives(model):
    new = labelled(200, 2, 2)
    tested = ccc.evaluate(new, model=model)
    for example, row in zip(new.examples, tested.probabilities, strict=True):
        one = ccc.classify(example.read().data, model=model)
        np.testing.assert_allclose(row, one.probabilities, atol=1e-6)


@pytest.mark.parametrize("size", [64, 300])
def test_noise_is_unknown_however_large_and_whoever_is_asked(model, size, rng):
    noise = rng.normal(128, 40, (size, size)).clip(0, 255).astype(np.uint8)
    found = ccc.classify(noise, model=model)
    assert found.unknown
    assert len(found.similar) == 5
    assert summary(found).startswith("unknown")
    explained = ccc.explain(noise, model=model)
    assert explained.prediction.unknown
    assert any("unknown" in note for note in explained.notes)


def test_windows_of_unseen_images_of_the_same_kind_are_familiar(model):
    odd = windows = 0
    for example in labelled(160, 4, 3).examples:
        found = ccc.classify(example.read().data, model=model)
        assert not found.unknown
        odd += found.facts["unknown_windows"]
        windows += found.windows
    explained = ccc.explain(example.read().data, model=model, smooth="off")
    assert not explained.prediction.unknown
    # a twentieth is what the limit leaves; few training images know few phases of the stripes
    assert odd < 0.3 * windows


def test_a_network_of_fixed_input_is_asked_window_by_window(tmp_path, rng):
    found = ccc.train(
        labelled(64, 16, 0), model="simple-cnn", input_px=64, epochs=6, batch_size=8, flips=False,
        split="holdout",
    )  # fmt: skip
    path = tmp_path / "fixed.safetensors"
    save_weights(found, path)
    for upright, name in ((False, "across"), (True, "upright")):
        image = stripes(128, upright, rng)[:96]
        assert ccc.classify(image, model=path, stride=64).label == name
        explained = ccc.explain(image, model=path)
        assert explained.target == name
        np.testing.assert_allclose(explained.prediction.probabilities.sum(), 1)


def test_a_test_has_pictures_of_its_mistakes(model, tmp_path):
    rng = np.random.default_rng(0)
    wrong = core_dataset.from_arrays(
        [stripes(64, True, rng), stripes(64, False, rng)], ["across", "upright"]
    )
    tested = ccc.evaluate(wrong, model=model)
    assert tested.thumbnails["image 1"].shape == (48, 48)
    ccc.write_report(tested, tmp_path / "report.html")
    pictures = (tmp_path / "report.html").read_text(encoding="utf-8").count("<figure><img")
    assert pictures >= 2
