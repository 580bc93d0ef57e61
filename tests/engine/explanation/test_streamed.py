from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.arrays.histogram import grey_histogram
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.explanation import explain, streamed
from tests.models import saved


@pytest.fixture(scope="module")
def particles():
    return samples.load("nanoparticles").data[:260, :340]


@pytest.fixture
def tiny_tiles(monkeypatch):
    """What is larger than 10,000 pixels is explained in tiles."""
    monkeypatch.setattr(explain, "LARGE_PIXELS", 10_000)
    monkeypatch.setattr(streamed, "_SIDE", 320)
    monkeypatch.setattr(streamed, "_MARGIN", 192)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_a_large_image_is_explained_as_a_small_one(particles, tiny_tiles, monkeypatch, kind):
    image = particles.astype(kind)
    found = ccc.explain(da.from_array(image, chunks=170), method="gradcam", signed=True)
    assert isinstance(found.data, da.Array)
    again = ccc.explain(image, target=found.target, method="hirescam", signed=True)
    monkeypatch.setattr(explain, "LARGE_PIXELS", 1 << 30)
    # the image at once in both
    monkeypatch.setattr(explain, "MOST_WINDOWS", 0)
    whole = ccc.explain(image, signed=True)
    assert found.target == whole.target
    np.testing.assert_allclose(
        found.prediction.probabilities, whole.prediction.probabilities, atol=0.03
    )
    fine = found.data.compute()
    assert fine.shape == image.shape
    assert np.corrcoef(fine.ravel(), whole.data.ravel())[0, 1] > 0.98
    assert np.abs(fine - whole.data).mean() < 0.03
    assert found.facts["raw_maximum"] == pytest.approx(whole.facts["raw_maximum"], rel=0.1)
    np.testing.assert_allclose(again.data.compute(), fine, atol=1e-6)


def test_classes_of_a_large_image_are_compared(particles, tiny_tiles):
    found = ccc.compare(da.from_array(particles, chunks=200))
    assert max(float(one.data.max()) for one in found.maps.values()) == pytest.approx(1)
    assert {one.data.shape for one in found.maps.values()} == {particles.shape}


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"method": "eigencam"}, "Grad-CAM or HiResCAM"),
        ({"layer": "blocks.3"}, "of the last layer only"),
        ({"smooth": True}, "leave it out"),
    ],
)
def test_what_needs_all_maps_at_once_is_refused(particles, tiny_tiles, choices, words):
    with pytest.raises(ValueError, match=words):
        ccc.explain(da.from_array(particles[:120, :160], chunks=100), **choices)


@pytest.mark.parametrize(
    ("name", "words"), [("simple-cnn", "fixed input size"), ("visualcnn", "a linear layer")]
)
def test_other_networks_are_refused_a_large_image(particles, tiny_tiles, tmp_path, name, words):
    with pytest.raises(ValueError, match=words):
        ccc.explain(particles, model=saved(tmp_path, name))


def test_percentiles_are_those_of_numpy(rng):
    image = rng.integers(0, 4000, (50, 60)).astype(np.uint16)
    shares = (0, 0.5, 37, 50, 99.5, 100)
    found = run(grey_histogram(image)).percentiles(*shares)
    np.testing.assert_allclose(found, np.percentile(image, shares))
