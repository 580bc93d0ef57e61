"""Classification of an image as a whole or window by window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from ...core.layers import ImageLayer, LabelsLayer, Placement
from ...core.layers.palette import UNKNOWN
from ...core.pixel_size import nanometres
from ...core.progress import Progress, Steps
from ...core.result import Prediction
from .assess import assess, decided
from .calibration import softmax
from .crops import EMPTY, is_crop, network_plane, scale_note, window_side
from .decision import Decision, decide, thresholds_of
from .windows import COVERAGE, STRIDE, Device, NetworkOutput, Windows, model_facts, run_network

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# windows up to which a prediction is stated beside other results
MOST_WINDOWS = 1024


def classify(  # noqa: PLR0913
    image: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    stride: Annotated[int, {"min": 8, "max": 256, "step": 8, "unit": "px", "more": True}] = STRIDE,
    coverage: Annotated[
        float,
        {
            "min": 0.5,
            "max": 0.99,
            "step": 0.01,
            "more": True,
        },
    ] = COVERAGE,
    decision: Decision = "highest probability",
    thresholds: Annotated[str, {"applies": {"decision": ("operating point",)}}] = "",
    tta: Annotated[bool, {"label": "Average 8 rotations", "more": True}] = True,
    mark_unknown: Annotated[bool, {"label": "Mark unknown windows", "more": True}] = True,
    device: Device = "auto",
) -> Steps[Prediction]:
    """Classify an image, with calibrated probabilities.

    A crop of about the size of the training crops is classified as a whole, and so is any image by
    a model of whole images. Other images are classified window by window at the scale of the
    training images. The shipped model distinguishes three shapes of copper nanoparticles in TEM
    (cube, octahedron, sphere).

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype; (C, Y, X) for a model of several channels. A stack
        is processed slice by slice (in the viewer: the current slice). Pixels that are NaN or
        infinite are filled from their surroundings; a note tells how many there are.
    spacing : (y, x), optional
        Pixel size, for models that are trained at a fixed scale.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    stride : int
        Pixels between neighbouring windows.
    coverage : float
        Probability with which the prediction set contains the true class (conformal prediction).
    decision : {'highest probability', 'operating point'}
        The class is the most probable one; or, at the operating point, the one whose probability
        exceeds its threshold most, and none where no class reaches its threshold. With two classes
        this is one threshold on the second class.
    thresholds : str
        Thresholds for the operating point, such as ``cube=0.4, sphere=0.7``; those of the model
        by default (Youden's J on its validation images).
    tta : bool
        Test-time augmentation: mean and spread over the eight rotated and mirrored views of a
        crop. Not used for windows, or for a model that was trained without such views.
    mark_unknown : bool
        Window by window: give the windows that are out of distribution a label of their own in the
        map of classes, named ``unknown``, after those of the classes; otherwise the map shows the
        class of every window.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Prediction
        ``probabilities``, calibrated if the model card has a temperature; ``prediction_set``;
        ``unknown`` if the image, or more than half of its windows, is out of distribution; the
        most ``similar`` training images; at the operating point, the class that is ``decided``.
        Window by window: ``shares`` of the windows that are not empty, a map of their classes (0 =
        empty, more than half missing, or no class reaches its threshold; the number of classes plus
        one = unknown, which the table of the layer counts apart) and of the probabilities of those
        classes, with one cell every `stride` pixels; ``shares`` count the class of unknown windows
        as well. Thresholds apply to every window, and to
        the mean over the windows.

    Raises
    ------
    ValueError
        If the image is not a plane or has no finite pixel, the file is not a model, a class has no
        threshold, or the device is not there.
    RuntimeError
        If memory is full.
    """
    if not 8 <= stride <= 256:
        raise ValueError(f"stride is {stride}; choose 8 to 256")
    if not 0.5 <= coverage < 1:
        raise ValueError(f"coverage is {coverage}; choose 0.5 to 0.99")
    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.card import read_card

    plane, notes = network_plane(image, read_card(model), "classify")
    yield Progress(0, 0, "model")
    loaded = checkpoint.load_model(model, devices.choose(device), shared=True)
    card, size = loaded.card, nanometres(spacing, unit)
    limits = thresholds_of(card, decision, thresholds)
    notes = (*notes, *scale_note(card, size), f"{card.name}: {card.use}")
    output = yield from run_network(loaded, plane, size, tta, stride)
    return predicted(
        loaded, output, notes, tta=tta, coverage=coverage, thresholds=limits,
        mark_unknown=mark_unknown,
    )  # fmt: skip


def predict_plane(
    loaded: Model,
    plane: np.ndarray,
    size: float | None,
    notes: tuple[str, ...],
    *,
    tta: bool = True,
    stride: int = STRIDE,
    coverage: float = COVERAGE,
    thresholds: np.ndarray | None = None,
) -> Steps[Prediction]:
    """Classify a plane as `classify` does.

    Parameters
    ----------
    loaded : Model
        From `checkpoint.load_model`.
    plane : (Y, X) or (C, Y, X) array
        From `crops.network_plane`.
    size : float or None
        Pixel size in nm.
    notes : tuple of str
        Remarks on the image.
    tta, stride, coverage
        As in `classify`.
    thresholds : (classes,) array, optional
        From `decision.thresholds_of`.
    """
    output = yield from run_network(loaded, plane, size, tta, stride)
    return predicted(loaded, output, notes, tta=tta, coverage=coverage, thresholds=thresholds)


def prediction_beside(
    loaded: Model,
    plane: np.ndarray,
    size: float | None,
    notes: tuple[str, ...] = (),
    *,
    most: int = MOST_WINDOWS,
) -> Steps[Prediction | None]:
    """Classify a plane as `classify` does by default, to state it beside another result.

    Parameters
    ----------
    loaded, plane, size, notes
        As of `predict_plane`.
    most : int
        Largest number of windows; of an image of more, None is returned.
    """
    shape = plane.shape[-2:]
    if not is_crop(loaded.card, shape, window_side(loaded.card, shape, size)):
        windows = int(np.prod([max(1, round(n / STRIDE)) for n in shape]))
        if windows > most:
            return None
    prediction = yield from predict_plane(loaded, plane, size, notes)
    return replace(prediction, layers=(), shares=None)


def predicted(
    loaded: Model,
    output: NetworkOutput,
    notes: tuple[str, ...],
    *,
    tta: bool = True,
    coverage: float = COVERAGE,
    thresholds: np.ndarray | None = None,
    mark_unknown: bool = True,
) -> Prediction:
    """Make a prediction of the output of a network, as `predict_plane` does."""
    card = loaded.card
    if output.windows is not None:
        return _by_window(output, output.windows, loaded, thresholds, notes, mark_unknown)
    if tta and len(output.logits) == 1:
        notes = (*notes, "no test-time augmentation: the model was trained without rotated views")
    spread = (
        softmax(output.logits, card.temperature).std(axis=0) if len(output.logits) > 1 else None
    )
    return assess(
        output.probabilities(card.temperature),
        loaded,
        coverage,
        output.features,
        thresholds=thresholds,
        spread=spread,
        windows=1,
        notes=notes,
    )


def _by_window(
    output: NetworkOutput,
    windows: Windows,
    model: Model,
    thresholds: np.ndarray | None,
    notes: tuple[str, ...],
    mark_unknown: bool,
) -> Prediction:
    """Sum up the windows of a micrograph; thresholds apply to each, and to their mean."""
    import torch

    from ...nets.neighbours import nearest

    card, classes = model.card, tuple(model.card.classes)
    probabilities = softmax(output.logits, card.temperature)
    content = windows.spread() >= EMPTY if output.content is None else output.content
    if not content.any():
        only = "all windows contain only noise or missing pixels"
        notes = (*notes, f"{only}: the probabilities are meaningless")
    found = probabilities.argmax(axis=1)
    if thresholds is not None:
        found = decide(probabilities, thresholds)
    winners = found[output.informative]
    shares = np.bincount(winners[winners >= 0], minlength=len(classes)) / len(winners)
    count = int(content.sum())
    facts = {**model_facts(model), "windows": count, "empty_windows": windows.count - count}
    outside, unknown = output.is_out_of_distribution(model), False
    if outside is not None:
        share = outside.mean()
        unknown = bool(share > 0.5)
        facts |= {"unknown_windows": int(outside.sum()), "unknown": unknown}
        if unknown:
            notes = (f"unknown: {share:.0%} of the windows are unlike the training images", *notes)
    mean = output.features[output.informative].mean(axis=0, dtype=np.float32)
    mean_probabilities = output.probabilities(card.temperature)
    by_thresholds = decided(mean_probabilities, thresholds, classes)
    return Prediction(
        classes=classes,
        probabilities=mean_probabilities,
        windows=count,
        shares=shares,
        layers=_layers(
            probabilities,
            np.where(content, found, -1),
            output.informative,
            outside if mark_unknown else None,
            windows,
            classes,
        ),
        unknown=unknown,
        similar=tuple(nearest(model, torch.from_numpy(mean).to(model.device))),
        model=model.identity,
        facts=facts | by_thresholds,
        notes=notes,
        **by_thresholds,
    )


def _layers(
    probabilities: np.ndarray,
    found: np.ndarray,
    informative: np.ndarray,
    outside: np.ndarray | None,
    windows: Windows,
    classes: tuple[str, ...],
) -> tuple[LabelsLayer, ImageLayer]:
    """Class of every window (0: empty, or none above its threshold) and its probability.

    Of the informative windows, those outside of the distribution are the last label.
    """
    import pandas as pd

    winners = (found + 1).astype(np.uint8)
    names = list(classes)
    if outside is not None and outside.any():
        names.append(UNKNOWN if UNKNOWN not in classes else f"{UNKNOWN} (out of distribution)")
        unlike = informative[outside]
        # where no class reaches its threshold, none is claimed: neither is that it is unknown
        winners[unlike[found[unlike] >= 0]] = len(names)
    counts = np.bincount(winners[informative], minlength=len(names) + 1)[1:]
    table = pd.DataFrame(
        {
            "label": range(1, len(names) + 1),
            "name": names,
            "share_of_windows": counts / len(informative),
        }
    )
    own = probabilities[np.arange(len(found)), np.maximum(found, 0)]
    best = np.where(found >= 0, own, np.nan).astype(np.float32)
    place = Placement(windows.stride)
    return (
        LabelsLayer(winners.reshape(windows.shape), table=table, name="classes", placement=place),
        ImageLayer(
            best.reshape(windows.shape),
            style="heat",
            limits=(1 / len(classes), 1.0),
            name="probability",
            quantity="probability",
            placement=place,
        ),
    )
