from __future__ import annotations

import threading
import time

import dask.array as da
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.explanation.explainer import Explainer
from napari_visual_ccc.engine.explanation.heatmap import evidence
from napari_visual_ccc.engine.explanation.streamed import StreamedExplainer
from napari_visual_ccc.engine.explanation.weights import Target
from napari_visual_ccc.nets import checkpoint, inference
from napari_visual_ccc.nets import predict as predict_module
from napari_visual_ccc.nets.device import at_a_time
from napari_visual_ccc.nets.inference import (
    Tiles,
    feature_map,
    out_of_memory,
    to_input,
    whole_strides,
)
from napari_visual_ccc.nets.models.registry import architecture
from napari_visual_ccc.nets.predict import batch_size, batched, predict
from napari_visual_ccc.nets.training.augment import dihedral
from napari_visual_ccc.nets.training.linear import fit_linear
from tests.models import saved

CPU = torch.device("cpu")


def test_batches_get_smaller_until_they_fit():
    sizes = []

    def hungry(batch):
        sizes.append(len(batch))
        if len(batch) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")
        return batch.sum(dim=(1, 2))

    data = np.random.default_rng(0).random((21, 4, 4)).astype(np.float32)
    found = run(batched(hungry, lambda a, b: data[a:b], len(data), CPU))
    np.testing.assert_allclose(found, data.sum(axis=(1, 2)), rtol=1e-5)
    assert 3 < max(sizes) <= 16
    # each size is tried on as many cores as there are, and once more ahead
    assert max(sizes.count(size) for size in sizes if size > 3) <= at_a_time(CPU) + 1


def test_a_batch_of_a_gpu_is_a_quarter_of_the_windows_at_most():
    gpu = torch.device("cuda")
    assert [batch_size(gpu, count) for count in (1, 64, 256, 5000)] == [16, 16, 64, 256]
    assert [batch_size(CPU, count) for count in (1, 5000)] == [16, 16]
    # eight views of each
    assert [batch_size(gpu, count, 8) for count in (8, 32, 5000)] == [2, 8, 32]


def test_views_on_the_device_are_those_of_turned_windows(tmp_path):
    net = checkpoint.load_model(saved(tmp_path, "visualcnn"), CPU)
    data = np.random.default_rng(0).random((5, 64, 64)).astype(np.float32)
    logits, features = run(predict(net, lambda a, b: data[a:b], len(data), views=8))
    assert logits.shape == (5, 8, 3)
    for kind in range(8):
        turned = dihedral(torch.from_numpy(data), kind).numpy()
        alone, own = run(predict(net, lambda a, b, turned=turned: turned[a:b], len(data)))
        np.testing.assert_allclose(logits[:, kind], alone, atol=1e-5)
        if kind == 0:
            np.testing.assert_allclose(features, own, atol=1e-5)


def test_other_errors_and_a_single_window_that_is_too_large_come_through():
    data = np.zeros((4, 2, 2), np.float32)

    def full(batch):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        run(batched(full, lambda a, b: data[a:b], 4, CPU))

    def broken(batch):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        run(batched(broken, lambda a, b: data[a:b], 4, CPU))


def test_a_real_allocation_error_of_torch_is_known_as_one():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60)
    assert out_of_memory(error.value)
    assert "memory is full" in str(inference.user_message(error.value, CPU))


def given(image, shape):
    return to_input(torch.from_numpy(image)[None], shape)


@pytest.mark.parametrize("shape", [(1290, 500), (640, 1100), (77, 600)])
def test_tiles_up_to_the_cut_see_exactly_what_the_whole_shows(shape):
    design = architecture("lite0-linear")
    net = design.build(3, 0)
    image = np.random.default_rng(0).random((shape[0] // 7, shape[1] // 7)).astype(np.float32)
    x = given(image, shape)
    tiled = run(feature_map(net, design, x, CPU, Tiles(early=160)))
    with torch.no_grad():
        whole = design.parts.features(net, whole_strides(x, design))
    torch.testing.assert_close(tiled, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["lite0-linear", "visualcnn"])
def test_tiles_of_late_layers_see_nearly_what_the_whole_shows(name):
    design = architecture(name)
    torch.manual_seed(0)
    net = design.build(3, 0)
    shape = (640, 1100)
    image = np.random.default_rng(0).random((64, 110)).astype(np.float32)
    whole = run(feature_map(net, design, given(image, shape), CPU))
    tiles = Tiles(late=512, late_margin=256, whole=512, whole_margin=256)
    tiled = run(feature_map(net, design, given(image, shape), CPU, tiles))
    assert tiled.shape == whole.shape
    assert (tiled - whole).square().mean().sqrt() < 0.1 * whole.square().mean().sqrt()


def test_late_layers_run_one_after_the_other_with_progress_between_them():
    design = architecture("lite0-linear")
    net = design.build(3, 0)
    x = torch.rand(1, 1, 160, 160)
    steps, seen = feature_map(net, design, x, CPU), []
    found = run(steps, seen.append)
    with torch.no_grad():
        torch.testing.assert_close(found, design.parts.features(net, x), rtol=1e-4, atol=1e-4)
    # one tile of early layers, and one of the late ones
    late = len(design.parts.split.late)
    assert [(one.done, one.total) for one in seen] == [(0, 1), *((n, late) for n in range(late))]
    assert late > 10
    assert torch.is_grad_enabled()


def test_a_linear_layer_learns_what_logistic_regression_learns(rng):
    centres = rng.normal(size=(3, 8)) * 2
    targets = rng.integers(0, 3, 300)
    features = centres[targets] + rng.normal(size=(300, 8))
    weight, bias = run(fit_linear(features, np.eye(3)[targets], penalty=1e-3))
    found = (features @ weight.numpy().T + bias.numpy()).argmax(axis=1)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0, ddof=1)
    reference = LogisticRegression(C=1 / (2 * 1e-3 * 300), tol=1e-8, max_iter=1000)
    np.testing.assert_array_equal(found, reference.fit(scaled, targets).predict(scaled))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_and_cpu_agree():
    design = architecture("lite0-linear")
    x = torch.rand(2, 1, 128, 128)
    net = design.build(3, 0)
    cpu = net(x)
    torch.testing.assert_close(net.cuda()(x.cuda()).cpu(), cpu, rtol=1e-3, atol=1e-3)


class Hungry(torch.nn.Module):
    """A network that finds no room for inputs above a number of pixels."""

    def __init__(self, most):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 3, 3, padding=1)
        self.most, self.sizes = most, []

    def forward(self, x):
        self.sizes.append(tuple(x.shape))
        if x.numel() > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        return self.conv(x)


@pytest.mark.parametrize(("shape", "tile", "stride"), [((300, 500), 256, 1), ((130, 67), 90, 5)])
def test_tiles_get_smaller_until_they_fit(shape, tile, stride):
    given = torch.rand(1, 1, *(n // stride * stride for n in shape))
    net = Hungry(150 * 150 if stride == 1 else 60 * 60).requires_grad_(False)

    def layers(x):
        return net(x)[:, :, ::stride, ::stride]

    found = run(inference.in_tiles(layers, given, CPU, stride, tile, 2 * stride))
    torch.testing.assert_close(found, net.conv(given)[:, :, ::stride, ::stride])
    assert max(np.prod(size) for size in net.sizes) > net.most


def test_a_tile_that_never_fits_is_an_error_in_words():
    with pytest.raises(torch.OutOfMemoryError) as error:
        run(inference.in_tiles(Hungry(0), torch.rand(1, 1, 99, 99), CPU, 1, 64, 2))
    assert "memory is full" in str(inference.user_message(error.value, CPU))


class Elsewhere(torch.nn.Module):
    """A network on a device where memory is full; its copy on the processor works."""

    def __init__(self, net):
        super().__init__()
        self.place = torch.nn.Parameter(torch.empty(1, device="meta"), requires_grad=False)
        self.inner = [net]

    def features(self, x):
        assert x.device.type == "meta"
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    conv_stem, bn1 = features, None

    def to(self, device):
        assert device == "cpu"
        return self.inner[0]


@pytest.fixture
def both_places(tmp_path, request):
    """A model on the processor, and the same where memory is full."""
    model = checkpoint.load_model(saved(tmp_path, getattr(request, "param", "visualcnn")), CPU)
    return model, checkpoint.Model(Elsewhere(model.net), model.card)


def test_windows_go_on_with_the_processor_and_say_so_once(both_places, rng):
    here, elsewhere = both_places
    data, told = rng.random((5, 64, 64)).astype(np.float32), []
    logits, features = run(predict(elsewhere, lambda a, b: data[a:b], 5), told.append)
    expected = run(predict(here, lambda a, b: data[a:b], 5))
    np.testing.assert_allclose(logits, expected[0], rtol=1e-5)
    np.testing.assert_allclose(features, expected[1], rtol=1e-5)
    assert [one.note for one in told].count(inference.FALLBACK_NOTE) == 1


@pytest.mark.parametrize(
    ("both_places", "streamed"),
    [("visualcnn", False), ("lite0-linear", False), ("lite0-linear", True)],
    indirect=["both_places"],
)
def test_maps_go_on_with_the_processor_and_say_so_once(both_places, rng, streamed):
    image = rng.random((90, 110)).astype(np.float32)
    kind = StreamedExplainer if streamed else Explainer
    image = da.from_array(image, chunks=40) if streamed else image
    here, elsewhere = (kind(model, image) for model in both_places)
    with pytest.raises(torch.OutOfMemoryError) as error:
        run(elsewhere.logits())
    assert not here.fall_back_to_cpu(error.value)
    told = []
    fine, height = run(evidence(elsewhere, Target(1), "gradcam"), told.append)
    expected, high = run(evidence(here, Target(1), "gradcam"))
    np.testing.assert_allclose(fine, expected, rtol=1e-4, atol=1e-6)
    assert height == pytest.approx(high)
    assert [one.note for one in told].count(inference.FALLBACK_NOTE) == len(elsewhere.notes) == 1


@pytest.mark.parametrize("margin", [0, 6])
def test_tiles_on_several_cores_are_those_of_one(monkeypatch, margin):
    net = torch.nn.Conv2d(1, 4, 2 * margin + 1, padding=margin).requires_grad_(False)
    given = torch.rand(1, 1, 210, 333)
    found = {}
    for cores in (1, 2, 4):
        monkeypatch.setattr(inference, "at_a_time", lambda _, cores=cores: cores)
        found[cores] = run(inference.in_tiles(net, given, CPU, 1, 64, margin))
    assert torch.equal(found[2], found[4])
    torch.testing.assert_close(found[1], found[2])
    torch.testing.assert_close(found[1], net(given))


class Alone(torch.nn.Conv2d):
    """A layer that finds no memory while another thread runs it."""

    def __init__(self):
        super().__init__(1, 2, 3, padding=1)
        self.requires_grad_(False)
        self.place, self.most = threading.Lock(), 0

    def forward(self, x):
        if not self.place.acquire(blocking=False):
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 GB")
        try:
            time.sleep(0.02)
            self.most = max(self.most, x.numel())
            return super().forward(x)
        finally:
            self.place.release()


def test_what_does_not_fit_side_by_side_runs_one_after_the_other(monkeypatch):
    for module in (inference, predict_module):
        monkeypatch.setattr(module, "at_a_time", lambda _: 2)
    given = torch.rand(1, 1, 130, 150)
    net = Alone()
    found = run(inference.in_tiles(net, given, CPU, 1, 64, 2))
    torch.testing.assert_close(
        found, torch.nn.functional.conv2d(given, net.weight, net.bias, padding=1)
    )
    # no tile was split
    assert net.most == 68 * 68
    data = np.random.default_rng(0).random((40, 8, 8)).astype(np.float32)
    means = run(
        batched(
            lambda x: Alone.forward(net, x[:, None]).mean((1, 2, 3)),
            lambda a, b: data[a:b],
            40,
            CPU,
        )
    )
    assert means.shape == (40,)
