from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.engine.explanation.occlude import impute_noisy


@pytest.fixture(scope="module")
def crop():
    return samples.load("nanoparticles").data[90:170, 100:190]


def test_covering_what_decides_changes_the_answer(crop):
    regions = np.zeros(crop.shape, int)
    nothing = ccc.occlude(crop, regions)
    np.testing.assert_allclose(nothing.table["before"], nothing.table["after"])
    regions[8:-8, 8:-8] = 1
    found = ccc.occlude(crop, regions, fill="mean")
    winner = found.table.iloc[0]
    assert winner["before"] == found.table["before"].max()
    assert winner["after"] < winner["before"] - 0.1
    assert found.facts["covered_share"] == pytest.approx(regions.mean())
    with pytest.raises(ValueError, match="must agree"):
        ccc.occlude(crop, regions[:5])
    with pytest.raises(ValueError, match="regions are of type object; real numbers are needed"):
        ccc.occlude(crop, {"a": 1})


def test_the_score_of_one_view_stands_beside_the_prediction_of_classify():
    image = samples.load("nanoparticles").data[60:190, 40:190]
    regions = np.zeros(image.shape, bool)
    regions[40:80, 40:80] = True
    found, known = ccc.occlude(image, regions), ccc.classify(image)
    table = found.table.set_index("class")
    stated = dict(zip(known.classes, known.probabilities, strict=True))
    assert table["probability"].to_dict() == pytest.approx(stated)
    # another number, and so named
    assert abs(table["before"] - table["probability"]).max() > 0.01
    (note,) = [one for one in found.notes if "before" in one]
    assert note.startswith("score of one view for ")
    assert f"prediction: {known.label} {100 * known.probabilities.max():.1f} %" in note
    large = ccc.occlude(np.tile(image, (3, 2)), np.tile(regions, (3, 2)))
    assert "probability" not in large.table
    assert any("; the prediction is that of classify" in note for note in large.notes)


def test_removed_pixels_are_filled_from_their_neighbours(rng):
    y, x = np.mgrid[:20, :30]
    ramp = (x / 30).astype(np.float32)
    gone = (abs(y - 10) < 4) & (abs(x - 15) < 4)
    filled = impute_noisy(ramp, gone, rng)
    np.testing.assert_allclose(filled, ramp, atol=0.05)
    np.testing.assert_array_equal(filled[~gone], ramp[~gone])
