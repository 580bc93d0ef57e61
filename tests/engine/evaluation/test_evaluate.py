from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imread, imsave

import napari_visual_ccc as ccc
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.io.datasets import load

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


def test_the_shipped_model_is_tested_on_real_crops(crops):
    files, some = crops
    found = ccc.evaluate(some)
    assert found.classes == NAMES
    assert len(found.images) == len(files)
    assert found.confusion.sum(axis=1).tolist() == [8, 8, 8]
    assert found.value("accuracy") >= 0.85
    assert found.independent == found.images["group"].nunique() < len(files)
    assert 0 <= found.facts["unknown"] <= 0.3
    assert found.facts["temperature"] == pytest.approx(1.155)
    assert found.facts["ece_after"] == found.value(ECE)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)


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
