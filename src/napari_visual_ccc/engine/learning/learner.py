"""What a learner is, what all learners share, and the calibration of what they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...core.progress import Steps
from ...nets.inference import user_message, with_channels
from ...nets.predict import batched
from ..classification.calibration import fit_temperature, nonconformity_scores, softmax

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from torch import nn

    from ...nets.training.selection import KeptEpoch
    from .prepare import PreparedDataset
    from .split import Partition

    # indices of the images that are trained with, and of those held out
    Folds = list[tuple[np.ndarray, np.ndarray]]


@dataclass
class Fitted:
    """A trained network, and its outputs for every crop of the data set.

    Parameters
    ----------
    net : nn.Module
        Frozen, in evaluation mode.
    logits : (n crops, classes) array
        Outputs; after a cross-validation, those of networks that were trained without the image.
    features : (n crops, d) float32 array
        Input of the last linear layer.
    history : DataFrame
        One row an epoch.
    recipe : dict
        How the network was trained; the model card keeps it.
    extras : dict of tensors
        For `Model.extras`.
    folds : list of (trained with, held out), optional
        Folds of a cross-validation that was stopped, as far as they are finished; the network is
        that of the last one.
    notes : tuple of str
        Whether the training was stopped, and what is kept.
    """

    net: nn.Module
    logits: np.ndarray
    features: np.ndarray
    history: pd.DataFrame
    recipe: dict[str, Any]
    extras: dict[str, torch.Tensor] = field(default_factory=dict)
    folds: Folds | None = None
    notes: tuple[str, ...] = ()


class Learner(Protocol):
    """A way to train a network on a prepared data set."""

    @property
    def needs_validation(self) -> bool:
        """Whether `fit` stops early, on images that are not trained with."""
        ...

    def fit(self, images: np.ndarray, validation: np.ndarray | None = None) -> Steps[Fitted]:
        """Train on the images with these indices."""
        ...

    def cross_validate(self, folds: Folds, images: np.ndarray) -> Steps[Fitted]:
        """Train once for each fold, and once on all images.

        The logits of held-out images are those of the networks trained without them.
        """
        ...

    def checkpoints(self) -> Iterator[tuple[KeptEpoch, Steps[Fitted]]]:
        """Give the epochs that the last `fit` kept, the best first; each is computed when asked."""
        ...


def image_weights(prepared: PreparedDataset, images: np.ndarray, class_weights: bool) -> np.ndarray:
    """Weight of every image: (n,), zero outside `images`, with a mean of 1 inside."""
    weights = np.zeros(len(prepared.targets))
    weights[images] = 1.0
    if class_weights:
        counts = np.bincount(prepared.targets[images], minlength=len(prepared.classes))
        weights[images] /= counts[prepared.targets[images]]
    return weights * len(images) / weights.sum()


def crop_weights(
    prepared: PreparedDataset, images: np.ndarray, class_weights: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the crops of some images, the image of each crop, and its weight.

    The crops of an image share its weight.
    """
    crops = prepared.crops_of(images)
    image_index = prepared.image_index[crops]
    weights = image_weights(prepared, images, class_weights)[image_index]
    return crops, image_index, weights / np.bincount(prepared.image_index)[image_index]


def apply_to_crops(
    function: Callable[[torch.Tensor], torch.Tensor],
    crops: Any,
    device: torch.device,
    note: str,
) -> Steps[np.ndarray]:
    """Apply a network to all crops, in batches.

    Parameters
    ----------
    function : callable
        (B, C, side, side) tensor, 0 to 1 → (B, ...) tensor.
    crops : (n, side, side) or (n, C, side, side) array
        Values 0 to 1; or what gives a slice of them.
    device : torch.device
        Device of the network.
    note : str
        Text of the progress bar.

    Raises
    ------
    RuntimeError
        If memory is full.
    """
    try:
        return (
            yield from batched(
                lambda batch: function(with_channels(batch)),
                lambda start, stop: crops[start:stop].astype(np.float32),
                len(crops),
                device,
                note,
            )
        )
    except (RuntimeError, MemoryError) as error:
        raise user_message(error, device) from error


# calibration --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Calibration:
    """Probabilities of the images, and what the model card keeps of those held out.

    Parameters
    ----------
    temperature : float
        What logits are divided by (Guo et al., ICML 2017); 1 without images to calibrate with.
    probabilities, uncalibrated : (n, classes) arrays
        Of every image, with and without the temperature.
    nonconformity : (m,) array
        Scores of the calibration images, for conformal prediction sets.
    features : (n samples, d) array
        Input of the last layer, for each sample that is classified at once.
    image_index : (n samples,) int array
        Image of each sample.
    """

    temperature: float
    probabilities: np.ndarray
    uncalibrated: np.ndarray
    nonconformity: np.ndarray
    features: np.ndarray
    image_index: np.ndarray

    def samples_of(self, images: np.ndarray) -> np.ndarray:
        """Indices of the samples of some images."""
        return np.flatnonzero(np.isin(self.image_index, images))


def calibrate(prepared: PreparedDataset, fitted: Fitted, parts: Partition) -> Calibration:
    """Fit the temperature on the calibration images.

    A model that classifies window by window is calibrated by crops; one that takes whole images
    by the mean over the crops of an image.
    """
    by_crop = prepared.network_input.view.kind != "whole"
    if by_crop:
        image_index, logits, features = prepared.image_index, fitted.logits, fitted.features
    else:
        image_index = np.arange(len(prepared.targets))
        logits = prepared.mean_by_image(fitted.logits)
        features = prepared.mean_by_image(fitted.features)
    targets = prepared.targets[image_index]
    held_out = np.flatnonzero(np.isin(image_index, parts.calibration))
    temperature = 1.0
    if len(held_out):
        temperature = fit_temperature(logits[held_out], targets[held_out])
    probabilities, uncalibrated = softmax(logits, temperature), softmax(logits)
    scores = nonconformity_scores(probabilities[held_out], targets[held_out])
    if by_crop:
        probabilities = prepared.mean_by_image(probabilities)
        uncalibrated = prepared.mean_by_image(uncalibrated)
    return Calibration(temperature, probabilities, uncalibrated, scores, features, image_index)
