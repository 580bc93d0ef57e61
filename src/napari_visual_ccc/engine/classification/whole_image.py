"""Class probabilities of a whole image at once, at a limited resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .calibration import softmax
from .crops import window_side

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# longest side of the network's input, in pixels
_LONGEST_INPUT = 768


def input_size(model: Model, shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width of the network's input for a whole image.

    Parameters
    ----------
    model : Model
        Model from `checkpoint.load_model`.
    shape : (Y, X)
        Shape of the image.
    side : int
        Side of a window, from `crops.window_side`.
    """
    given = model.card.input_px
    if not model.design.any_size:
        return given, given
    scale = given / side
    # narrow images are enlarged so that the poolings of the network have enough pixels
    height, width = (max(given // 2, round(n * scale)) for n in shape)
    return height, width


def probabilities(model: Model, stretched: np.ndarray, size_nm: float | None) -> np.ndarray:
    """Class probabilities of a whole image, resized to at most 768 input pixels.

    Parameters
    ----------
    model : Model
        Model from `checkpoint.load_model`.
    stretched : (Y, X) or (C, Y, X) float32 array
        0 to 1, from `crops.normalised`.
    size_nm : float or None
        Pixel size in nm.

    Returns
    -------
    (classes,) array
    """
    import torch

    from ...nets.inference import to_input, whole_strides
    from ...nets.predict import grey_range, size_term

    shape = stretched.shape[-2:]
    side = window_side(model.card, shape, size_nm)
    height, width = size = input_size(model, shape, side)
    if model.design.any_size:
        shrink = min(1.0, _LONGEST_INPUT / max(height, width))
        size = (max(32, round(height * shrink)), max(32, round(width * shrink)))
    given = to_input(torch.from_numpy(stretched)[None], size, *grey_range(model))
    if model.design.any_size:
        given = whole_strides(given, model.design)
    with torch.inference_mode():
        logits = model.net(given.to(model.device))[0] + size_term(model, size_nm)
    return softmax(logits.float().cpu().numpy(), model.card.temperature)
