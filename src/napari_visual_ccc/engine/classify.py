"""Name what an image shows, whole or window by window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ..progress import Progress, Steps
from ..results import ImageResult, LabelsResult, PredictionResult
from .calibrate import conformal_set, softmax, temperature
from .images import as_grey, finite, plane_of
from .views import EMPTY, is_crop, nanometres, normalised, scale_note, window_side

if TYPE_CHECKING:
    from ..nets.checkpoint import Model

Device = Literal["auto", "cpu", "cuda", "mps"]
STRIDE, CONFIDENCE = 32, 0.9


def classify(
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    stride: Annotated[int, {"min": 8, "max": 256, "step": 8}] = STRIDE,
    confidence: Annotated[float, {"min": 0.5, "max": 0.99, "step": 0.01}] = CONFIDENCE,
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
        answer. Window by window, each is looked at once, and so is a crop by a model that was
        trained without turned views.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs; auto takes a graphics processor if there is one.

    Returns
    -------
    PredictionResult
        ``probabilities``, calibrated where the card says how; ``likely`` classes; ``unknown`` when
        the image, or more than half of its windows, is unlike all training images; the most
        ``similar`` of these. Window by window:
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

    yield Progress(0, 0, "model")
    loaded = checkpoint.load(model, devices.choose(device))
    card, size = loaded.card, nanometres(spacing, unit)
    notes = (*notes, *scale_note(card, size), f"{card['name']}: {card['use']}")
    looks = yield from see(loaded, plane, size, turns, stride)
    if looks.windows is not None:
        return _by_window(looks, looks.windows, loaded, notes)
    if turns and len(looks.logits) == 1:
        notes = (*notes, "the model was trained without turned views: it was shown none")
    spread = softmax(looks.logits, temperature(card)).std(axis=0) if len(looks.logits) > 1 else None
    return judged(
        looks.probabilities(temperature(card)),
        loaded,
        confidence,
        looks.features,
        spread=spread,
        windows=1,
        notes=notes,
    )


@dataclass(frozen=True, eq=False)
class Looks:
    """What a network says of an image, as one thing or window by window.

    Parameters
    ----------
    logits : (n, classes) array
        Of the turned views of the image, or of its windows.
    features : (m, d) array
        What the last layer sees of the image as it is (one row), or of every window.
    windows : Windows, optional
        None for an image that was looked at as one thing.
    shown : (n,) bool array, optional
        Which windows show more than noise.
    """

    logits: np.ndarray
    features: np.ndarray
    windows: Windows | None = None
    shown: np.ndarray | None = None

    @property
    def telling(self) -> np.ndarray:
        """Numbers of the rows that say something of the specimen; all, if none does."""
        shown = self.shown if self.shown is not None and self.shown.any() else None
        return np.arange(len(self.logits)) if shown is None else np.flatnonzero(shown)

    def probabilities(self, heat: float) -> np.ndarray:
        """(classes,): of the mean logits of turned views, or the mean over the windows."""
        if self.windows is None:
            return softmax(self.logits.mean(axis=0), heat)
        return softmax(self.logits[self.telling], heat).mean(axis=0)

    def strange(self, model: Model) -> np.ndarray | None:
        """Which of the telling windows (or the image) are unlike the training images."""
        from ..nets.familiar import strange

        if self.windows is None:
            return strange(model, self.features)
        if self.shown is None or not self.shown.any():
            return None
        return strange(model, self.features[self.telling])


def see(
    model: Model, plane: np.ndarray, size_nm: float | None, turns: bool, stride: int = STRIDE
) -> Steps[Looks]:
    """Look at an image the way that fits it: as one thing, or window by window.

    Parameters
    ----------
    model : Model
        Loaded.
    plane : (Y, X) array
        Grey, finite.
    size_nm : float or None
        Its pixel size.
    turns : bool
        Look at eight turned views of a crop, if the model was trained with such.
    stride : int
        Pixels from one window to the next.
    """
    from ..nets.predict import predict

    side = window_side(model.card, plane.shape, size_nm)
    if is_crop(model.card, plane.shape, side):
        logits, feature = yield from looked_at(model, plane, size_nm, turns)
        return Looks(logits, feature[None])
    windows = Windows(normalised(plane, model.card), side, stride)
    logits, features = yield from predict(model, windows.read, windows.count, size_nm)
    return Looks(logits, features, windows, windows.spread() >= EMPTY)


def is_turned(card: Mapping[str, Any]) -> bool:
    """Whether a model was trained with turned and mirrored views; foreign ones are taken to be."""
    return bool(card.get("recipe", {}).get("augment", {}).get("flips", True))


def looked_at(
    model: Model, plane: np.ndarray, size_nm: float | None, turns: bool
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Look at an image as one thing.

    Returns
    -------
    logits : (8 or 1, classes) array
        One row a turned or mirrored view (one, where the model was trained without such); the mean
        over the parts of the image, as in training.
    feature : (d,) array
        What the last layer sees of the image as it is.
    """
    import torch

    from ..nets.augment import dihedral
    from ..nets.predict import predict
    from .prepare import resized_views

    parts = resized_views(plane, model.card, size_nm)
    kinds = range(8 if turns and is_turned(model.card) else 1)
    shown = np.concatenate([dihedral(torch.from_numpy(parts), k).numpy() for k in kinds])
    logits, features = yield from predict(model, lambda a, b: shown[a:b], len(shown), size_nm)
    return (
        logits.reshape(len(kinds), len(parts), -1).mean(axis=1),
        features[: len(parts)].mean(axis=0),
    )


def judged(
    probabilities: np.ndarray,
    model: Model,
    confidence: float,
    features: np.ndarray | None,
    *,
    notes: tuple[str, ...] = (),
    **more: Any,
) -> PredictionResult:
    """Put a prediction beside what the model knows of itself and of its training images.

    Parameters
    ----------
    probabilities : (classes,) array
        Calibrated.
    model : Model
        Loaded.
    confidence : float
        Of the set of likely classes.
    features : (n, d) array, optional
        What the last layer sees of the image, or of each window of it.
    notes : tuple of str
        For people.
    **more
        Further fields of the result.
    """
    import torch

    from ..nets.familiar import similar, strange, threshold, unfamiliarity

    card = model.card
    likely: tuple[str, ...] = ()
    # the scores are of images, or of windows one by one: not of a micrograph of many
    single = features is not None and len(features) == 1
    if card.get("conformal") and single:
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
    near, odd, middle = [], None, None
    if features is not None:
        middle = torch.from_numpy(features.mean(axis=0, dtype=np.float32)).to(model.device)
        near, odd = similar(model, middle), strange(model, features)
    limit, distance = threshold(card), None
    share = 0.0 if odd is None else float(odd.mean())
    unknown = share > 0.5
    if odd is not None and middle is not None and single:
        distance = float(unfamiliarity(middle[None], model.extras["reference.features"])[0])
    if unknown and distance is None:
        notes = (f"unknown: {share:.0%} of the image is unlike the training images", *notes)
    elif unknown:
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
    looks: Looks, windows: Windows, model: Model, notes: tuple[str, ...]
) -> PredictionResult:
    import pandas as pd
    import torch

    from ..nets.familiar import similar

    card = model.card
    probabilities = softmax(looks.logits, temperature(card))
    classes = tuple(card["classes"])
    shown = windows.spread() >= EMPTY if looks.shown is None else looks.shown
    if not shown.any():
        notes = (*notes, "no window shows more than noise: the probabilities mean nothing")
    looked_at = probabilities[looks.telling]
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
    odd, unknown = looks.strange(model), False
    if odd is not None:
        facts["unknown_windows"] = int(odd.sum())
        unknown = facts["unknown"] = bool(odd.mean() > 0.5)
    if odd is not None and unknown:
        notes = (f"unknown: {odd.mean():.0%} of the windows are unlike the training images", *notes)
    middle = looks.features[looks.telling].mean(axis=0, dtype=np.float32)
    return PredictionResult(
        classes,
        looks.probabilities(temperature(card)),
        windows=windows_shown,
        shares=shares,
        maps=maps,
        unknown=unknown,
        similar=tuple(similar(model, torch.from_numpy(middle).to(model.device))),
        model=card,
        facts=facts,
        notes=notes,
    )


def card_facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a result keeps of the model's card."""
    return {"model": card["name"], "model_hash": card["hash"], "device": card["device"]}
