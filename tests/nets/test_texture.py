from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_visual_ccc as ccc
from napari_visual_ccc.engine.texture.cooccurrence import FEATURES
from napari_visual_ccc.engine.texture.glcm import quantise
from napari_visual_ccc.nets import texture
from napari_visual_ccc.nets.texture import glcm_maps
from tests.mps import mps

DEVICES = ["cpu", pytest.param("cuda", marks=[
    pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
])]  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("window", "levels", "symmetric"), [(5, 32, True), (7, 256, False), (15, 16, True)]
)
def test_torch_gives_the_maps_of_the_engine(rng, device, window, levels, symmetric):
    image = rng.normal(size=(40, 50)).cumsum(axis=1)
    own = ccc.glcm_features(
        image, feature="all", window=window, levels=levels, symmetric=symmetric
    ).maps
    quantised = quantise(image.min(), image.max(), levels, image.dtype)(image)
    found = glcm_maps(
        quantised, features=FEATURES, window=window, levels=levels, symmetric=symmetric,
        device=device,
    )  # fmt: skip
    for name, values in found.items():
        np.testing.assert_allclose(
            values, own[f"GLCM {name}"].data, rtol=0, atol=1e-9, err_msg=name
        )


def test_a_device_without_float64_gives_the_maps_in_float32(rng, monkeypatch):
    quantised = rng.integers(0, 16, (20, 24)).astype(np.uint8)
    known = glcm_maps(quantised, features=FEATURES, levels=16, device="cpu")
    with mps() as device:
        monkeypatch.setattr(texture.devices, "choose", lambda _: device)
        found = glcm_maps(quantised, features=FEATURES, levels=16)
    for name, values in found.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, known[name], rtol=1e-5, atol=1e-5, err_msg=name)
