"""Masks of prompts on an embedded image, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import interpolate

from ...core.progress import Progress, Steps
from ..inference import out_of_memory, release_memory, user_message
from .embedding import Embedding
from .mask import Mask, fitted
from .model import Sam

# log-odds of the pixels of a mask prompt
_CERTAIN = 6.9

# pixels of masks that are enlarged to the size of the image at a time, and between two reports of
# progress: of a large image, a single mask takes half a second
_PIXELS = _OFTEN = 1 << 22

# masks that are decoded at a time without a graphics processor: more are no faster, and cancelling
# waits for them; a prompt that is refined has three
CPU_BATCH = 4


class Prompts(NamedTuple):
    """Prompts of one image, one object each, in (x, y) pixels of the image.

    Parameters
    ----------
    points : (P, N, 2) array or None
        Of each object.
    labels : (P, N) int array or None
        1: in the object, 0: not in it, -10: no point.
    boxes : (P, 4) array or None
        Left, top, right, bottom.
    masks : sequence of Mask or None
        Rough masks of the objects.
    numbers : (P,) int array
        What `Mask.prompt` becomes.
    """

    points: np.ndarray | None
    labels: np.ndarray | None
    boxes: np.ndarray | None
    masks: Sequence[Mask] | None
    numbers: np.ndarray

    def part(self, start: int, stop: int) -> Prompts:
        """Prompts from one number to another."""
        chosen: Any = (None if one is None else one[start:stop] for one in self)
        return Prompts(*chosen)


class Choices(NamedTuple):
    """How masks are made of prompts and which are kept; names as in Segment Anything.

    Parameters
    ----------
    points_per_batch : int
        Prompts at a time.
    pred_iou_thresh, stability_score_thresh : float
        Least predicted IoU and stability of a mask; 0 keeps all.
    stability_score_offset : float
        Shift of the cut for the stability.
    mask_threshold : float
        Logits above it are in the mask.
    use_m2m : bool
        Predict each mask again from the point and its first mask.
    best : bool
        Keep the mask with the highest predicted IoU of each prompt, instead of all three.
    """

    points_per_batch: int = 64
    pred_iou_thresh: float = 0.0
    stability_score_thresh: float = 0.0
    stability_score_offset: float = 1.0
    mask_threshold: float = 0.0
    use_m2m: bool = False
    best: bool = False


def predict(
    sam: Sam, embedding: Embedding, prompts: Prompts, choices: Choices
) -> Steps[list[Mask]]:
    """Predict the masks of prompts; batches are halved when memory runs out.

    Parameters
    ----------
    sam, embedding
        Model and image.
    prompts : Prompts
        On that image.
    choices : Choices
        Thresholds.

    Returns
    -------
    list of Mask
        In the order of the prompts, those that pass the thresholds.

    Raises
    ------
    RuntimeError
        If a single prompt does not fit into memory.
    """
    size = max(1, int(choices.points_per_batch))
    if sam.device.type == "cpu":
        size = min(size, max(1, CPU_BATCH // 3) if choices.use_m2m else CPU_BATCH)
    start, total, found = 0, len(prompts.numbers), []
    while start < total:
        stop = min(start + size, total)
        try:
            with torch.inference_mode(), sam.autocast:
                made = _batch(sam, embedding, prompts.part(start, stop), choices)
            here = Progress(start, total, "prompts")
            found += yield from _selected(*made, embedding, choices, here)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or size == 1:
                raise user_message(error, sam.device) from error
            size = max(1, size // 2)
            release_memory(sam.device)
            continue
        start = stop
        yield Progress(start, total, "prompts")
    return found


def _batch(
    sam: Sam, embedding: Embedding, prompts: Prompts, choices: Choices
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Small logits (N, h, w) of the prompts of one batch, predicted IoU and numbers of prompts."""
    given = _tensors(sam, embedding, prompts)
    # one mask where a prompt says enough: a box, a mask, or several points
    ambiguous = prompts.boxes is None and prompts.masks is None
    ambiguous = ambiguous and prompts.points is not None and prompts.points.shape[1] == 1
    logits, scores = _decoded(sam, embedding, given, multimask=ambiguous)
    if choices.best and logits.shape[1] > 1:
        rows = torch.arange(len(scores), device=scores.device)
        first = scores.argmax(dim=1)
        logits, scores = logits[rows, first][:, None], scores[rows, first][:, None]
    numbers = np.repeat(prompts.numbers, logits.shape[1])
    if choices.use_m2m:
        again = {key: one.repeat_interleave(logits.shape[1], dim=0) for key, one in given.items()}
        again["input_masks"] = logits.flatten(0, 1)[:, None]
        logits, scores = _decoded(sam, embedding, again, multimask=False)
    return logits.flatten(0, 1), scores.flatten(), numbers


def _decoded(
    sam: Sam, embedding: Embedding, given: dict[str, torch.Tensor], *, multimask: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Small logits (P, M, h, w) and predicted IoU (P, M)."""
    net: Any = sam.net
    if "input_masks" in given:
        # a mask belongs to an image of a batch: one image a prompt
        count = len(given["input_masks"])
        alone = {key: one if key == "input_masks" else one[:, None] for key, one in given.items()}
        made = net(**embedding.repeated(count), **alone, multimask_output=multimask)
        return made.pred_masks[:, 0].float(), made.iou_scores[:, 0].float()
    together = {key: one[None] for key, one in given.items()}
    made = net(**embedding.tensors, **together, multimask_output=multimask)
    return made.pred_masks[0].float(), made.iou_scores[0].float()


def _tensors(sam: Sam, embedding: Embedding, prompts: Prompts) -> dict[str, torch.Tensor]:
    """Prompts as the model takes them, in pixels of its input."""
    ratio = np.divide(embedding.resized[::-1], embedding.image[::-1])
    given: dict[str, torch.Tensor] = {}
    if prompts.points is not None and prompts.labels is not None:
        given["input_points"] = torch.as_tensor(prompts.points * ratio, dtype=torch.float32)
        given["input_labels"] = torch.as_tensor(prompts.labels, dtype=torch.int64)
    if prompts.boxes is not None:
        given["input_boxes"] = torch.as_tensor(
            prompts.boxes * np.tile(ratio, 2), dtype=torch.float32
        )
    if prompts.masks is not None:
        small = [_small_logits(mask, embedding) for mask in prompts.masks]
        given["input_masks"] = torch.stack(small)[:, None]
    return {key: one.to(sam.device) for key, one in given.items()}


def _small_logits(mask: Mask, embedding: Embedding) -> torch.Tensor:
    """Mask in the image as the logits of a mask prompt."""
    rows, columns = (4 * n for n in embedding.grid)
    small = torch.full((rows, columns), -_CERTAIN)
    padded = embedding.padded or embedding.resized
    height = max(1, round(rows * embedding.resized[0] / padded[0]))
    width = max(1, round(columns * embedding.resized[1] / padded[1]))
    given = torch.from_numpy(mask.drawn(embedding.image).astype(np.float32))[None, None]
    share = interpolate(given, (height, width), mode="bilinear", antialias=True)[0, 0]
    small[:height, :width] = (2 * share.clamp(0, 1) - 1) * _CERTAIN
    return small


def enlarged(logits: torch.Tensor, embedding: Embedding) -> torch.Tensor:
    """Enlarge small logits (N, h, w) to the size of the image."""
    made = logits[None]
    if embedding.padded is not None:
        made = interpolate(made, embedding.padded, mode="bilinear", align_corners=False)
        made = made[..., : embedding.resized[0], : embedding.resized[1]]
    return interpolate(made, embedding.image, mode="bilinear", align_corners=False)[0]


def stability(logits: torch.Tensor, threshold: float, offset: float) -> torch.Tensor:
    """Ratio of the areas of (N, Y, X) logits above the raised and the lowered threshold."""
    inner, outer = (_areas(logits > threshold + shift) for shift in (offset, -offset))
    return torch.where(outer > 0, inner / outer.clamp(min=1), 0.0)


def _areas(masks: torch.Tensor) -> torch.Tensor:
    """Pixels of (N, Y, X) masks."""
    if masks.device.type != "cpu":
        return masks.flatten(1).sum(1)
    # a hundred times as fast as the sum
    return torch.tensor([np.count_nonzero(one) for one in masks.numpy()])


@torch.inference_mode()
def _enlarged_masks(
    logits: torch.Tensor, embedding: Embedding, choices: Choices
) -> tuple[np.ndarray, list[float]]:
    """Masks of the size of the image, from small logits, and their stability."""
    large = enlarged(logits, embedding)
    stable = stability(large, choices.mask_threshold, choices.stability_score_offset)
    return (large > choices.mask_threshold).cpu().numpy(), stable.tolist()


def _selected(
    logits: torch.Tensor, scores: torch.Tensor, numbers: np.ndarray, embedding: Embedding,
    choices: Choices, progress: Progress,
) -> Steps[list[Mask]]:  # fmt: skip
    """Masks that pass the thresholds, from small logits (N, h, w)."""
    if choices.pred_iou_thresh > 0:
        passed = scores > choices.pred_iou_thresh
        logits, scores, numbers = logits[passed], scores[passed], numbers[passed.cpu().numpy()]
    pixels = int(np.prod(embedding.image))
    step, quiet = max(1, _PIXELS // pixels), 0
    found: list[Mask] = []
    for start in range(0, len(logits), step):
        if quiet >= _OFTEN:
            yield progress
            quiet = 0
        quiet += step * pixels
        masks, stable = _enlarged_masks(logits[start : start + step], embedding, choices)
        for k, one in enumerate(stable):
            if choices.stability_score_thresh > 0 and not one >= choices.stability_score_thresh:
                continue
            number, score = int(numbers[start + k]), float(scores[start + k])
            mask = fitted(masks[k], Mask(0, 0, masks[k], score, one, number))
            if mask is not None:
                found.append(mask)
    return found
