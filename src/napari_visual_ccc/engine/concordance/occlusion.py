"""Occlusion of regions: how the score of a class changes without each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...arrays.filling import covered_image
from ...core.progress import Progress, Steps
from ..classification.classify import prediction_beside
from ..classification.crops import normalised
from ..classification.whole_image import probabilities
from ..classification.windows import Device

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# pixels around a region that are filled with it: its edge alone would show its shape
_RIM = 2

# share of the image from which on a filled region leaves no surroundings
_WHOLE = 0.98


class Effects(NamedTuple):
    """Score of a class, of one view of the whole image, with and without regions.

    `assumed` says how the target was found, if none was given.
    """

    model: Model
    target: str
    assumed: str
    before: float
    changes: np.ndarray


def occlusion_effects(
    plane: np.ndarray,
    masks: Sequence[Any],
    size_nm: float | None,
    *,
    model: Path | None,
    target: str,
    device: Device,
) -> Steps[Effects]:
    """Fill regions from their surroundings, one at a time, and classify the image.

    Parameters
    ----------
    plane : (Y, X) array
        Finite grey image.
    masks : sequence of callables
        Each returns the (Y, X) bool mask of a region.
    size_nm : float or None
        Pixel size in nm.
    model : Path
        Model file; the shipped model by default.
    target : str
        Class whose score counts; the one that `classify` predicts if empty, or of an image of many
        windows that of the highest score.
    device : str
        Of the network.

    Returns
    -------
    Effects
        ``changes``: (regions,) score without the region minus that of the image; NaN for a
        region that covers 98 % of the image with a rim of 2 pixels, such as a fine phase: nothing
        is left to fill it from.
    """
    import cv2

    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.inference import user_message

    yield Progress(0, len(masks), "model")
    loaded = checkpoint.load_model(model, devices.choose(device))
    classes = list(loaded.card.classes)
    if target and target not in classes:
        raise ValueError(
            f"the model has no class {target!r}; its classes are {', '.join(classes)}: give the "
            "model that made the heatmap"
        )
    stretched = normalised(plane, loaded.card)
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RIM + 1, 2 * _RIM + 1))
    after: list[float] = []
    try:
        before = probabilities(loaded, stretched, size_nm)
        number, assumed = classes.index(target) if target else int(np.argmax(before)), ""
        if not target:
            known = yield from prediction_beside(loaded, plane, size_nm)
            assumed = "the one with the highest score of one view"
            if known is not None:
                number, assumed = classes.index(known.label), "the predicted one"
        for done, mask in enumerate(masks):
            yield Progress(done, len(masks), "occlusion")
            grown = cv2.dilate(mask().astype(np.uint8), rim).astype(bool)
            if grown.mean() >= _WHOLE:
                after.append(np.nan)
                continue
            filled = covered_image(stretched, grown, "surroundings")
            after.append(float(probabilities(loaded, filled, size_nm)[number]))
    except (RuntimeError, MemoryError) as error:
        raise user_message(error, loaded.device) from error
    changes = np.array(after) - before[number]
    return Effects(loaded, classes[number], assumed, float(before[number]), changes)
