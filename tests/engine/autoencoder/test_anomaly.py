from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.autoencoder import anomaly
from napari_visual_ccc.nets.card import DEFAULT
from tests.stripes import stripes, with_disc


@pytest.fixture(scope="module")
def model(stripes_model):
    return stripes_model[0]


@pytest.fixture(scope="module")
def wide():
    return with_disc(stripes(9, (96, 208)), (48, 60), 14)


@pytest.fixture(scope="module")
def found(model, wide):
    return run(anomaly.anomaly_map(wide[0], (2.0, 2.0), "nm", model=model))


def test_a_foreign_disc_has_the_largest_score(found, wide):
    _, disc = wide
    inside = found.data[disc]
    assert inside.mean() > found.data[:, 140:].mean() * 1.5
    assert found.labels[48, 60] == 1
    row = found.table.iloc[0]
    assert row["peak"] == pytest.approx(found.data[found.labels == 1].max())
    assert row["area_nm2"] == 4 * row["area_px"] == 4 * (found.labels == 1).sum()
    assert found.facts["regions"] == len(found.table) == found.labels.max()
    assert "threshold from 18 tiles of images of other specimens or files" in found.notes


def test_the_residual_alone_is_another_score(model, wide):
    found = run(anomaly.anomaly_map(wide[0], model=model, score="residual", usual=0.6))
    assert found.data.shape == wide[0].shape
    assert not any("support" in note for note in found.notes)
    assert "area_px" in found.table


def test_small_regions_are_left_out(model, wide):
    found = run(anomaly.anomaly_map(wide[0], model=model, min_diameter=400))
    assert found.labels.max() == 0
    assert len(found.table) == 0


def test_tiles_give_the_scores_of_the_whole(model, found, wide, monkeypatch):
    monkeypatch.setattr(anomaly, "_BAND", 64)
    monkeypatch.setattr(anomaly, "_TILE", 64)
    tiled = run(anomaly.anomaly_map(wide[0], model=model))
    np.testing.assert_allclose(tiled.data, found.data, rtol=1e-3)


def test_image_is_reconstruction_plus_residual(model):
    image = stripes(9).astype(np.float32) * 100
    image[:4, :4] = np.nan
    found = run(anomaly.reconstruct(image, model=model))
    total = found.layer("reconstruction").data + found.layer("residual").data
    known = np.isfinite(image)
    low, high = np.percentile(image[known], (1, 99))
    middle = known & (image > low) & (image < high)
    np.testing.assert_allclose(total[middle], image[middle], rtol=1e-3)
    assert np.isnan(total[~known]).all()
    assert 5 < found.facts["psnr"] < 60


def test_a_stack_goes_slice_by_slice_without_its_info_bar(model):
    stack = np.stack([stripes(9), with_disc(stripes(9))[0]])
    stack[:, 80:] = 0
    given = Micrograph(stack, (2, 2), "nm", info_bar=InfoBar(bottom=16))
    found = ccc.anomaly_map(given, model=model)
    assert found.data.shape == stack.shape
    assert np.isnan(found.data[:, 80:]).all()
    assert found.labels[:, 80:].max() == 0
    assert set(found.table["index_0"]) <= {0, 1}
    assert found.data[1, :80].max() > found.data[0, :80].max()


def test_a_classifier_and_an_autoencoder_are_not_mistaken(model):
    image = stripes(0)
    with pytest.raises(ValueError, match="a classifier, which reconstructs nothing"):
        ccc.reconstruct(image, model=DEFAULT)
    with pytest.raises(ValueError, match="an autoencoder, which names no classes"):
        ccc.classify(image, model=model)
    with pytest.raises(ValueError, match="choose a model of an autoencoder"):
        ccc.anomaly_map(image)
    with pytest.raises(ValueError, match="works on one"):
        run(anomaly.reconstruct(np.zeros((2, 9, 9)), model=model))


def test_a_pixel_size_far_from_the_training_is_noted(model):
    notes = ccc.reconstruct(stripes(0), (50, 50), "nm", model=model).notes
    assert notes == ("50 nm per pixel is far from the training images (2 nm)",)


def test_repeats_are_equal_and_the_input_stays(model, wide):
    image = wide[0].copy()
    first, again = (run(anomaly.anomaly_map(image, model=model)) for _ in range(2))
    assert np.array_equal(first.data, again.data)
    assert np.array_equal(image, wide[0])


def test_a_constant_image_is_reconstructed_and_an_empty_one_refused(model):
    found = run(anomaly.reconstruct(np.full((40, 50), 7, np.uint8), model=model))
    assert np.isfinite(found.data).all()
    with pytest.raises(ValueError, match="no finite pixel"):
        run(anomaly.anomaly_map(np.full((40, 50), np.nan), model=model))


@pytest.mark.parametrize(
    ("score", "value"),
    [("features", np.nan), ("features", np.inf), ("local", -np.inf), ("residual", np.nan)],
)
def test_a_gap_is_as_if_it_were_cut_off_and_has_no_ring(model, value, score):
    image, disc = with_disc(stripes(9, (200, 480)), (150, 60), 8)
    gap = image.astype(float)
    gap[:80] = value
    options = {"model": model, "usual": 0.5, "min_diameter": 1, "score": score}
    cropped, found = (run(anomaly.anomaly_map(one, **options)) for one in (image[80:], gap))
    beside = cropped.data[36:44]
    there = np.isfinite(found.data)
    assert 110 <= np.flatnonzero(there.any(axis=1))[0] <= 116
    assert found.labels[~there].max() == 0
    # the peak of the particle, and what lies beside the gap, are those without the gap
    assert found.data[disc].max() == pytest.approx(cropped.data[disc[80:]].max(), rel=0.1)
    assert found.data[116:124].max() == pytest.approx(beside.max(), rel=0.15)
    assert found.facts["area_percent"] == pytest.approx(
        100 * (found.labels > 0).sum() / there.sum()
    )
    assert any("has no score: too near missing pixels" in one for one in found.notes)


def test_small_gaps_are_filled_and_scored(model, wide):
    image = wide[0].astype(float)
    image[::31, ::29] = np.nan
    found = run(anomaly.anomaly_map(image, model=model))
    assert np.array_equal(np.isnan(found.data), np.isnan(image))
    assert found.labels[48, 60] == 1
    image[:, ::4] = np.nan
    with pytest.raises(ValueError, match="near every place of the image"):
        run(anomaly.anomaly_map(image, model=model))


def test_psnr_is_of_known_pixels(model):
    image = stripes(9, (160, 96)).astype(float)
    gap = image.copy()
    gap[:80] = np.nan
    found = run(anomaly.reconstruct(gap, model=model))
    residual = found.layer("residual").data
    known = np.isfinite(residual)
    low, high = np.percentile(gap[known], (0.5, 99.5))
    squares = (residual[known] / (high - low)) ** 2
    assert found.facts["psnr"] == pytest.approx(-10 * np.log10(squares.mean()), abs=0.01)


def test_values_that_float32_does_not_hold_are_a_sentence(model):
    far = stripes(0) * np.float64(1e298)
    for function in (ccc.reconstruct, ccc.anomaly_map):
        with pytest.raises(ValueError, match="too far; rescale them"):
            function(far, model=model)
    with pytest.raises(ValueError, match="too far; rescale them"):
        ccc.classify(far)
