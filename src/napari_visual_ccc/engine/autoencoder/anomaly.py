"""Reconstruct micrographs with an autoencoder, and map what is unusual in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from ...arrays.filling import filled, known_values
from ...arrays.inputs import plane_of, stretch, to_gray
from ...arrays.tiling import cuts
from ...core.layers import ImageLayer, LabelsLayer
from ...core.pixel_size import MinDiameter, PixelSize, kept_pixels, nanometres
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..classification.crops import scale_note
from ..classification.windows import Device, model_facts
from .known import (
    CELL,
    MARGIN,
    STRIDE,
    at_pixels,
    places_scored,
    regions_above,
    scored,
    table_of,
)
from .usual import (
    HALO,
    MEAN,
    WHITENING,
    Score,
    Usual,
    distance,
    relative,
    residual_statistics,
    squared_residual,
    texture_of,
    threshold_of,
    without_surroundings,
)

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# rows of a band of the statistics, a multiple of `CELL`
_BAND = 512

# an image is unusual as a whole if its median score is so many times that of held-out images
_UNUSUAL = 1.2

# side of the tiles of the network
_TILE = 1024


def reconstruct(
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    device: Device = "auto",
) -> Steps[Result]:
    """Reconstruct a micrograph with a trained autoencoder.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype. A stack is processed slice by slice (in the viewer:
        the current slice).
    spacing : (y, x), optional
        Pixel size; a note tells where it is far from that of the training images.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors) of `train_autoencoder`.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        ``reconstruction`` in grey values of the image, and ``residual``, image minus
        reconstruction: (Y, X) float32, NaN where the image is not finite. The image is clipped to
        the percentiles that its contrast is stretched to, 0.5 and 99.5. ``facts``: ``psnr`` in dB
        of the finite pixels, the peak being this range.

    Raises
    ------
    ValueError
        If no model is given or it is no autoencoder, or the image is not a plane.
    RuntimeError
        If memory is full.
    """
    found = yield from _reconstructed(image, spacing, unit, model, device)
    low, high = found.limits
    residual = found.grey - found.made
    squares = max(float(np.mean(residual[found.known].astype(np.float64) ** 2)), 1e-10)
    layers = (
        ImageLayer(found.blanked(found.made * (high - low) + low), name="reconstruction"),
        ImageLayer(
            found.blanked(residual * (high - low)),
            name="residual",
            style="signed",
            quantity="difference of grey values",
        ),
    )
    facts = {"psnr": float(-10 * np.log10(squares))}
    return Result(layers, facts=facts, notes=found.notes, model=model_facts(found.model))


def anomaly_map(
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    score: Score = "features",
    usual: Annotated[float, {"min": 0.5, "max": 0.999, "step": 0.01}] = 0.9,
    min_diameter: MinDiameter = 0.0,
    device: Device = "auto",
) -> Steps[Result]:
    """Map and label what a trained autoencoder has not learnt: foreign particles, defects.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype. A stack is processed slice by slice (in the viewer:
        the current slice).
    spacing : (y, x), optional
        Pixel size, for the areas; a note tells where it is far from that of the training images.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors) of `train_autoencoder`.
    score : {'features', 'local', 'residual'}
        features: statistics of the residual and maps of textures (EfficientNet-Lite0), as their
        Mahalanobis distance from usual ones, divided by its median in this image where that is
        above 1: what differs locally is found, and a note tells that an image differs as a whole.
        local: the same features without their mean in the surroundings, a Gaussian window of 128
        pixels: finds more small objects where the texture changes within the image, and misses
        regions of more than about 300 pixels.
        residual: the local mean of the squared residual alone, which finds only what is
        reconstructed badly.
    usual : float
        Share of usual tiles in which nothing may be labelled; it sets the threshold, from tiles
        that were held out of the training.
    min_diameter : float
        Smaller regions are left out: diameter of a circle of their area, in the unit of the pixel
        size, or in pixels without one. 0: regions of fewer than 64 pixels.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        ``anomaly``: (Y, X) float32, score divided by the threshold, so that above 1 is unusual.
        It is NaN, and nothing is labelled, where the image is not finite and where that would have
        an influence: within about 33 pixels of a wide gap. Gaps of up to 5 x 5 pixels are filled
        from their surroundings. ``anomalies``: labels of the regions above 1, with a table, the
        largest score first: ``area_<unit>2``, ``area_px``, ``peak`` and ``mean`` score,
        ``centroid_y_px``, ``centroid_x_px`` and ``touches_border``. ``facts``: ``threshold``,
        ``usual`` (what the tiles support), ``tiles`` (held-out ones), ``regions``,
        ``area_percent`` of what has a score.

    Raises
    ------
    ValueError
        If no model is given, it is no autoencoder or was trained without held-out tiles, the
        image is not a plane, or every place of it is near missing pixels.
    RuntimeError
        If memory is full.
    """
    found = yield from _reconstructed(image, spacing, unit, model, device)
    scale = found.model.card.anomaly
    if scale is None or MEAN not in found.model.extras:
        raise ValueError(
            f"{model} has no threshold of anomalies: no image was held out in its training "
            "(validation=0), so nothing says which scores are usual; train it again with a "
            "validation above 0, or use reconstruct"
        )
    least = kept_pixels(min_diameter, PixelSize.of(spacing, unit), 64)
    threshold, note = threshold_of(scale, score, usual)
    there = found.known if found.known.all() else found.known & scored(found.known)
    coarse = yield from _scores(found, score)
    if score != "residual":
        (coarse,), level = relative([coarse])
        if score == "features" and level > _UNUSUAL * max(1.0, scale.level):
            note = (
                *note,
                f"the image is unusual as a whole: its median score is {level:.2f}, that of "
                f"held-out images {scale.level:.2f}",
            )
    yield Progress(0, 0, "regions")
    fine = np.where(there, at_pixels(coarse, found.grey.shape) / threshold, np.nan)
    labels = regions_above(np.where(there, fine, 0), least)
    table = table_of(labels, fine, PixelSize.of(spacing, unit))
    facts = {
        "threshold": threshold, "usual": min(usual, scale.supports), "tiles": scale.tiles,
        "regions": len(table), "area_percent": float(100 * (labels > 0).sum() / there.sum()),
    }  # fmt: skip
    layers = (
        ImageLayer(
            fine.astype(np.float32),
            name="anomaly",
            style="heat",
            limits=(0.0, 2.0),
            quantity="score / threshold",
        ),
        LabelsLayer(labels, table=table, name="anomalies"),
    )
    if near := float((found.known & ~there).mean()):
        note = (*note, f"{near:.2%} of the image has no score: too near missing pixels")
    notes = (*found.notes, *note, f"threshold from {scale.tiles} tiles of {scale.chosen_on}")
    return Result(layers, facts=facts, notes=notes, model=model_facts(found.model))


@dataclass(frozen=True, eq=False)
class _Reconstructed:
    """An image between 0 and 1 and its reconstruction, both with a margin of `MARGIN` pixels.

    The margin is a reflection: at the border of the image the network sees no edge, as in the
    tiles that it was trained with.
    """

    model: Model
    wide: np.ndarray
    wide_made: np.ndarray
    limits: tuple[float, float]
    known: np.ndarray
    notes: tuple[str, ...]

    @property
    def grey(self) -> np.ndarray:
        """The image."""
        return self.wide[MARGIN:-MARGIN, MARGIN:-MARGIN]

    @property
    def made(self) -> np.ndarray:
        """Its reconstruction."""
        return self.wide_made[MARGIN:-MARGIN, MARGIN:-MARGIN]

    def blanked(self, values: np.ndarray) -> np.ndarray:
        """Values as float32, NaN where the image is not finite."""
        return np.where(self.known, values, np.nan).astype(np.float32)


def _reconstructed(
    image: Any, spacing: Any, unit: str, model: Path | None, device: Device
) -> Steps[_Reconstructed]:
    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.card import RECONSTRUCTION
    from ...nets.inference import user_message

    if model is None:
        raise ValueError("choose a model of an autoencoder; train_autoencoder makes one")
    grey, notes = to_gray(image)
    plane, there = filled(np.asarray(plane_of(grey, "an autoencoder")))
    yield Progress(0, 0, "model")
    chosen = devices.choose(device)
    loaded = checkpoint.load_model(model, chosen, task=RECONSTRUCTION)
    scaling = loaded.card.normalisation
    given = None if scaling.limits is None else (scaling.limits[0], scaling.limits[1])
    _, limits = stretch(known_values(plane, there), scaling.low, scaling.high, limits=given)
    try:
        wide = np.pad(stretch(plane, limits=limits)[0], MARGIN, mode="symmetric")
        made = yield from _through(loaded, wide)
    except (RuntimeError, MemoryError) as error:
        raise user_message(error, chosen) from error
    known = np.ones(plane.shape, bool) if there is None else there
    notes = (*notes, *scale_note(loaded.card, nanometres(spacing, unit)))
    return _Reconstructed(loaded, wide, made, limits, known, notes)


def _through(model: Model, grey: np.ndarray) -> Steps[np.ndarray]:
    """Reconstruct a plane tile by tile, which gives the result of the whole."""
    import torch
    from torch.nn.functional import pixel_shuffle, pixel_unshuffle

    from ...nets.inference import in_tiles
    from ...nets.models.autoencoder import HALO_CELLS, cell_of

    cell, design = cell_of(model.card.architecture), model.design
    given = torch.from_numpy((_whole_cells(grey, cell) - design.mean) / design.std)[None, None]

    def apply(x: torch.Tensor) -> torch.Tensor:
        # a cell is one place of the tiles, with its pixels as channels
        return pixel_unshuffle(model.net(x), cell)

    made = yield from in_tiles(apply, given, model.device, cell, _TILE, HALO_CELLS * cell)
    pixels = pixel_shuffle(made.float().cpu(), cell)[0, 0].numpy()
    return (pixels[: grey.shape[0], : grey.shape[1]] * design.std + design.mean).astype(np.float32)


def _whole_cells(plane: np.ndarray, cell: int) -> np.ndarray:
    return np.pad(plane, [(0, -n % cell) for n in plane.shape], mode="edge")


def _scores(found: _Reconstructed, score: Score) -> Steps[np.ndarray]:
    """Score at every place; NaN where filled pixels have an influence."""
    known = np.pad(found.known, MARGIN, mode="symmetric")
    planes = [_whole_cells(one, CELL) for one in (found.wide, found.wide_made, known)]
    grey = planes[0]
    bands = cuts(grey.shape[0], _BAND, HALO)
    statistics = []
    for number, (_, read, keep) in enumerate(bands):
        yield Progress(number, len(bands), "residual")
        kept = slice(keep.start // STRIDE, keep.stop // STRIDE)
        band = [one[read] for one in planes]
        if score == "residual":
            statistics.append(squared_residual(*band)[None, kept])
        else:
            statistics.append(residual_statistics(*band)[:, kept])
    of_residual = np.concatenate(statistics, axis=1)
    there = places_scored(found.known, grey.shape)
    if not there.any():
        raise ValueError(
            "missing pixels (NaN or infinite) are near every place of the image, so there is no "
            "score; crop the image, or fill them"
        )
    if score == "residual":
        return np.where(there, of_residual[0], np.nan)
    from ...nets.models.lite0 import lite0

    device = found.model.device
    texture = yield from texture_of(lite0().to(device), grey, device)
    extras = (found.model.extras[name].cpu().numpy() for name in (MEAN, WHITENING))
    features, usual = np.concatenate([of_residual, texture]), Usual(*extras)
    if score == "local":
        yield from without_surroundings(features, there)
        usual = usual.centred
    return distance(features, usual, there)
