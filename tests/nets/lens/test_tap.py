from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from napari_visual_ccc.nets.checkpoint import load_model
from napari_visual_ccc.nets.layers import find_layer, maps_of
from napari_visual_ccc.nets.lens.tap import Tap, _bottleneck, output_of
from tests.models import saved, saved_vit
from tests.mps import mps

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def simple(folder):
    return load_model(saved(folder, "simple-cnn"), CPU)


@pytest.fixture(scope="module")
def visual(folder):
    return load_model(saved(folder, "visualcnn"), CPU)


def test_a_layer_is_what_a_forward_hook_sees(visual):
    x = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    seen = []
    layer = find_layer(visual.net, "features.4", 64)
    handle = layer.register_forward_hook(lambda *given: seen.append(given[2]))
    with torch.no_grad():
        visual.net(x)
    handle.remove()
    with torch.no_grad():
        found = Tap(visual, "features.4")(x)
    torch.testing.assert_close(found, seen[0], rtol=0, atol=0)
    assert not any(module._forward_hooks for module in visual.net.modules())


def test_cells_of_padded_and_unpadded_layers_are_placed(simple, visual):
    about = Tap(visual, "features.8").geometry()
    assert (about.channels, about.cells, about.stride, about.exact) == (128, 16, 4, True)
    assert about.first_centre == 1.5
    about = Tap(simple, "2").geometry()
    # two convolutions without padding lose four pixels, and the head takes one size only
    assert (about.cells, about.stride, about.first_centre, about.exact) == (60, 1, 2.0, False)


def test_the_default_layer_is_that_of_the_architecture(visual):
    tap = Tap(visual)
    x = torch.ones(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(tap(x), visual.design.parts.features(visual.net, x))
    assert tap.geometry().stride == visual.design.parts.stride
    assert tap.name == "last maps"


def test_layers_that_give_no_maps_are_refused(simple):
    with pytest.raises(ValueError, match="gives no maps; there are 0, 1, 2"):
        Tap(simple, "7")(torch.zeros(1, 1, 64, 64))
    with pytest.raises(ValueError, match="no layer 'nowhere'"):
        Tap(simple, "nowhere")


def test_a_layer_that_is_not_used_is_refused(visual):
    with pytest.raises(ValueError, match="does not use"):
        output_of(visual.net, torch.nn.ReLU(), torch.zeros(1, 1, 64, 64))


def test_a_cell_sees_more_the_deeper_it_is(visual):
    first, last = (Tap(visual, f"features.{k}").seen_px() for k in (0, 12))
    assert first == 3
    assert 8 < last <= 38


def test_tokens_of_a_transformer_become_maps(folder):
    model = load_model(saved_vit(folder), CPU)
    about = Tap(model, "blocks.1").geometry()
    side = model.card.input_px
    patch = model.net.patch_embed.patch_size[0]
    assert about.stride == patch
    assert about.cells == side // patch
    assert not about.exact
    assert Tap(model).geometry().channels == about.channels


@pytest.mark.parametrize("sizes", ["8x1", "2x2", "64x3"])
@pytest.mark.parametrize("kind", ["autoencoder", "variational-autoencoder"])
def test_the_default_layer_of_an_autoencoder_is_its_code(folder, kind, sizes):
    model = load_model(
        saved(folder, f"{kind}:{sizes}", classes=[], task="reconstruction"), CPU, task=None
    )
    latent, depth = map(int, sizes.split("x"))
    tap, x = Tap(model), torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        # of a variational one the means, without the logarithms of the variances
        torch.testing.assert_close(tap(x), model.net.encode(x))
    assert (tap.geometry().channels, tap.geometry().stride) == (latent, 2**depth)
    assert tap.name in maps_of(model.net, 64)


def test_the_default_layer_of_a_network_without_classes_is_its_narrowest(simple):
    class Narrow(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.code = nn.Conv2d(1, 8, 2, stride=2), nn.Conv2d(8, 3, 1)
            self.up = nn.Conv2d(3, 8, 1)

        def forward(self, x):
            return self.up(self.code(self.down(x)))

    model = replace(simple, net=Narrow().eval())
    assert _bottleneck(model) == "code"


def same_padded(convolutions):
    """Convolutions that pad behind only, as TensorFlow does, with random weights."""
    torch.manual_seed(3)
    parts = []
    for channels, kernel, stride in convolutions:
        before = kernel - stride
        parts.append(nn.ZeroPad2d((before // 2, before - before // 2) * 2))
        parts.append(nn.Conv2d(channels, 8, kernel, stride))
    return nn.Sequential(*parts).eval()


@pytest.mark.parametrize(
    ("convolutions", "stride", "first"),
    [
        (((1, 3, 2),), 2, 1.0),
        (((1, 3, 2), (8, 3, 2)), 4, 3.0),
        (((1, 3, 2), (8, 3, 2), (8, 3, 2)), 8, 7.0),
        (((1, 5, 2), (8, 3, 2)), 4, 3.0),
    ],
)
def test_inner_layers_with_asymmetric_padding_lie_where_arithmetic_says(
    visual, convolutions, stride, first
):
    net = same_padded(convolutions)
    model = replace(visual, net=net, hash="")
    about = Tap(model, str(len(net) - 1)).geometry()
    assert about.stride == stride
    # evenly, the first cell would be (stride - 1) / 2: half a stride away for deep layers
    assert abs(about.first_centre - first) <= stride / 4


def test_a_device_without_float64_places_cells_as_the_processor(folder, visual):
    layer = "features.8"
    known = Tap(replace(visual, hash=""), layer)
    with mps() as device:
        there = load_model(saved(folder, "visualcnn"), device)
        tap = Tap(replace(there, hash=""), layer)
        assert tap.model.device.type == "mps"
        assert tap.geometry() == known.geometry()
        assert tap.seen_px() == known.seen_px()
        assert tap.reach_px() == known.reach_px()
