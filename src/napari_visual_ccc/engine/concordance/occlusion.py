"""Occlusion of regions: how the class probability changes without each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...arrays.filling import covered_image
from ...core.progress import Progress, Steps
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
    """Class probability with and without regions."""

    model: Model
    target: str
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
        Class whose probability counts; the predicted one if empty.
    device : str
        Of the network.

    Returns
    -------
    Effects
        ``changes``: (regions,) probability without the region minus that of the image; NaN for a
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
        number = classes.index(target) if target else int(np.argmax(before))
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
    return Effects(loaded, classes[number], float(before[number]), changes)
