from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.io import imread, imsave

import napari_visual_ccc as ccc
from napari_visual_ccc.core.dataset import Dataset, from_arrays
from napari_visual_ccc.io.datasets import load
from napari_visual_ccc.nets.card import read_card
from tests.models import saved

NAMES = ("cube", "octahedron", "sphere")
ECE = "expected calibration error"


@pytest.fixture(scope="module")
def crops(data):
    files = [
        file
        for name in NAMES
        for file in sorted((data / "nanoshapes/crops/test" / name).glob("*.png"))[:40:5]
    ]
    return files, from_arrays(
        [imread(file) for file in files],
        [file.parent.name for file in files],
        names=[f"{file.parent.name}/{file.name}" for file in files],
        groups=[file.name.rpartition("_")[0] for file in files],
        name="crops",
    )


@pytest.fixture(scope="module")
def tested(crops):
    return ccc.evaluate(crops[1])


def test_the_shipped_model_is_tested_on_real_crops(crops, tested):
    (files, _), found = crops, tested
    assert found.classes == NAMES
    assert len(found.images) == len(files)
    assert found.confusion.sum(axis=1).tolist() == [8, 8, 8]
    assert found.value("accuracy") >= 0.85
    assert found.independent == found.images["group"].nunique() < len(files)
    assert 0 <= found.facts["unknown"] <= 0.3
    assert found.facts["temperature"] == pytest.approx(1.155)
    assert found.facts["ece_after"] == found.value(ECE)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)


def test_images_of_a_cross_validation_are_no_test(crops, tested):
    _, some = crops
    few = tuple(replace(one, part="cross-validated") for one in some.examples[::11])
    data = Dataset(few, "split", min_classes=1)
    (note,) = (one for one in ccc.evaluate(data).notes if "cross-validation" in one)
    assert "has learnt all of them" in note
    assert not any("cross-validation" in one for one in tested.notes)


def test_evaluate_says_of_an_image_what_classify_says(crops):
    files, some = crops
    found = ccc.evaluate(some, tta=False)
    for row in (0, 11, 23):
        alone = ccc.classify(imread(files[row]), tta=False)
        np.testing.assert_allclose(found.probabilities[row], alone.probabilities, atol=1e-5)


def test_out_of_distribution_images_are_counted():
    # a chessboard is no particle
    board = (np.indices((64, 64)) // 8).sum(axis=0) % 2 * 255
    found = ccc.evaluate(from_arrays([board, board.T], ["cube", "sphere"]))
    assert found.facts["unknown"] == 1


def test_a_class_that_the_model_does_not_know_is_refused():
    data = from_arrays([np.eye(64)] * 2, ["cube", "rod"], name="shapes")
    known = "has no class 'rod' of shapes; its classes are cube, octahedron, sphere"
    with pytest.raises(ValueError, match=known):
        ccc.evaluate(data)


def test_files_that_cannot_be_read_are_skipped_and_listed(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cube/a.png", "sphere/b.png"):
        (tmp_path / name).parent.mkdir()
        imsave(tmp_path / name, rng.integers(0, 255, (64, 64)).astype(np.uint8))
    (tmp_path / "cube/broken.png").write_bytes(b"no image")
    found = ccc.evaluate(load(tmp_path), tta=False)
    assert len(found.images) == 2
    assert any("cube/broken.png was skipped" in note for note in found.notes)
    for name in ("cube/a.png", "sphere/b.png"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"no image could be read; cube/a\.png"):
        ccc.evaluate(load(tmp_path))


# robustness and checkpoints -----------------------------------------------------------------------


def noisy_shapes(count=6):
    """Bright discs and bars on a dark ground, with a little noise."""
    y, x = np.mgrid[:40, :40] - 19.5
    rng = np.random.default_rng(0)
    shapes = [np.hypot(y, x) < 12, abs(x) < 4]
    images = [
        (60 + 120 * shapes[k % 2] + rng.normal(0, 5, (40, 40))).clip(0, 255).astype(np.uint8)
        for k in range(2 * count)
    ]
    labels = ["bar" if k % 2 else "disc" for k in range(2 * count)]
    return from_arrays(images, labels, spacings=[((2.0, 2.0), "nm")] * len(images), name="shapes")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    trained = ccc.train(
        noisy_shapes(12), model="simple-cnn", input_px=32, batch_size=8, epochs=6, checkpoints=1,
        learning_rate=3e-3, split="holdout", validation=0.25, test=0.25,
    )  # fmt: skip
    return ccc.save_model(trained, tmp_path_factory.mktemp("models") / "shapes")[0]


def test_accuracy_falls_with_added_noise_and_blur(model):
    plain = ccc.evaluate(noisy_shapes(), model=model)
    assert plain.robustness is None
    levels = {"noise": "0.1, 5", "counts": "1000", "blur": "2, 60", "blur_unit": "nm"}
    found = ccc.evaluate(noisy_shapes(), model=model, robustness=True, **levels)
    np.testing.assert_array_equal(found.probabilities, plain.probabilities)
    table = found.tables["robustness"]
    assert table["degradation"].tolist() == [
        "none", "Gaussian noise", "Gaussian noise", "Poisson noise", "blur", "blur",
    ]  # fmt: skip
    assert table["unit"].tolist()[-1] == "nm"
    accuracy = table["accuracy"].tolist()
    assert accuracy[0] == plain.value("accuracy") == 1
    assert accuracy[1] == accuracy[3] == accuracy[4] == 1
    # five times the contrast, and 30 px: nothing is left to see
    assert max(accuracy[2], accuracy[5]) < 0.8
    again = ccc.evaluate(noisy_shapes(), model=model, robustness=True, **levels)
    assert again.robustness.equals(table)


def test_regions_are_evaluated_in_the_grey_range_of_their_image(model):
    first = noisy_shapes(1).examples[0].read().data
    # the whole has twice the contrast of the crop, in which it is dim then
    whole = np.concatenate([first, first.astype(int).clip(0, 120) * 2], axis=1).astype(np.uint8)
    alone, within = (
        from_arrays([first], ["disc"], min_classes=1, wholes=wholes) for wholes in ((), [whole])
    )
    card = read_card(model)
    limits = np.percentile(whole, (0.5, 99.5))
    given = first.astype(float).clip(*limits)
    # its own range is that of the whole
    given[0, :20], given[-1, :20] = limits[0], limits[1]
    options = {"model": model, "robustness": True, "noise": "0.1", "counts": "", "blur": ""}
    found = ccc.evaluate(within, **options)
    same = ccc.evaluate(from_arrays([given], ["disc"], min_classes=1), **options)
    assert card.normalisation.limits is None
    np.testing.assert_allclose(found.probabilities, same.probabilities, atol=0.02)
    assert abs(found.probabilities - ccc.evaluate(alone, model=model).probabilities).max() > 0.02
    assert len(found.tables["robustness"]) == 2


def test_a_blur_in_nanometres_names_the_image_without_a_pixel_size(model):
    data = from_arrays([np.eye(40) * 255] * 2, ["bar", "disc"], names=["one.png", "two.png"])
    with pytest.raises(ValueError, match=r"one\.png: no pixel size"):
        ccc.evaluate(data, model=model, robustness=True, blur_unit="nm")


def test_a_level_that_is_no_number_is_refused_before_anything_is_read():
    with pytest.raises(ValueError, match="levels of blur are 'much'"):
        ccc.evaluate(noisy_shapes(1), model="none.safetensors", robustness=True, blur="much")


def test_the_last_epoch_and_any_checkpoint_can_be_evaluated(model):
    files = sorted((model.parent / "shapes_checkpoints").iterdir())
    current = ccc.evaluate(noisy_shapes(), model=model, checkpoint="current")
    assert current.facts["checkpoint"]["epoch"] == 6
    chosen = ccc.evaluate(noisy_shapes(), model=files[-1])
    np.testing.assert_array_equal(current.probabilities, chosen.probabilities)
    assert current.facts["operating_point"]["chosen_on"] == "validation part"
    # the first of the checkpoints is the model itself
    best = next(path for path in files if read_card(path).checkpoint.rank == 1)
    np.testing.assert_array_equal(
        ccc.evaluate(noisy_shapes(), model=best).probabilities,
        ccc.evaluate(noisy_shapes(), model=model).probabilities,
    )
    with pytest.raises(ValueError, match="the shipped model: there are no checkpoints"):
        ccc.evaluate(noisy_shapes(), checkpoint="current")


def test_a_model_that_is_not_calibrated_says_so(tmp_path):
    path = saved(tmp_path, "simple-cnn", classes=["bar", "disc"])
    assert "the probabilities of this model are not calibrated" in (
        ccc.evaluate(noisy_shapes(1), model=path, tta=False).notes
    )
