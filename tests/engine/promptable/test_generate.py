"""The whole way on tiny random models; the oracle is the pipeline of transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.promptable.generate import generate, to_rgb
from napari_visual_ccc.engine.promptable.presets import settings
from napari_visual_ccc.engine.promptable.prompts import Prompt
from napari_visual_ccc.nets.sam import embedding
from napari_visual_ccc.nets.sam.mask import Mask
from napari_visual_ccc.nets.sam.model import load_sam

ALL = {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "points_per_side": 5}
# nothing is suppressed
EVERY = {**ALL, "box_nms_thresh": 1.0}


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    grey = rng.integers(60, 90, (120, 120), np.uint8)
    grey[20:60, 30:80] = 220
    return to_rgb(grey)


@pytest.fixture(params=["sam2", "sam", "sam_hq"])
def sam(request, tiny_sam):
    return load_sam(tiny_sam(request.param), torch.device("cpu"))


def pipeline(sam, image, **choices):
    from PIL import Image
    from transformers import pipeline

    make = pipeline("mask-generation", model=sam.net, image_processor=sam.processor, device="cpu")
    return make(Image.fromarray(image), points_per_batch=16, output_bboxes_mask=True, **choices)


def named(values, **more):
    """Settings as the pipeline calls them."""
    return {
        "points_per_crop": values.points_per_side,
        "pred_iou_thresh": values.pred_iou_thresh,
        "stability_score_thresh": values.stability_score_thresh,
        "stability_score_offset": values.stability_score_offset,
        "mask_threshold": values.mask_threshold,
        "crops_n_layers": values.crop_n_layers,
        "crops_nms_thresh": values.box_nms_thresh,
        "crop_n_points_downscale_factor": values.crop_n_points_downscale_factor,
    }


@pytest.mark.parametrize(
    "choices",
    [
        EVERY,
        {**EVERY, "stability_score_thresh": 0.05, "stability_score_offset": 0.5},
        {**ALL, "box_nms_thresh": 0.97, "mask_threshold": 0.5},
    ],
    ids=["every mask", "stability", "suppression"],
)
def test_masks_of_the_window_preset_are_those_of_the_pipeline(sam, image, choices):
    values = settings("window", choices)
    found = run(generate(sam, image, values))
    expected = pipeline(sam, image, **named(values))
    real = [k for k, mask in enumerate(expected["masks"]) if mask.any()]
    assert len(found) == len(real) > 0
    order = np.argsort([-mask.score for mask in found], kind="stable")
    for number, k in zip(order, real, strict=True):
        mask = found[number]
        assert mask.score == pytest.approx(float(expected["scores"][k]), abs=1e-5)
        assert list(mask.box) == expected["bounding_boxes"][k].tolist()
        assert np.count_nonzero(mask.drawn((120, 120)) != expected["masks"][k].numpy()) <= 2


def test_the_batch_preset_runs_where_the_pipeline_fails(tiny_sam, image):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    values = settings("batch", {**ALL, "points_per_side": 4})
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        pipeline(sam, image, **named(values))
    notes = []
    masks = run(generate(sam, image, values), notes.append)
    assert masks
    # 4 x 4 points on the image, 2 x 2 on each of the four crops
    found = [note for note in notes if note.note == "prompts"]
    assert {note.total for note in found} == {32}
    assert found[-1].done == 32


def test_prompts_and_thresholds_change_without_another_embedding(sam, image, monkeypatch):
    embedding.forget()
    run(generate(sam, image, settings("window", ALL)))
    calls = []
    monkeypatch.setattr(sam.net, "get_image_embeddings", lambda *a: calls.append(a))
    run(generate(sam, image, settings("window", {**ALL, "stability_score_thresh": 0.01})))
    point = Prompt(1, np.array([[50.0, 40.0]]), np.array([1]))
    run(generate(sam, image, settings("window", {}), [point], filtered=False))
    assert calls == []


def test_each_prompt_gives_one_mask(sam, image):
    values = settings("window", {"box_nms_thresh": 1.0})
    points = [Prompt(n, np.array([[20.0 * n, 30.0]]), np.array([1])) for n in (1, 2, 3)]
    boxes = [
        Prompt(n, np.zeros((0, 2)), np.zeros(0, int), (20.0, 10.0, 60.0, 50.0)) for n in (4, 9)
    ]
    rough = Prompt(
        5, np.zeros((0, 2)), np.zeros(0, int), (30.0, 20.0, 79.0, 59.0),
        Mask(20, 30, np.ones((40, 50), bool)),
    )  # fmt: skip
    for prompts in (points, boxes, [rough]):
        found = run(generate(sam, image, values, prompts, filtered=False))
        assert sorted(mask.prompt for mask in found) == [one.number for one in prompts]


def test_a_job_is_cancelled_between_batches(sam, image):
    steps = generate(sam, image, settings("window", {**ALL, "points_per_batch": 4}))
    notes = [next(steps) for _ in range(3)]
    steps.close()
    assert max(note.done for note in notes) < 25
    with pytest.raises(StopIteration):
        next(steps)


def test_prompts_are_set_on_the_tile_that_they_are_in(tiny_sam):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    image = to_rgb(np.random.default_rng(1).integers(0, 255, (64, 144), np.uint8))
    values = settings("window", {"tile_size": 64})
    embedding.forget()
    point = Prompt(3, np.array([[120.0, 30.0]]), np.array([1]))
    (mask,) = run(generate(sam, image, values, [point], filtered=False))
    assert embedding.kept() == 1
    inner = Prompt(3, np.array([[40.0, 30.0]]), np.array([1]))
    (alone,) = run(generate(sam, image[:, 80:], settings("window", {}), [inner], filtered=False))
    assert (mask.left, mask.top) == (alone.left + 80, alone.top)
    np.testing.assert_array_equal(mask.pixels, alone.pixels)


def test_prompts_of_a_person_are_not_suppressed(tiny_sam, image):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    points = [Prompt(n, np.array([[50.0 + n, 40.0]]), np.array([1])) for n in (1, 2, 3)]
    values = settings("window", {"box_nms_thresh": 0.1, "min_mask_region_area": 1})
    found = run(generate(sam, image, values, points, filtered=False))
    assert sorted(mask.prompt for mask in found) == [1, 2, 3]
    assert len(run(generate(sam, image, values._replace(pred_iou_thresh=0.0), points))) < 3


def test_a_prompt_larger_than_a_tile_is_set_on_the_whole_image(tiny_sam):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    image = to_rgb(np.random.default_rng(1).integers(0, 255, (64, 144), np.uint8))
    nothing = (np.zeros((0, 2)), np.zeros(0, int))
    box = Prompt(1, *nothing, box=(5.0, 5.0, 130.0, 60.0))
    rough = Prompt(
        2, *nothing, box=(5.0, 5.0, 130.0, 60.0), mask=Mask(5, 5, np.ones((56, 126), bool))
    )
    far = Prompt(3, np.array([[10.0, 30.0], [130.0, 30.0]]), np.array([1, 1]))
    whole, tiled = settings("window", {}), settings("window", {"tile_size": 64})
    for prompt in (box, rough, far):
        (expected,) = run(generate(sam, image, whole, [prompt], filtered=False))
        (mask,) = run(generate(sam, image, tiled, [prompt], filtered=False))
        assert not mask.cut
        assert mask.box == expected.box
        np.testing.assert_array_equal(mask.pixels, expected.pixels)


def test_points_beside_a_tile_do_not_reach_it(tiny_sam):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    image = to_rgb(np.random.default_rng(1).integers(0, 255, (64, 144), np.uint8))
    tiled = settings("window", {"tile_size": 64})
    alone = Prompt(1, np.array([[10.0, 30.0]]), np.array([1]))
    against = Prompt(1, np.array([[10.0, 30.0], [130.0, 30.0]]), np.array([1, 0]))
    masks = [run(generate(sam, image, tiled, [one], filtered=False))[0] for one in (alone, against)]
    assert masks[0].score == masks[1].score
    np.testing.assert_array_equal(masks[0].pixels, masks[1].pixels)
    # the tile ends at the right of the mask, but the object may go on
    assert masks[0].cut == (masks[0].box[2] >= 62)


def test_a_mask_does_not_depend_on_the_points_of_other_objects(sam, image):
    values = settings("window", {})
    single = Prompt(1, np.array([[50.0, 40.0]]), np.array([1]))
    double = Prompt(2, np.array([[20.0, 30.0], [90.0, 80.0]]), np.array([1, 0]))
    alone = [
        run(generate(sam, image, values, [one], filtered=False))[0] for one in (single, double)
    ]
    both = run(generate(sam, image, values, [single, double], filtered=False))
    for one, other in zip(alone, sorted(both, key=lambda mask: mask.prompt), strict=True):
        assert (one.prompt, one.box) == (other.prompt, other.box)
        assert other.score == pytest.approx(one.score, abs=1e-5)


def test_sixteen_bits_are_stretched_and_eight_are_kept(rng):
    eight = rng.integers(10, 90, (30, 40), np.uint8)
    np.testing.assert_array_equal(to_rgb(eight), np.repeat(eight[..., None], 3, axis=-1))
    deep = np.linspace(1000, 3000, 1200).reshape(30, 40).astype(np.uint16)
    made = to_rgb(deep)
    assert (made.dtype, made.shape) == (np.uint8, (30, 40, 3))
    assert (made.min(), made.max()) == (0, 255)
    assert len(np.unique(made)) == 256
