from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imsave

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers import ShapesLayer
from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.workflow.recipe import from_yaml, replay, to_yaml
from napari_visual_ccc.workflow.run import execute
from tests.lens_images import SPOTS, planted
from tests.models import saved

LAYER = "features.8"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("models"), "visualcnn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("images")
    with_bar = np.concatenate([planted([(60, 90)], seed=1), np.zeros((12, 140), np.uint8)])
    ccc.write(Micrograph(with_bar, (2, 2), "nm", info_bar=InfoBar(bottom=12)), place / "with.tif")
    imsave(place / "without.png", planted([], seed=2))
    (place / "broken.png").write_bytes(b"no picture")
    return place


def test_a_pixel_gives_what_a_click_on_its_activations_gives(tiny):
    found = ccc.look_at(planted(), [SPOTS[0]], (2, 2), "nm", model=tiny, layer=LAYER)
    seen = ccc.activations(planted(), model=tiny, layer=LAYER)
    clicked = ccc.nearest_patches(seen, *SPOTS[0], spacing=(2, 2), unit="nm")
    for name in ("patches", "channels"):
        assert found.tables[name].equals(clicked.tables[name])
    assert [layer.name for layer in found.layers] == ["nearest patches", "pixel"]
    assert found.table is found.tables["patches"]
    top = found.tables["channels"].iloc[0]
    assert found.notes[0].startswith(f"highest channels here: {top['channel']:.0f} (+")


def test_the_patches_of_a_folder_have_their_file_place_and_size(tiny, folder):
    found = ccc.look_at(planted(), [SPOTS[0]], model=tiny, layer=LAYER, folder=folder, hits=5)
    hits = found.tables["hits"]
    assert len(hits) == 5
    assert hits["file"][0] == "with.tif"
    assert np.abs(hits[["y_px", "x_px"]].to_numpy()[0] - (60, 90)).max() <= 8
    assert hits["y_nm"][0] == 2 * hits["y_px"][0]
    assert hits["side_nm"][0] == 2 * hits["side_px"][0]
    assert hits["similarity"].is_monotonic_decreasing
    assert any(note.startswith("broken.png") for note in found.notes)
    assert found.layer("hits").data.shape == (64, 5 * 66 - 2)


def test_positions_count_the_info_bar(tiny):
    with_bar = np.concatenate([np.zeros((10, 140), np.uint8), planted()])
    choices = {"model": tiny, "layer": LAYER}
    size = ((2, 3), "nm")
    alone = ccc.look_at(planted(), [SPOTS[0]], *size, **choices).tables["patches"]
    y, x = SPOTS[0]
    moved = ccc.look_at(with_bar, [(y + 10, x)], *size, info_bar=InfoBar(top=10), **choices)
    table = moved.tables["patches"]
    np.testing.assert_array_equal(table["y_px"], alone["y_px"] + 10)
    np.testing.assert_array_equal(table["y_nm"], 2 * table["y_px"])
    np.testing.assert_array_equal(table["x_nm"], alone["x_nm"])


def test_a_region_stands_for_its_mean_feature(tiny):
    y, x = SPOTS[1]
    corners = np.array([(y - 6, x - 6), (y - 6, x + 6), (y + 6, x + 6), (y + 6, x - 6)])
    drawn = ShapesLayer([corners], kinds="ellipse")
    table = ccc.look_at(planted(), drawn, model=tiny, layer=LAYER).tables["patches"]
    assert table[["y_px", "x_px"]].iloc[0].tolist() == [y, x]
    assert 0.8 < table["similarity"][0] <= 1
    for spot in SPOTS:
        assert np.abs(table[["y_px", "x_px"]].to_numpy() - spot).max(axis=1).min() <= 8


def test_a_record_keeps_the_pixel(tiny):
    micrograph = Micrograph(planted(), name="planted", info_bar=InfoBar())
    given = {"image": micrograph, "example": np.array([SPOTS[0]], float)}
    outcome = run(execute("look_at", given, {"model": tiny, "layer": LAYER}))
    again = replay(from_yaml(to_yaml(outcome.record)), planted())
    for one, other in zip(outcome.result.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.data, other.data)


def test_patches_keep_away_from_missing_pixels(tiny):
    image = planted().astype(np.float32)
    image[:, 90:] = np.inf
    found = ccc.look_at(image, [SPOTS[0]], model=tiny, layer=LAYER, count=30)
    assert len(found.table) == 30
    assert (found.table["x_px"] < 90).all()
    assert np.isfinite(found.tables["channels"]["deviations"]).all()
