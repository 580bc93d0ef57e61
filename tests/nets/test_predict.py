from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets import predict as predicting
from napari_visual_ccc.nets.checkpoint import SIZE, Model, load_model
from napari_visual_ccc.nets.predict import fitting, grey_range, predict, size_term
from tests.models import saved

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(saved(tmp_path_factory.mktemp("predict"), "visualcnn"), CPU)


def test_windows_are_resized_and_scaled_to_the_input(model, rng):
    windows = rng.random((3, 64, 64)).astype(np.float32)
    logits, features = run(predict(model, lambda a, b: windows[a:b], 3))
    expected = model.net((torch.from_numpy(windows)[:, None] - 0.5) / 0.5)
    np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert features.shape == (3, 256)


def test_the_pixel_size_counts_only_where_the_model_takes_it(model):
    assert grey_range(model) == (0.5, 0.5)
    assert not size_term(model, 2.0).any()
    card = model.card.model_copy(update={"pixel_size_input": {"log10_mean": 1.0}, "use": "sized"})
    card = type(card).model_validate(card.as_dict())
    sized = Model(model.net, card, {SIZE: torch.tensor([1.0, 0.0, -2.0])})
    assert size_term(sized, 100.0).tolist() == [1.0, 0.0, -2.0]
    assert not size_term(sized, None).any()


def test_batches_of_large_inputs_fit_into_memory_or_are_refused(tmp_path, rng, monkeypatch):
    model = load_model(saved(tmp_path, "lite0-linear"), CPU)
    windows = rng.random((3, 64, 64)).astype(np.float32)
    whole = run(predict(model, lambda a, b: windows[a:b], 3, views=8))
    # 16 of the largest inputs that need no look at the memory
    assert fitting(model) == 16 * (512 // model.card.input_px) ** 2
    monkeypatch.setattr(predicting, "_SMALL_PX", 32)
    # three maps of 96 channels, half as wide as the input
    side = model.card.input_px
    each = 3 * 4 * 96 * (side // 2) ** 2
    for inputs in (1, 9, 100):
        monkeypatch.setattr(predicting, "available", lambda inputs=inputs: inputs * each)
        assert fitting(model) == inputs
        sizes = []

        def read(start, stop, sizes=sizes):
            sizes.append(stop - start)
            return windows[start:stop]

        found = run(predict(model, read, 3, views=8))
        assert set(sizes) == {1}
        for one, other in zip(found, whole, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    monkeypatch.setattr(predicting, "available", lambda: each - 1)
    with pytest.raises(RuntimeError, match=f"input of {side} x {side} pixels, which needs about"):
        run(predict(model, lambda a, b: windows[a:b], 3))


def test_a_network_of_fixed_input_is_refused_where_one_does_not_fit(tmp_path, rng, monkeypatch):
    path = saved(tmp_path, "alexnet-1ch")
    model = load_model(path, CPU)
    assert fitting(model) == 64
    monkeypatch.setattr(predicting, "_SMALL_PX", 32)
    # three maps of 64 channels, a quarter as wide as the input of 256 pixels
    each = 3 * 4 * 64 * 63**2
    monkeypatch.setattr(predicting, "available", lambda: 5 * each)
    assert fitting(model) == 5
    # an input of another size
    assert fitting(model, (16, 16)) == 16 * 32**2
    monkeypatch.setattr(predicting, "available", lambda: each - 1)
    for made in (ccc.explain, ccc.classify):
        with pytest.raises(RuntimeError, match="input of 256 x 256 pixels, which needs about"):
            made(rng.random((90, 160)), model=path)


def test_windows_on_several_cores_give_what_they_give_on_one(tmp_path, rng, monkeypatch):
    model = load_model(saved(tmp_path, "lite0-linear"), CPU)
    windows = rng.random((50, 64, 64)).astype(np.float32)
    found = {}
    for cores in (1, 2, 3):
        monkeypatch.setattr(predicting, "at_a_time", lambda _, cores=cores: cores)
        seen = []
        found[cores] = run(predict(model, lambda a, b: windows[a:b], 50), seen.append)
        assert [one.done for one in seen] == sorted(one.done for one in seen)
        assert seen[-1].done == 50
    for cores in (2, 3):
        for one, other in zip(found[cores], found[1], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_cores_have_the_same_number_of_batches(monkeypatch):
    for cores, count, size in ((1, 24, 12), (2, 24, 12), (2, 100, 13), (4, 33, 9), (8, 16, 16)):
        monkeypatch.setattr(predicting, "at_a_time", lambda _, cores=cores: cores)
        assert predicting.batch_size(CPU, count) == size
        assert -(-count // size) % cores == 0 or count <= 16
