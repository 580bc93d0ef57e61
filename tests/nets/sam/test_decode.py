from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.sam import decode
from napari_visual_ccc.nets.sam.decode import Choices, Prompts, predict, stability
from napari_visual_ccc.nets.sam.embedding import embed
from napari_visual_ccc.nets.sam.mask import Mask
from napari_visual_ccc.nets.sam.model import CLASSES, load_sam

KINDS = ("sam2", "sam", "sam_hq", "sam3_tracker")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (60, 100, 3), np.uint8)


@pytest.fixture(params=KINDS)
def loaded(request, tiny_sam, image):
    sam = load_sam(tiny_sam(request.param), torch.device("cpu"))
    return sam, run(embed(sam, image))


def points(count: int) -> Prompts:
    places = np.random.default_rng(1).random((count, 1, 2)) * [100, 60]
    return Prompts(places, np.ones((count, 1), int), None, None, np.arange(count))


def test_prompts_reach_the_model_as_its_own_processor_gives_them(loaded, image):
    """Of an image that is not square: points, boxes and the small masks of the processor."""
    import transformers

    sam, embedding = loaded
    kind = CLASSES[sam.kind].removesuffix("Model")
    processor = getattr(transformers, f"{kind}Processor")(sam.processor)
    where, box = [[70.0, 12.0]], [10.0, 20.0, 71.0, 50.0]
    given = processor(
        images=image, input_points=[[where]], input_boxes=[[box]], return_tensors="pt"
    )
    prompts = Prompts(np.array([where]), np.ones((1, 1), int), np.array([box]), None, np.zeros(1))
    ours = decode._tensors(sam, embedding, prompts)
    torch.testing.assert_close(ours["input_points"], given["input_points"][0].float())
    torch.testing.assert_close(ours["input_boxes"], given["input_boxes"][0].float())
    with torch.inference_mode():
        expected = sam.net(pixel_values=given["pixel_values"], input_points=given["input_points"])
        sizes = given.get("reshaped_input_sizes")
        more = {} if sizes is None else {"reshaped_input_sizes": sizes}
        large = sam.processor.post_process_masks(
            expected.pred_masks, given["original_sizes"], binarize=True, **more
        )[0][0]
    found = run(predict(sam, embedding, Prompts(*prompts[:2], None, None, np.zeros(1)), Choices()))
    scores = expected.iou_scores[0, 0].tolist()
    assert len(found) == int(large.flatten(1).any(1).sum())
    for mask in found:
        which = int(np.argmin(np.abs(np.subtract(scores, mask.score))))
        np.testing.assert_array_equal(mask.drawn((60, 100)), large[which].numpy())


def test_batches_do_not_matter(loaded, monkeypatch):
    sam, embedding = loaded
    whole = run(predict(sam, embedding, points(9), Choices()))
    monkeypatch.setattr(decode, "_PIXELS", 1)
    steps, notes = predict(sam, embedding, points(9), Choices(points_per_batch=4)), []
    small = run(steps, notes.append)
    assert [note.done for note in notes] == [4, 8, 9]
    same(whole, small)


def test_masks_of_a_large_image_are_made_one_at_a_time(tiny_sam, image, monkeypatch):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    embedding = run(embed(sam, image))
    whole = run(predict(sam, embedding, points(4), Choices()))
    # as if the image had more pixels than are enlarged at a time
    monkeypatch.setattr(decode, "_PIXELS", 6000)
    monkeypatch.setattr(decode, "_OFTEN", 6000)
    notes = []
    found = run(predict(sam, embedding, points(4), Choices()), notes.append)
    # three masks of each prompt: a report between any two, and one after the batch
    assert [note.done for note in notes] == [0] * 11 + [4]
    # no mode of torch is left on between them
    steps = predict(sam, embedding, points(4), Choices())
    next(steps)
    assert not torch.is_inference_mode_enabled()
    steps.close()
    same(whole, found)


def same(masks, others):
    assert len(masks) == len(others)
    for one, other in zip(masks, others, strict=True):
        assert (one.box, one.prompt) == (other.box, other.prompt)
        assert np.count_nonzero(one.pixels != other.pixels) <= 0.001 * one.pixels.size
        assert other.score == pytest.approx(one.score, abs=1e-4)


def test_a_batch_that_does_not_fit_is_halved(tiny_sam, image, monkeypatch):
    monkeypatch.setattr(decode, "CPU_BATCH", 64)
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    embedding = run(embed(sam, image))
    expected = run(predict(sam, embedding, points(9), Choices()))
    sizes = []

    def full(module, args, given):
        sizes.append(given["input_points"].shape[1])
        if sizes[-1] > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")

    hook = sam.net.register_forward_pre_hook(full, with_kwargs=True)
    try:
        found = run(predict(sam, embedding, points(9), Choices(points_per_batch=8)))
    finally:
        hook.remove()
    assert sizes[:4] == [8, 4, 2, 2]
    same(expected, found)


def test_one_prompt_that_does_not_fit_is_an_error(tiny_sam, image):
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    embedding = run(embed(sam, image))

    def full(module, args):
        raise RuntimeError("out of memory")

    hook = sam.net.register_forward_pre_hook(full)
    try:
        with pytest.raises(RuntimeError, match="main memory is full"):
            run(predict(sam, embedding, points(3), Choices()))
    finally:
        hook.remove()


def test_stability_is_the_ratio_of_two_areas(rng):
    logits = rng.normal(0, 2, (5, 20, 30))
    found = stability(torch.from_numpy(logits), 0.25, 0.75)
    expected = [(one > 1.0).sum() / (one > -0.5).sum() for one in logits]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # nothing is above the lower cut
    assert stability(torch.full((1, 3, 3), -9.0), 0.0, 1.0).tolist() == [0.0]


def test_thresholds_select_masks(loaded):
    sam, embedding = loaded
    masks = run(predict(sam, embedding, points(9), Choices()))
    cut = float(np.median([mask.score for mask in masks]))
    if cut > 0:
        kept = run(predict(sam, embedding, points(9), Choices(pred_iou_thresh=cut)))
        assert {mask.score > cut for mask in kept} == {True}
        assert 0 < len(kept) < len(masks)
    cut = float(np.median([mask.stability for mask in masks]))
    kept = run(predict(sam, embedding, points(9), Choices(stability_score_thresh=cut)))
    assert {mask.stability >= cut for mask in kept} == {True}
    best = run(predict(sam, embedding, points(9), Choices(best=True)))
    for mask in best:
        assert mask.score == max(one.score for one in masks if one.prompt == mask.prompt)


def test_refinement_predicts_each_mask_again_from_its_own_logits(loaded):
    sam, embedding = loaded
    found = run(predict(sam, embedding, points(3), Choices(use_m2m=True)))
    # by hand, one prompt and one mask at a time
    with torch.inference_mode():
        given = decode._tensors(sam, embedding, points(3))
        first, _ = decode._decoded(sam, embedding, given, multimask=True)
        expected = []
        for k in range(3):
            for m in range(3):
                one = {key: value[k : k + 1] for key, value in given.items()}
                one["input_masks"] = first[k, m][None, None]
                again, score = decode._decoded(sam, embedding, one, multimask=False)
                large = decode.enlarged(again[0], embedding)[0].numpy() > 0
                if large.any():
                    expected.append((large, float(score[0, 0])))
    assert len(found) == len(expected)
    for mask, (large, score) in zip(found, expected, strict=True):
        assert np.count_nonzero(mask.drawn((60, 100)) != large) <= 6
        assert mask.score == pytest.approx(score, abs=1e-4)


def test_a_mask_is_a_prompt_in_the_layout_of_the_model(loaded):
    sam, embedding = loaded
    rows = 38 if embedding.padded else 64
    small = decode._small_logits(Mask(0, 50, np.ones((60, 50), bool)), embedding)
    assert small.shape == (64, 64)
    assert (small[:rows, 34:] > 6).all()
    assert (small[:, :30] < -6).all()
    assert (small[rows:] < -6).all()
    boxes = np.array([[50.0, 0, 99, 59]])
    prompts = Prompts(None, None, boxes, [Mask(0, 50, np.ones((60, 50), bool))], np.array([7]))
    (mask,) = run(predict(sam, embedding, prompts, Choices()))
    (other,) = run(predict(sam, embedding, prompts._replace(masks=None), Choices()))
    assert mask.prompt == 7
    assert mask.score != other.score


def test_a_negative_point_changes_the_mask(loaded):
    sam, embedding = loaded
    places = np.array([[[70.0, 12.0], [20.0, 40.0]]])
    masks = [
        run(predict(sam, embedding, Prompts(places, np.array([label]), None, None, np.zeros(1)),
                    Choices()))
        for label in ([1, 1], [1, 0], [1, -10])
    ]  # fmt: skip
    assert all(len(one) == 1 for one in masks)
    assert len({one[0].score for one in masks}) == 3


def test_half_precision_gives_nearly_the_same_masks(tiny_sam, image):
    """On the processor here, where it is possible too; a run uses it on CUDA alone."""
    sam = load_sam(tiny_sam("sam2"), torch.device("cpu"))
    half = replace(sam, precision="bf16")
    masks = [run(predict(one, run(embed(one, image)), points(4), Choices())) for one in (sam, half)]
    assert len(masks[0]) == len(masks[1])
    for one, other in zip(*masks, strict=True):
        assert other.score == pytest.approx(one.score, abs=0.05)
        a, b = one.drawn((60, 100)), other.drawn((60, 100))
        assert np.count_nonzero(a != b) < 0.1 * a.size
