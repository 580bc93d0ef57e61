"""Occlusion: predictions without a part of the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...arrays.filling import Fill, covered_image
from ...core.layers import ImageLayer
from ...core.pixel_size import nanometres
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..classification.classify import prediction_beside
from ..classification.crops import network_plane, normalised
from ..classification.decision import worded
from ..classification.whole_image import probabilities
from ..classification.windows import Device, model_facts

# of the paper: without noise a network could detect the imputed pixels
_NOISE = 0.01

# windows up to which the image is classified too: of more it takes longer than a second
_WINDOWS = 64


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
    """Occlude regions of an image and compare the scores of the classes before and after.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype; (C, Y, X) for a model of several channels, which are
        all occluded.
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
        Scores before and after, and the occluded image. They are scores of one view: the whole
        image is resized to at most 768 input pixels, so that the result is interactive. The
        prediction of the image is that of `classify`, which may differ; of images of up to 64
        windows (256 x 256 pixels) it is in the column ``probability`` and in the notes.

    Raises
    ------
    ValueError
        If the image is not a plane or the regions are not of its shape.
    """
    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.card import read_card
    from ...nets.inference import user_message

    plane, notes = network_plane(image, read_card(model), "occlude")
    given, shape = np.asarray(regions), plane.shape[-2:]
    if given.dtype.kind not in "biuf":
        raise ValueError(f"regions are of type {given.dtype}; real numbers are needed")
    mask = given > 0
    if mask.shape != shape:
        raise ValueError(f"regions are {mask.shape}, the image is {shape}: they must agree")
    yield Progress(0, 2, "model")
    loaded = checkpoint.load_model(model, devices.choose(device))
    size = nanometres(spacing, unit)
    stretched = normalised(plane, loaded.card)
    planes = stretched if stretched.ndim == 3 else stretched[None]
    covered = np.stack([covered_image(one, mask, fill) for one in planes])
    covered = covered if stretched.ndim == 3 else covered[0]
    try:
        before = probabilities(loaded, stretched, size)
        yield Progress(1, 2, "explainer")
        after = probabilities(loaded, covered, size)
        known = yield from prediction_beside(loaded, plane, size, most=_WINDOWS)
    except (RuntimeError, MemoryError) as error:
        raise user_message(error, loaded.device) from error
    share = float(mask.mean())
    winner = int(np.argmax(before))
    classes = tuple(loaded.card.classes)
    changes = dict(zip(classes, (after - before).round(4).tolist(), strict=True))
    note = (
        f"score of one view for {classes[winner]}: {before[winner]:.1%} before, "
        f"{after[winner]:.1%} after"
    )
    table = _table(classes, before, after, None if known is None else known.probabilities)
    note += "; the prediction is that of classify" if known is None else f"; {worded(known)}"
    return Result(
        (ImageLayer(covered, name="covered", limits=(0.0, 1.0)),),
        {"classes": table},
        model=loaded.identity,
        facts={**model_facts(loaded), "covered_share": share, "change": changes},
        notes=(*notes, note),
    )


def _table(
    classes: tuple[str, ...], before: np.ndarray, after: np.ndarray, known: np.ndarray | None
) -> Any:
    import pandas as pd

    table = pd.DataFrame({"class": classes, "before": before, "after": after})
    table["change"] = table["after"] - table["before"]
    if known is not None:
        table["probability"] = known
    return table.sort_values("before", ascending=False, ignore_index=True)


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
