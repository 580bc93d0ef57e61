"""Name what an image shows, whole or window by window."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ..progress import Progress, Steps
from ..results import ImageResult, LabelsResult, PredictionResult
from .calibrate import conformal_set, softmax
from .images import as_grey, finite, plane_of
from .views import EMPTY, is_crop, nanometres, normalised, scale_note, window_side

if TYPE_CHECKING:
    import torch

    from ..nets.checkpoint import Model

Device = Literal["auto", "cpu", "cuda", "mps"]


def classify(
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    stride: Annotated[int, {"min": 8, "max": 256, "step": 8}] = 32,
    confidence: Annotated[float, {"min": 0.5, "max": 0.99, "step": 0.01}] = 0.9,
    turns: bool = True,
    device: Device = "auto",
) -> Steps[PredictionResult]:
    """Say which of a model's classes an image shows, and how sure that is.

    A crop of about the size that the model was trained on is classified whole, and so is any image
    by a model of whole images; otherwise the image is classified window by window at the scale of
    the training images. The model that comes with the package knows three shapes of copper
    nanoparticles in TEM (cube, octahedron, sphere), nothing else; it needs no network access.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour, any real dtype. A stack goes slice by slice (in the viewer, the slice
        being looked at).
    spacing : (y, x), optional
        Size of a pixel, for models that were trained at a scale.
    unit : str
        Of `spacing`.
    model : Path
        A model file (.safetensors); without it the shipped one.
    stride : int
        Pixels from one window to the next.
    confidence : float
        How often the set of likely classes is to hold the true one (conformal prediction).
    turns : bool
        Look at all eight turned and mirrored views of a crop: mean and spread instead of one
        answer. Window by window, each is looked at once.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs; auto takes a graphics processor if there is one.

    Returns
    -------
    PredictionResult
        ``probabilities``, calibrated where the card says how; ``likely`` classes; ``unknown`` when
        the image is unlike all training images; the most ``similar`` of these. Window by window:
        ``shares`` of the windows that show something, the map of their classes (0 = shows
        nothing) and of their probabilities, one cell every `stride` pixels.

    Raises
    ------
    ValueError
        If the image is not a plane or has no finite pixel, the file is not a model, or the device
        is not there.
    RuntimeError
        If memory is full.
    """
    if not 8 <= stride <= 256:
        raise ValueError(f"stride is {stride}; choose 8 to 256")
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence is {confidence}; choose 0.5 to 0.99")
    grey, notes = as_grey(image)
    plane, _ = finite(np.asarray(plane_of(grey, "classify")))
    from ..nets import checkpoint
    from ..nets import device as devices
    from ..nets.predict import predict

    yield Progress(0, 0, "model")
    loaded = checkpoint.load(model, devices.choose(device))
    card, size = loaded.card, nanometres(spacing, unit)
    notes = (*notes, *scale_note(card, size), f"{card['name']}: {card['use']}")
    side = window_side(card, plane.shape, size)
    if is_crop(card, plane.shape, side):
        return (yield from _as_one(loaded, plane, size, confidence, turns, notes))
    windows = Windows(normalised(plane, card), side, stride)
    found = yield from predict(loaded, windows.read, windows.count, size)
    return _by_window(windows, *found, loaded, notes)


def _as_one(
    model: Model,
    plane: np.ndarray,
    size: float | None,
    confidence: float,
    turns: bool,
    notes: tuple[str, ...],
) -> Steps[PredictionResult]:
    import torch

    card = model.card
    logits, feature = yield from looked_at(model, plane, size, turns)
    return judged(
        softmax(logits.mean(axis=0), temperature(card)),
        model,
        confidence,
        torch.from_numpy(feature).to(model.device),
        spread=softmax(logits, temperature(card)).std(axis=0) if turns else None,
        windows=1,
        notes=notes,
    )


def looked_at(
    model: Model, plane: np.ndarray, size_nm: float | None, turns: bool
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Look at an image as one thing.

    Returns
    -------
    logits : (8 or 1, classes) array
        One row a turned or mirrored view; the mean over the parts of the image, as in training.
    feature : (d,) array
        What the last layer sees of the image as it is.
    """
    import torch

    from ..nets.augment import dihedral
    from ..nets.predict import predict
    from .prepare import resized_views

    parts = resized_views(plane, model.card, size_nm)
    kinds = range(8 if turns else 1)
    shown = np.concatenate([dihedral(torch.from_numpy(parts), k).numpy() for k in kinds])
    logits, features = yield from predict(model, lambda a, b: shown[a:b], len(shown), size_nm)
    return (
        logits.reshape(len(kinds), len(parts), -1).mean(axis=1),
        features[: len(parts)].mean(axis=0),
    )


def temperature(card: Mapping[str, Any]) -> float:
    """What the logits of a model are divided by."""
    return float(card.get("temperature", 1.0))


def judged(
    probabilities: np.ndarray,
    model: Model,
    confidence: float,
    feature: torch.Tensor,
    *,
    notes: tuple[str, ...] = (),
    **more: Any,
) -> PredictionResult:
    """Put a prediction beside what the model knows of itself and of its training images."""
    from ..nets.familiar import similar, threshold, unfamiliarity

    card = model.card
    likely: tuple[str, ...] = ()
    if card.get("conformal"):
        inside, enough = conformal_set(probabilities, card["conformal"], confidence)
        likely = tuple(name for name, one in zip(card["classes"], inside, strict=True) if one)
        if not enough:
            notes = (
                *notes,
                f"{len(card['conformal'])} validation images are too few to be {confidence:.0%} "
                "sure of anything: no class can be ruled out",
            )
    if "temperature" not in card:
        notes = (*notes, "the probabilities of this model are not calibrated")
    near = similar(model, feature)
    limit, distance, unknown = threshold(card), None, False
    if near and limit is not None:
        distance = float(unfamiliarity(feature[None], model.extras["reference.features"])[0])
        unknown = distance > limit
    if unknown:
        notes = (
            f"unknown: unlike the training images (distance {distance:.2f}; of the validation "
            f"images {card['familiar']['share']:.0%} are within {limit:.2f})",
            *notes,
        )
    facts: dict[str, Any] = card_facts(card)
    if distance is not None:
        facts |= {"distance": round(distance, 4), "familiar_within": limit, "unknown": unknown}
    if likely:
        facts |= {"likely": list(likely), "confidence": confidence}
    return PredictionResult(
        tuple(card["classes"]),
        probabilities,
        likely=likely,
        unknown=unknown,
        similar=tuple(near),
        model=card,
        facts=facts,
        notes=notes,
        **more,
    )


class Windows:
    """Windows around the centres of cells that tile an image, its border mirrored.

    Parameters
    ----------
    image : (Y, X) array
        The image.
    side : int
        Of a window, in pixels.
    stride : int
        Of a cell.
    """

    def __init__(self, image: np.ndarray, side: int, stride: int) -> None:
        # a cell that would lie mostly beyond the border is left out
        self.shape = tuple(max(1, (2 * n + stride) // (2 * stride)) for n in image.shape)
        before = (side - stride) // 2
        widths = [
            (max(before, 0), max(cells * stride + side - stride - before - n, 0))
            for cells, n in zip(self.shape, image.shape, strict=True)
        ]
        padded = np.pad(image, widths, mode="symmetric")
        padded = padded[max(-before, 0) :, max(-before, 0) :]
        views = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
        self._views = views[::stride, ::stride][: self.shape[0], : self.shape[1]]
        self.stride = stride

    @property
    def count(self) -> int:
        """How many windows there are."""
        return self.shape[0] * self.shape[1]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Give windows by number, row by row."""
        rows, columns = np.divmod(np.arange(start, stop), self.shape[1])
        return self._views[rows, columns]

    def spread(self) -> np.ndarray:
        """Standard deviation of grey in every window."""
        rows = [self._views[row].std(axis=(1, 2)) for row in range(self.shape[0])]
        return np.concatenate(rows)


def _by_window(
    windows: Windows,
    logits: np.ndarray,
    features: np.ndarray,
    model: Model,
    notes: tuple[str, ...],
) -> PredictionResult:
    import pandas as pd

    card = model.card
    probabilities = softmax(logits, temperature(card))
    classes = tuple(card["classes"])
    shown = windows.spread() >= EMPTY
    if shown.any():
        looked_at = probabilities[shown]
    else:
        looked_at = probabilities
        notes = (*notes, "no window shows more than noise: the probabilities mean nothing")
    winners = np.where(shown, probabilities.argmax(axis=1) + 1, 0).astype(np.uint8)
    shares = np.bincount(looked_at.argmax(axis=1), minlength=len(classes)) / len(looked_at)
    table = pd.DataFrame(
        {"label": range(1, len(classes) + 1), "name": classes, "share_of_windows": shares}
    )
    best = np.where(shown, probabilities.max(axis=1), np.nan).astype(np.float32)
    maps = (
        LabelsResult(
            winners.reshape(windows.shape), table=table, name="classes", stride=windows.stride
        ),
        ImageResult(
            best.reshape(windows.shape),
            look="heat",
            limits=(1 / len(classes), 1.0),
            name="probability",
            stride=windows.stride,
        ),
    )
    windows_shown = int(shown.sum())
    facts = card_facts(card) | {
        "windows": windows_shown,
        "empty_windows": windows.count - windows_shown,
    }
    strange = _strange(features[shown], model) if windows_shown else None
    if strange is not None:
        facts["unknown_windows"] = int(strange.sum())
        if strange.mean() > 0.5:
            notes = (
                f"{strange.mean():.0%} of the windows are unlike the training images: unknown",
                *notes,
            )
    return PredictionResult(
        classes,
        looked_at.mean(axis=0),
        windows=windows_shown,
        shares=shares,
        maps=maps,
        model=card,
        facts=facts,
        notes=notes,
    )


def _strange(features: np.ndarray, model: Model) -> np.ndarray | None:
    """Which windows are farther from the training images than validation images are."""
    import torch

    from ..nets.familiar import threshold, unfamiliarity

    limit, kept = threshold(model.card), model.extras.get("reference.features")
    if limit is None or kept is None:
        return None
    found = [
        unfamiliarity(torch.from_numpy(features[start : start + 512]).to(kept.device), kept)
        for start in range(0, len(features), 512)
    ]
    return (torch.cat(found) > limit).cpu().numpy()


def card_facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a result keeps of the model's card."""
    return {"model": card["name"], "model_hash": card["hash"], "device": card["device"]}
