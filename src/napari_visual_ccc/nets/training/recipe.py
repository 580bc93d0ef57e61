"""The choices of a training; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..models.timm_models import Weights

Schedule = Literal["cosine", "plateau"]


@dataclass(frozen=True)
class Augmentation:
    """Random variations of training images.

    Parameters
    ----------
    flips : bool
        Mirror images and rotate them by right angles.
    brightness : float
        Largest change of brightness, contrast and gamma, each as a fraction.
    noise : float
        Largest standard deviation of the noise as a fraction of the grey range: half of its
        variance is Gaussian, half grows with the grey level (Poisson).
    scale : float
        Largest change of scale, as a fraction; it hides differences in size.
    crop : float
        Smallest part of the area that a random crop keeps (Szegedy et al., CVPR 2015); 1 keeps
        all. The crop is up to a third wider or higher than square and resized to the input.
    rotation : float
        Largest rotation in degrees.
    shift : float
        Largest shift along each axis, as a fraction of the side.
    shear : float
        Largest shear, as the tangent of its angle.
    """

    flips: bool = True
    brightness: float = 0.15
    noise: float = 0.03
    scale: float = 0.0
    crop: float = 1.0
    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether images are scaled, cropped, rotated, shifted or sheared."""
        return self.crop < 1 or max(self.scale, self.rotation, self.shift, self.shear) > 0


@dataclass(frozen=True)
class FitOptions:
    """How a network is optimised; the model card keeps these values.

    Parameters
    ----------
    epochs : int
        Largest number of epochs.
    batch_size : int
        Samples per batch.
    learning_rate : float
        Learning rate of new layers; pretrained layers use a tenth of it.
    schedule : {'cosine', 'plateau'}
        ``cosine`` warms up, then decays to zero along a cosine. ``plateau`` halves the learning
        rate when the monitored value has not improved for `patience` / 3 epochs.
    patience : int
        Epochs without improvement after which training stops.
    accumulate_grad_batches : int
        Batches whose gradients are accumulated before a step.
    weight_decay : float
        Weight decay of AdamW (Loshchilov & Hutter, ICLR 2019).
    augment : Augmentation
        Random variations of the samples.
    seed : int
        Seed of the order of samples and of their variations.
    """

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    schedule: Schedule = "cosine"
    patience: int = 8
    accumulate_grad_batches: int = 1
    weight_decay: float = 1e-4
    augment: Augmentation = field(default_factory=Augmentation)
    seed: int = 0


@dataclass(frozen=True)
class Stages:
    """Which parameters are trained, by the prefixes of their names.

    Parameters
    ----------
    warm_up : tuple of str
        New parameters, trained alone in the first epochs; empty without a warm-up.
    tuned : tuple of str
        Parameters trained afterwards; those outside `warm_up` use a tenth of the learning rate.
    """

    warm_up: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class TrainingRecipe:
    """The choices of `engine.learning.train.train`, which documents each of them.

    Raises
    ------
    ValueError
        If choices contradict each other.
    """

    model: str
    other: str
    weights: Weights
    window: float
    window_unit: str
    input_px: int
    use_pixel_size: bool
    info_bar: str
    split: str
    validation: float
    test: float
    class_weights: bool
    flips: bool
    brightness: float
    noise: float
    scale: float
    crop: float
    rotation: float
    shift: float
    shear: float
    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Schedule
    patience: int
    accumulate_grad_batches: int
    checkpoints: int
    seed: int
    device: str
    state: Path | None
    finish: bool
    log: Path | None
    licence: str

    def __post_init__(self) -> None:
        if self.model == "other" and not self.other:
            raise ValueError(
                "name the other model: timm:NAME, hf-hub:OWNER/NAME or local-dir:FOLDER"
            )
        if self.other and self.model != "other":
            raise ValueError(f"choose the model 'other' to train {self.other!r}")
        if self.window_unit == "px" and 0 < self.window < 8:
            raise ValueError(f"window is {self.window:g} px; choose 8 or more, or 0")
        if self.window_unit == "nm" and self.window <= 0:
            raise ValueError("a window in nm needs its size")
        if 0 < self.input_px < 32:
            raise ValueError(f"input_px is {self.input_px}; choose 32 or more, or 0")
        self._check_shares()

    def _check_shares(self) -> None:
        if not (0 <= self.validation <= 0.5 and 0 <= self.test <= 0.5):
            raise ValueError("validation and test must be between 0 and 0.5")
        if self.split in ("auto", "holdout") and self.validation + self.test <= 0:
            raise ValueError("no image is held out: raise the share of validation or test")

    @property
    def network(self) -> str:
        """Name of the architecture, or of the pretrained model."""
        return self.other if self.model == "other" else self.model

    @property
    def keep_info_bar(self) -> bool:
        """Whether the network is trained on the info bar as well."""
        return self.info_bar == "keep"

    @property
    def augmentation(self) -> Augmentation:
        """Random variations of the crops."""
        return Augmentation(
            self.flips, self.brightness, self.noise, self.scale, self.crop, self.rotation,
            self.shift, self.shear,
        )  # fmt: skip

    def fit_options(self, default_rate: float) -> FitOptions:
        """Options of the optimisation.

        Parameters
        ----------
        default_rate : float
            Learning rate of the architecture, used where none is chosen.
        """
        return FitOptions(
            self.epochs,
            self.batch_size,
            self.learning_rate or default_rate,
            self.schedule,
            self.patience,
            self.accumulate_grad_batches,
            augment=self.augmentation,
            seed=self.seed,
        )


@dataclass(frozen=True)
class AutoencoderRecipe:
    """The choices of `engine.autoencoder.train_autoencoder`, which documents each of them.

    Raises
    ------
    ValueError
        If choices contradict each other.
    """

    latent: int
    depth: int
    variational: bool
    divergence: float
    similarity: float
    tile: int
    tiles: int
    info_bar: str
    validation: float
    flips: bool
    brightness: float
    noise: float
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    seed: int
    device: str
    state: Path | None
    finish: bool
    licence: str

    def __post_init__(self) -> None:
        # the anomaly scores have cells of 16 pixels
        cell = max(16, 2**self.depth)
        if self.tile % cell:
            raise ValueError(f"tile is {self.tile} px; choose a multiple of {cell}")
        if self.tile < 4 * 2**self.depth:
            raise ValueError(
                f"tile is {self.tile} px, which a depth of {self.depth} reduces to less than 4 x 4 "
                f"cells; choose {4 * 2**self.depth} or more"
            )
        if not 0 <= self.validation <= 0.5:
            raise ValueError("validation must be between 0 and 0.5")

    @property
    def keep_info_bar(self) -> bool:
        """Whether the network is trained on the info bar as well."""
        return self.info_bar == "keep"

    def fit_options(self, default_rate: float) -> FitOptions:
        """Options of the optimisation; `default_rate` is used where no rate is chosen."""
        return FitOptions(
            self.epochs, self.batch_size, self.learning_rate or default_rate,
            patience=self.patience, seed=self.seed,
            augment=Augmentation(self.flips, self.brightness, self.noise),
        )  # fmt: skip
