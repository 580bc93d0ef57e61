from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers import PointsLayer
from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.workflow.recipe import from_yaml, replay, to_yaml
from napari_visual_ccc.workflow.run import execute
from tests.lens_images import SPOTS, planted
from tests.models import saved

LAYER = {"layer": "features.8", "threshold": 0.5}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("models"), "visualcnn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("images")
    imsave(place / "with.png", planted([(60, 90)], seed=1))
    imsave(place / "without.png", planted([], seed=2))
    (place / "broken.png").write_bytes(b"no picture")
    return place


def nearest(table, spot):
    places = table[["centroid_y_px", "centroid_x_px"]].to_numpy()
    return np.abs(places - spot).max(axis=1)


@pytest.mark.parametrize("kind", ["point", "labels"])
def test_planted_copies_are_found(tiny, kind):
    image = planted()
    example = np.array([SPOTS[0]], float)
    if kind == "labels":
        example = np.zeros(image.shape, np.uint8)
        example[24:36, 34:46] = 1
    found = ccc.find_similar(image, example, (2, 2), "nm", model=tiny, **LAYER)
    for spot in SPOTS:
        assert nearest(found.table, spot).min() <= 6
        assert found.layer("similarity").data[spot] > 0.6
    # nothing of the noise is as similar
    labels = np.asarray(found.layer("similar").data)
    for y, x in SPOTS:
        labels[y - 14 : y + 14, x - 14 : x + 14] = 0
    assert not labels.any()
    assert (found.table["area_nm2"] == 4 * found.table["area_px"]).all()
    assert found.table["similarity"].is_monotonic_decreasing


def test_hits_of_a_folder_are_ranked_with_their_file(tiny, folder):
    found = ccc.find_similar(planted(), [SPOTS[0]], model=tiny, folder=folder, hits=4, **LAYER)
    hits = found.tables["hits"]
    assert len(hits) == 4
    assert hits["file"][0] == "with.png"
    assert abs(hits["y_px"][0] - 60) <= 8
    assert abs(hits["x_px"][0] - 90) <= 8
    assert hits["similarity"].is_monotonic_decreasing
    assert any(note.startswith("broken.png") for note in found.notes)
    sheet = found.layer("hits")
    assert sheet.data.shape == (64, 4 * 66 - 2)
    assert sheet.placement.corner == (0, 147)


def test_a_record_keeps_the_example(tiny):
    micrograph = Micrograph(planted(), name="planted", info_bar=InfoBar())
    given = {"image": micrograph, "example": np.array([SPOTS[0]], float)}
    outcome = run(execute("find_similar", given, {"model": tiny, **LAYER}))
    again = replay(from_yaml(to_yaml(outcome.record)), planted())
    for one, other in zip(outcome.result.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.data, other.data)


def test_what_cannot_be_searched_is_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match="no layer 'nowhere'"):
        ccc.find_similar(planted(), [SPOTS[0]], model=tiny, layer="nowhere")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        ccc.find_similar(planted(), [SPOTS[0]], model=tiny, folder=tmp_path / "none")
    with pytest.raises(ValueError, match="outside"):
        ccc.find_similar(planted(), [(500, 3)], model=tiny)


@pytest.fixture(scope="module")
def gap():
    """An image that lacks two of its three patterns."""
    missing = np.zeros((120, 140), bool)
    missing[:, 52:] = True
    return np.where(missing, np.nan, planted().astype(np.float32)), missing


def test_missing_pixels_are_not_similar_and_have_no_hits(tiny, gap, tmp_path):
    image, missing = gap
    np.save(tmp_path / "gap.npy", image)
    choices = {"model": tiny, "layer": "features.8", "threshold": -1.0, "min_diameter": 1}
    found = ccc.find_similar(image, [SPOTS[0]], folder=tmp_path, **choices)
    similarity = found.layer("similarity").data
    assert np.isnan(similarity[missing]).all()
    assert np.isfinite(similarity[SPOTS[0]])
    np.testing.assert_array_equal(found.layer("similar").data > 0, np.isfinite(similarity))
    hits = found.tables["hits"]
    assert len(hits) > 1
    assert (hits["x_px"] < 52).all()
    assert any(note.startswith("gap.npy: ") for note in found.notes)
    assert any("of the cells have no value" in note for note in found.notes)


@pytest.mark.parametrize("operation", [ccc.find_similar, ccc.look_at])
def test_an_example_in_missing_pixels_is_refused(tiny, gap, operation):
    choices = {"model": tiny, "layer": "features.8"}
    mask = np.zeros(gap[0].shape, np.uint8)
    mask[20:40, 90:110] = 1
    for example in ([SPOTS[1]], mask):
        with pytest.raises(ValueError, match="lies in or near missing pixels"):
            operation(gap[0], example, **choices)


@pytest.fixture(scope="module")
def stack():
    """Slices with the pattern at a place of its own each, the first with none."""
    return np.stack([planted([], seed=3), planted([SPOTS[0]], seed=4), planted([SPOTS[1]], seed=5)])


@pytest.mark.parametrize("kind", ["points", "labels"])
def test_the_example_of_a_stack_is_that_of_its_slice(tiny, stack, kind):
    example = np.array([(1, *SPOTS[0])], float)
    if kind == "labels":
        example = np.zeros(stack.shape, np.uint8)
        example[1, 24:36, 34:46] = 1
    micrograph = Micrograph(stack, name="stack", info_bar=InfoBar())
    given = {"image": micrograph, "example": example}
    outcome = run(execute("find_similar", given, {"model": tiny, **LAYER}))
    found = outcome.result
    similarity = found.layer("similarity").data
    assert similarity.shape == stack.shape
    # in the other slice it is found where it is there, not where it was drawn
    assert similarity[1][SPOTS[0]] > 0.8
    assert similarity[2][SPOTS[1]] > 0.6
    assert similarity[2][SPOTS[0]] < 0.3
    assert set(found.table["index_0"]) == {1, 2}
    assert found.notes[0] == "the example was taken of slice 1"
    assert outcome.record.facts["example_slices"] == [[1]]
    if kind == "points":
        again = replay(from_yaml(to_yaml(outcome.record)), stack)
        np.testing.assert_array_equal(again.layer("similar").data, found.layer("similar").data)


def test_an_example_without_a_slice_is_of_the_first_and_one_of_several_is_their_mean(tiny, stack):
    turned = stack[::-1]
    found = ccc.find_similar(turned, [SPOTS[1]], model=tiny, **LAYER)
    assert "slice 0, the first: give it as (z, y, x)" in found.notes[0]
    alone = ccc.find_similar(turned[0], [SPOTS[1]], model=tiny, **LAYER)
    for name in ("similarity", "similar"):
        np.testing.assert_array_equal(found.layer(name).data[0], alone.layer(name).data)
    labels = pd.DataFrame({"label": ["positive", "positive", "negative"]})
    points = np.array([(0, *SPOTS[1]), (1, *SPOTS[0]), (2, 60, 60)], float)
    both = ccc.find_similar(turned, PointsLayer(points, features=labels), model=tiny, **LAYER)
    assert both.facts["example_slices"] == [[0], [1], [2]]
    assert both.layer("similarity").data[0][SPOTS[1]] > 0.7
    assert both.layer("similarity").data[1][SPOTS[0]] > 0.7
    with pytest.raises(ValueError, match="drawn in slice 3; the stack has 3 slices"):
        ccc.find_similar(stack, [(3, 20, 20)], model=tiny)
    with pytest.raises(ValueError, match="no point of the example is positive"):
        ccc.find_similar(stack, PointsLayer(points[2:], features=labels[2:]), model=tiny)
