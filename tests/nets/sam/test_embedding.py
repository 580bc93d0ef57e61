from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.sam import embedding as embeddings
from napari_visual_ccc.nets.sam.embedding import embed
from napari_visual_ccc.nets.sam.model import load_sam
from tests.sam_models import SIDE


@pytest.fixture(autouse=True)
def _none_kept():
    embeddings.forget()
    yield
    embeddings.forget()


@pytest.fixture
def image(rng) -> np.ndarray:
    return rng.integers(0, 255, (60, 100, 3), np.uint8)


def test_an_image_is_embedded_once(image, tiny_sam):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    steps = embed(sam, image)
    assert next(steps).note == "image"
    first = run(steps)
    assert run(embed(sam, image.copy())) is first
    assert run(embed(sam, image[::-1])) is not first
    assert embeddings.kept() == 2


def test_another_model_has_an_embedding_of_its_own(image, tiny_sam):
    sizes = {"sam2": (SIDE, SIDE), "sam": (154, SIDE), "sam_hq": (154, SIDE)}
    for number, (kind, resized) in enumerate(sizes.items(), start=1):
        found = run(embed(load_sam(tiny_sam(kind), torch.device("cpu")), image))
        assert found.image == (60, 100)
        assert found.resized == resized
        assert (found.padded is None) == (kind == "sam2")
        assert found.grid == (16, 16)
        assert embeddings.kept() == number


def test_the_oldest_embeddings_make_room(image, tiny_sam, monkeypatch):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    first = run(embed(sam, image))
    assert first.nbytes == 4 * (4 * 64**2 + 8 * 32**2 + 32 * 16**2)
    monkeypatch.setattr(embeddings, "KEPT_BYTES", 2 * first.nbytes)
    for step in (2, 3):
        run(embed(sam, image[::step]))
    assert embeddings.kept() == 2
    assert run(embed(sam, image)) is not first


def test_an_encoder_that_does_not_fit_is_a_sentence(tiny_sam):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))

    def full(module, args):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    hook = sam.net.vision_encoder.register_forward_pre_hook(full)
    try:
        with pytest.raises(RuntimeError, match="main memory is full: take a part of the image"):
            run(embed(sam, np.zeros((20, 30, 3), np.uint8)))
    finally:
        hook.remove()
