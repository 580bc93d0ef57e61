"""Occlusion: predictions without a part of the image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...arrays.inputs import finite, plane_of, to_gray
from ...core.layers import ImageLayer
from ...core.pixel_size import nanometres
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..classification.calibration import softmax
from ..classification.crops import normalised
from ..classification.windows import Device, model_facts

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

Fill = Literal["surroundings", "mean", "blur"]

# longest side of the network's input, in pixels
_LIVE_INPUT = 768

# of the paper: without noise a network could detect the imputed pixels
_NOISE = 0.01


def occlude(
    image: Any,
    regions: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    fill: Fill = "surroundings",
    device: Device = "auto",
) -> Steps[Result]:
    """Occlude regions of an image and compare the predictions before and after.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype.
    regions : (Y, X) array
        Labels or mask: pixels above zero are occluded.
    spacing : (y, x), optional
        Pixel size, for models that are trained at a fixed scale.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    fill : {'surroundings', 'mean', 'blur'}
        Replacement: inpainting from the surroundings, the mean grey level of the image, or a strong
        blur.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        Probabilities before and after, and the occluded image. The whole image is resized to at
        most 768 input pixels, so that the result is interactive; it is less accurate than
        `classify`.

    Raises
    ------
    ValueError
        If the image is not a plane or the regions are not of its shape.
    """
    grey, notes = to_gray(image)
    plane, _ = finite(np.asarray(plane_of(grey, "occlude")))
    mask = np.asarray(regions) > 0
    if mask.shape != plane.shape:
        raise ValueError(f"regions are {mask.shape}, the image is {plane.shape}: they must agree")
    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.inference import user_message

    yield Progress(0, 2, "model")
    loaded = checkpoint.load_model(model, devices.choose(device))
    size = nanometres(spacing, unit)
    stretched = normalised(plane, loaded.card)
    covered = covered_image(stretched, mask, fill)
    try:
        before = _probabilities(loaded, stretched, size)
        yield Progress(1, 2, "explainer")
        after = _probabilities(loaded, covered, size)
    except (RuntimeError, MemoryError) as error:
        raise user_message(error, loaded.device) from error
    share = float(mask.mean())
    winner = int(np.argmax(before))
    classes = tuple(loaded.card.classes)
    changes = dict(zip(classes, (after - before).round(4).tolist(), strict=True))
    note = f"{classes[winner]}: {before[winner]:.1%} before, {after[winner]:.1%} after"
    return Result(
        (ImageLayer(covered, name="covered", limits=(0.0, 1.0)),),
        {"classes": _table(classes, before, after)},
        model=loaded.identity,
        facts={**model_facts(loaded), "covered_share": share, "change": changes},
        notes=(*notes, note),
    )


def _table(classes: tuple[str, ...], before: np.ndarray, after: np.ndarray) -> Any:
    import pandas as pd

    table = pd.DataFrame({"class": classes, "before": before, "after": after})
    table["change"] = table["after"] - table["before"]
    return table.sort_values("before", ascending=False, ignore_index=True)


def covered_image(stretched: np.ndarray, mask: np.ndarray, fill: Fill) -> np.ndarray:
    """Replace the pixels of a mask.

    Parameters
    ----------
    stretched : (Y, X) float32 array
        0 to 1.
    mask : (Y, X) bool array
        Pixels that are replaced.
    fill : {'surroundings', 'mean', 'blur'}
        Replacement; surroundings are inpainted by the fast marching method (Telea, J. Graphics
        Tools 9 (2004) 23) on a grid of at most 256 pixels per side.

    Returns
    -------
    (Y, X) float32 array
    """
    import cv2

    if not mask.any():
        return stretched
    filled = stretched.copy()
    if mask.all() or fill == "mean":
        filled[mask] = stretched.mean() if mask.all() else stretched[~mask].mean()
        return filled
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    around = max(4, max(height, width) // 4)
    box = tuple(
        slice(max(0, int(places[0]) - around), int(places[-1]) + 1 + around)
        for places in (rows, columns)
    )
    part, hole = stretched[box], mask[box]
    if fill == "blur":
        sigma = max(height, width) / 4
        filled[box][hole] = cv2.GaussianBlur(part, (0, 0), float(sigma))[hole]
        return filled
    step = max(1.0, max(part.shape) / 256)
    small = tuple(max(2, round(n / step)) for n in part.shape[::-1])
    levels = cv2.resize((part * 255).astype(np.uint8), small, interpolation=cv2.INTER_AREA)
    where = (cv2.resize(hole.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0).astype(
        np.uint8
    )
    drawn = cv2.inpaint(levels, where, 5, cv2.INPAINT_TELEA).astype(np.float32) / 255
    whole = cv2.resize(drawn, part.shape[::-1], interpolation=cv2.INTER_LINEAR)
    filled[box][hole] = whole[hole]
    return filled


def _probabilities(model: Model, stretched: np.ndarray, size_nm: float | None) -> np.ndarray:
    import torch

    from ...nets.inference import to_input, whole_strides
    from ...nets.predict import grey_range, size_term
    from .explainer import Explainer

    explainer = Explainer(model, stretched, size_nm)
    height, width = explainer.size
    shrink = min(1.0, _LIVE_INPUT / max(height, width))
    size = (max(32, round(height * shrink)), max(32, round(width * shrink)))
    if not explainer.design.any_size:
        size = (height, width)
    given = to_input(torch.from_numpy(stretched)[None], size, *grey_range(model))
    if explainer.design.any_size:
        given = whole_strides(given, explainer.design)
    with torch.inference_mode():
        logits = model.net(given.to(model.device))[0] + size_term(model, size_nm)
    return softmax(logits.float().cpu().numpy(), model.card.temperature)


def impute_noisy(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Replace pixels by the weighted mean of their neighbours with noise.

    Noisy linear imputation of ROAD (Rong et al., ICML 2022).

    Parameters
    ----------
    image : (Y, X) float32 array
        0 to 1.
    mask : (Y, X) bool array
        Pixels that are replaced; none if it has all pixels.
    rng : Generator
        Generator of the noise.
    """
    # the metric of the library passes torch tensors to numpy, which NumPy 2 deprecates
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer, neighbors_weights
    from scipy.sparse.linalg import spsolve

    filled = image.copy()
    if mask.any() and not mask.all():
        given = ((~mask).astype(np.float32), image[None].astype(np.float64))
        system, known = NoisyLinearImputer.setup_sparse_system(*given, neighbors_weights)
        noise = rng.normal(0, _NOISE, int(mask.sum()))
        filled[mask] = spsolve(system.tocsc(), known[:, 0]) + noise
    return filled
