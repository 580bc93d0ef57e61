from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imread

import napari_visual_ccc as ccc
from napari_visual_ccc.engine.acquisition.quality import quality_of

SETS = (
    "segmentation/super1/train/images",
    "segmentation/ebc1/train/images",
    "ampis_powder/images",
    "nanocomposite/images",
)


def error(found, wanted):
    return float(np.std(np.asarray(found) - wanted))


@pytest.fixture(params=SETS)
def clean(request, data):
    image = imread(sorted((data / request.param).iterdir())[2]).astype(float)
    return (image if image.ndim == 2 else image[..., :3].mean(axis=-1))[:400, :500]


@pytest.mark.parametrize("direction", ["rows", "columns"])
@pytest.mark.parametrize(("share", "factor"), [(0.1, 1.7), (0.3, 2.5)])
def test_stripes_put_onto_a_micrograph_are_taken_off(clean, direction, share, factor):
    jumps = np.random.default_rng(0).normal(0, share * clean.std(), (max(clean.shape), 1))
    stripes = jumps[: len(clean)] if direction == "rows" else jumps[: clean.shape[1]].T
    striped = clean + stripes
    found = ccc.destripe(striped, direction=direction)
    assert error(found.data, clean) * factor < error(striped, clean)
    column = "row_stripes_percent" if direction == "rows" else "column_stripes_percent"
    assert quality_of(found.data)[column] < 0.25 * quality_of(striped)[column]


def test_an_image_without_stripes_is_left_nearly_as_it_is(clean):
    for direction in ("rows", "columns"):
        found = ccc.destripe(clean, direction=direction).data
        assert error(found, clean) < 0.06 * clean.std()
        assert found.mean() == pytest.approx(clean.mean(), rel=1e-3)


def test_wider_stripes_need_a_wider_choice(clean):
    height = len(clean)
    bands = np.repeat(np.random.default_rng(0).normal(0, 0.3 * clean.std(), height // 8 + 1), 8)
    striped = clean + bands[:height, None]
    narrow = error(ccc.destripe(striped).data, clean)
    assert error(ccc.destripe(striped, max_width=16).data, clean) < 0.9 * narrow


def test_streaks_shorter_than_the_image_need_a_shorter_choice(clean):
    rng = np.random.default_rng(0)
    streaks = np.zeros(clean.shape)
    for row in range(0, 400, 3):
        first = rng.integers(0, 350)
        streaks[row, first : first + 150] = rng.normal(0, clean.std())
    long = error(ccc.destripe(clean + streaks, min_length=1.0).data, clean)
    assert error(ccc.destripe(clean + streaks, min_length=0.25).data, clean) < long


def test_missing_pixels_stay_missing(clean):
    image = clean.copy()
    image[10:20, 10:30] = np.nan
    found = ccc.destripe(image).data
    np.testing.assert_array_equal(np.isnan(found), np.isnan(image))


def test_columns_are_rows_turned(clean):
    rows = ccc.destripe(clean).data
    np.testing.assert_allclose(ccc.destripe(clean.T, direction="columns").data.T, rows, atol=1e-4)


def test_wrong_choices_are_refused(discs):
    with pytest.raises(ValueError, match="rows or columns"):
        ccc.destripe(discs, direction="up")
    with pytest.raises(ValueError, match="max_width is 0"):
        ccc.destripe(discs, max_width=0)
