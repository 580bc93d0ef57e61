from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.dataset import Example
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.workflow.batch.classified import Together, classified, prepared
from tests.models import saved


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = saved(tmp_path_factory.mktemp("model"))
    return path, checkpoint.load_model(path, torch.device("cpu"), shared=True)


def examples(shapes):
    image = samples.load("nanoparticles").data
    return [
        Example(
            f"{k}", "", "", lambda k=k, shape=shape: Micrograph(image[k : k + shape, : shape + k])
        )
        for k, shape in enumerate(shapes)
    ]


def test_crops_of_several_images_in_one_batch_are_as_each_alone(model):
    path, net = model
    # crops that fill batches, and a micrograph that is classified window by window
    found = examples([32, 40, 36, 80, 33, 32])
    rows = run(classified(net, found, tta=True, coverage=0.9, thresholds=None))
    for example, row in zip(found, rows, strict=True):
        alone = ccc.classify(example.read().data, model=path).row
        assert row["name"] == example.name
        assert row["verdict"] == alone["verdict"]
        assert row["probability"] == pytest.approx(alone["probability"], abs=1e-6)
        assert row["windows"] == alone["windows"]


def test_views_wait_until_there_are_enough(model):
    _, net = model
    together = Together(net)
    for number, example in enumerate(examples([32, 33])):
        together.add(number, prepared(example, net, True))
    assert together.count == 16
    assert [number for number, _, _ in run(together.outputs())] == [0, 1]
    assert together.count == 0
    assert list(run(together.outputs())) == []


def test_a_stack_is_a_problem_of_its_row(model):
    _, net = model
    stack = Example("s", "", "", lambda: Micrograph(np.zeros((3, 32, 32))))
    rows = run(classified(net, [*examples([32]), stack], tta=False, coverage=0.9, thresholds=None))
    assert rows[0]["verdict"]
    assert "problem" not in rows[0]
    assert rows[1]["verdict"] == "" and rows[1]["problem"]
