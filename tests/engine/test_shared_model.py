"""A loaded model is shared by all operations: none leaves a trace in it or reaches another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.dataset import from_arrays
from napari_visual_ccc.nets.checkpoint import load_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def crop():
    return samples.load("nanoparticles").data[230:302, 150:222]


def state() -> dict[str, object]:
    """Everything about the shipped model that an operation could change."""
    model = load_model(None, CPU)
    found: dict[str, object] = {
        name: value.clone() for name, value in (model.net.state_dict() | dict(model.extras)).items()
    }
    found["training"] = [module.training for module in model.net.modules()]
    found["frozen"] = [one.requires_grad for one in model.net.parameters()]
    found["gradients"] = [one.grad is None for one in model.net.parameters()]
    found["hooks"] = [
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in model.net.modules()
    ]
    found["card"] = model.card.as_dict()
    return found


def equal(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[key]) if isinstance(value, torch.Tensor) else value == second[key]
        for key, value in first.items()
    )


OPERATIONS = {
    "classify": lambda crop: ccc.classify(crop, device="cpu"),
    "classify by window": lambda crop: ccc.classify(np.tile(crop, (2, 2)), device="cpu"),
    "explain": lambda crop: ccc.explain(crop, device="cpu"),
    "FullGrad": lambda crop: ccc.explain(crop[:40, :40], method="fullgrad", device="cpu"),
    "another layer": lambda crop: ccc.explain(crop, layer="blocks.4", device="cpu"),
    "compare": lambda crop: ccc.compare(crop, device="cpu"),
    "morphology_map": lambda crop: ccc.morphology_map(crop, device="cpu"),
    "cam_sanity_checks": lambda crop: ccc.cam_sanity_checks(crop[:32, :32], device="cpu"),
    "detect_shortcuts": lambda crop: ccc.detect_shortcuts(crop, device="cpu"),
    "occlude": lambda crop: ccc.occlude(crop, np.eye(len(crop)), device="cpu"),
    "evaluate": lambda crop: ccc.evaluate(
        from_arrays([crop[:64, :64], crop[8:, 8:]], ["cube", "sphere"]), device="cpu"
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_leaves_the_shared_model_as_it_was(name, crop):
    shared, before = load_model(None, CPU), state()
    said = ccc.classify(crop, device="cpu").probabilities
    OPERATIONS[name](crop)
    again = load_model(None, CPU).net
    assert all(a is b for a, b in zip(shared.net.parameters(), again.parameters(), strict=True))
    assert equal(before, state())
    np.testing.assert_array_equal(ccc.classify(crop, device="cpu").probabilities, said)


def another_layer(crop):
    return ccc.explain(crop, method="gradcam", layer="blocks.4", device="cpu").data


def full_grad(crop):
    return ccc.explain(crop, method="fullgrad", device="cpu").data


def without_a_part(crop):
    return ccc.occlude(crop, np.eye(len(crop)), device="cpu").facts


def random_map(crop):
    return ccc.explain(crop, method="random", device="cpu").data


def probabilities(crop):
    return ccc.classify(crop, device="cpu").probabilities


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((full_grad, probabilities), (another_layer,)),
        ((full_grad,), (without_a_part,)),
        ((another_layer,), (another_layer,)),
        ((random_map,), (random_map,)),
    ],
)
def test_operations_in_two_threads_give_what_they_give_alone(crop, first, second):
    small = crop[:32, :32]
    alone = [[one(small) for one in operations] for operations in (first, second)]
    start = Barrier(2)

    def repeat(operations):
        start.wait()
        return [[one(small) for one in operations] for _ in range(2)]

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(repeat, (first, second)))
    for expected, rounds in zip(alone, together, strict=True):
        for found in rounds:
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_equal(one, other)
