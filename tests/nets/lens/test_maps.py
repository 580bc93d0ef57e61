from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.checkpoint import load_model
from napari_visual_ccc.nets.inference import Tiles, to_input
from napari_visual_ccc.nets.lens import maps
from napari_visual_ccc.nets.lens.maps import layer_maps
from napari_visual_ccc.nets.lens.tap import Tap
from tests.models import saved, saved_vit

CPU = torch.device("cpu")
SMALL = Tiles(whole=64, whole_margin=32)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    paths = (saved(folder, "visualcnn"), saved(folder, "simple-cnn"), saved_vit(folder))
    return [load_model(path, CPU) for path in paths]


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((96, 80)).astype(np.float32)


def plain(model, image, layer, size):
    with torch.no_grad():
        given = to_input(torch.from_numpy(image)[None], size)
        return Tap(model, layer)(given)[0].numpy()


def test_maps_are_those_of_a_plain_pass(models, image):
    found = run(layer_maps(Tap(models[0], "features.4"), image, 2.0))
    np.testing.assert_allclose(found.maps, plain(models[0], image, "features.4", (192, 160)))
    # two input pixels a cell at two input pixels an image pixel
    assert (found.stride, found.origin, found.windows) == (1.0, 0.0, 0)


def test_tiles_give_the_maps_of_the_whole(models, image):
    tap = Tap(models[0], "features.8")
    whole = run(layer_maps(tap, image, 2.0))
    tiles = run(layer_maps(tap, image, 2.0, SMALL))
    np.testing.assert_allclose(tiles.maps, whole.maps, atol=1e-6)


def test_a_lazy_image_is_resized_tile_by_tile(models, image):
    tap = Tap(models[0], "features.4")
    whole = run(layer_maps(tap, image, 1.5))
    lazy = run(layer_maps(tap, da.from_array(image, chunks=30), 1.5, SMALL))
    assert lazy.maps.shape == whole.maps.shape
    np.testing.assert_allclose(lazy.maps, whole.maps, atol=1e-4)


@pytest.mark.parametrize(("number", "layer"), [(1, "2"), (2, "blocks.1")])
def test_a_network_of_one_size_sees_windows_that_lie_on_one_grid(models, number, layer):
    model = models[number]
    side = model.card.input_px
    image = np.random.default_rng(1).random((side, side + side // 2)).astype(np.float32)
    alone = plain(model, np.ascontiguousarray(image[:, :side]), layer, (side, side))
    found = run(layer_maps(Tap(model, layer), np.ascontiguousarray(image[:, :side]), 1.0))
    np.testing.assert_allclose(found.maps, alone, atol=1e-5)
    assert found.windows == 1
    wide = run(layer_maps(Tap(model, layer), image, 1.0))
    assert wide.windows > 1
    # cells in the middle of the first window are hardly changed by the next one
    near = alone.shape[2] // 8
    rows = slice(None) if number == 1 else slice(0, 0)
    np.testing.assert_allclose(wide.maps[:, rows, :near], alone[:, rows, :near], atol=1e-4)


def test_maps_that_would_not_fit_are_refused(models, image, monkeypatch):
    monkeypatch.setattr(maps, "MOST_VALUES", 1000)
    with pytest.raises(ValueError, match="choose a deeper layer"):
        run(layer_maps(Tap(models[0], "features.0"), image, 1.0))
