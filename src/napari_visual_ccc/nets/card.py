"""The model card: what a model file states of its network, readable without torch."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from .training.selection import AnomalyScale, CardPart, KeptEpoch, KnnThreshold, OperatingPoint

FORMAT = "napari-visual-ccc model 1"

DEFAULT = Path(__file__).parents[1] / "samples" / "models" / "nanoshapes.safetensors"

# bytes; names of 400,000 images of a training fit
_LONGEST_HEADER = 1 << 25

_CLASSES = "its card does not name two or more classes, each once"

CLASSIFICATION, RECONSTRUCTION = "classification", "reconstruction"

_LIMITS = "its card gives impossible limits of grey"


class View(CardPart):
    """Which part of an image the network takes in at once.

    Parameters
    ----------
    kind : {'window', 'whole', 'physical'}
        A window of so many pixels, the whole image, or a window of a physical size.
    fraction : float
        Of the short side of a whole image.
    window_nm : float
        Side of a physical window, in nm.
    """

    kind: Literal["window", "whole", "physical"] = "window"
    fraction: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    window_nm: Annotated[float, Field(ge=1e-6, le=1e12)] | None = None

    @model_validator(mode="after")
    def _physical_has_a_size(self) -> View:
        if self.kind == "physical" and self.window_nm is None:
            raise ValueError("its card has no usable 'view'")
        return self


class Normalisation(CardPart):
    """How grey levels become the network's input.

    Parameters
    ----------
    kind : {'percentile', 'range'}
        Stretch from percentile to percentile, or over the range of the data type.
    low, high : float
        Percentiles that become 0 and 1.
    scope : str
        What percentiles are taken of.
    mean, std : float
        Of grey (0 to 1), as the network expects it.
    limits : list of two floats, optional
        Grey levels that become 0 and 1, instead of percentiles.
    """

    kind: Literal["percentile", "range"] = "percentile"
    low: float = 0.5
    high: float = 99.5
    scope: Any = "image"
    mean: Annotated[float, Field(ge=-100, le=100)] = 0.5
    std: Annotated[float, Field(ge=1e-6, le=100)] = 0.5
    limits: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _limits_ascend(self) -> Normalisation:
        low, high = self.limits or (0.0, 1.0)
        if not (0 <= self.low < self.high <= 100 and -1e300 <= low < high <= 1e300):
            raise ValueError(_LIMITS)
        return self


class PixelSizeInput(CardPart):
    """Of a network that takes the pixel size as an input: mean of its logarithm (base 10, nm)."""

    log10_mean: Annotated[float, Field(ge=-20, le=20)]


def _none_if_empty(value: Any) -> Any:
    return None if value == {} else value


class NetworkInput(CardPart):
    """What of an image a network is given, and how.

    Parameters
    ----------
    input_px : int
        Side of the network's input.
    window_px : int
        Pixels of the image that fill it.
    view : View
        Which part of the image that is.
    normalisation : Normalisation
        Of its grey levels.
    pixel_size_nm : list of two floats, optional
        Smallest and largest pixel size of the training images.
    pixel_size_input : PixelSizeInput, optional
        Where the network takes the pixel size as well.
    channels : list of str
        Names of the channels, in the order of the input; empty for grey images. Each channel is
        normalised by itself.
    channel_statistics : dict
        Of the training images, by channel: median of the grey levels that become 0 and 1 (``low``,
        ``high``), and ``mean`` and ``std`` of what is between them.
    info_bar : {'leave out', 'keep'}
        Whether the network is shown the info bar of an image; cards that do not say it are of
        networks that are not.
    """

    input_px: Annotated[int, Field(ge=8, le=4096)]
    window_px: Annotated[int, Field(ge=8, le=65_536)]
    view: View = View()
    normalisation: Normalisation
    pixel_size_nm: (
        Annotated[
            list[Annotated[float, Field(ge=1e-9, le=1e12)]], Field(min_length=2, max_length=2)
        ]
        | None
    ) = None
    pixel_size_input: Annotated[PixelSizeInput | None, BeforeValidator(_none_if_empty)] = None
    channels: Annotated[list[str], Field(max_length=64)] = Field(default=[])
    channel_statistics: dict[str, dict[str, float]] = Field(default={})
    info_bar: Literal["leave out", "keep"] = "leave out"

    @property
    def depth(self) -> int:
        """Number of channels of the network's input."""
        return max(1, len(self.channels))

    @property
    def keeps_info_bar(self) -> bool:
        """Whether the network is shown the info bar of an image."""
        return self.info_bar == "keep"


class ModelCard(NetworkInput):
    """What a model file states of its network.

    Parameters
    ----------
    name, architecture : str
        Of the model; of its network in `nets.models.registry`.
    task : {'classification', 'reconstruction'}
        What the network gives for an image: its class, or (an autoencoder) the image again.
    classes : list of str
        In the order of the outputs; empty for an autoencoder.
    use : str
        What the model is good for.
    temperature : float
        Divisor of the logits; probabilities are calibrated where it is given.
    conformal : list of float
        Nonconformity scores of the validation images.
    ood : KnnThreshold, optional
        When an image is out of distribution; ``familiar`` in the file.
    references : list of str
        Names of the training images whose features the file holds.
    layers : list of str
        That can be explained.
    trained : list of str
        Prefixes of the names of the parameters that were trained; the others are as they were.
    operating_point : OperatingPoint, optional
        Thresholds on the probabilities.
    checkpoint : KeptEpoch, optional
        The epoch, of a model that is a checkpoint of a training.
    anomaly : AnomalyScale, optional
        Of an autoencoder: which residuals are usual.
    recipe, training_data, metrics : dict
        How it was trained, with what, and how good it is.
    backbone, licence, version
        Origin of the weights it started from; what others may do with it; of this package.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    architecture: str
    task: Literal["classification", "reconstruction"] = "classification"
    classes: list[str]
    use: str
    recipe: dict[str, Any] | None = None
    temperature: Annotated[float, Field(ge=0.01, le=100)] = 1.0
    conformal: list[Annotated[float, Field(ge=0, le=1.001)]] = Field(default_factory=list)
    ood: Annotated[KnnThreshold | None, BeforeValidator(_none_if_empty)] = Field(
        None, alias="familiar"
    )
    references: list[str] = Field(default_factory=list)
    layers: list[str] = Field(default_factory=list)
    trained: list[str] | None = None
    operating_point: OperatingPoint | None = None
    checkpoint: KeptEpoch | None = None
    anomaly: AnomalyScale | None = None
    training_data: Any = None
    metrics: dict[str, Any] | None = None
    backbone: Any = None
    licence: str | None = None
    version: str | None = None

    @model_validator(mode="after")
    def _classes_fit(self) -> ModelCard:
        classes, least = self.classes, 2 if self.task == CLASSIFICATION else 0
        if len(classes) < least or not all(classes) or len(set(classes)) < len(classes):
            raise ValueError(_CLASSES)
        point = self.operating_point
        if point is not None and not set(point.thresholds) <= set(self.classes):
            raise ValueError("its card gives thresholds of other classes")
        return self

    @property
    def is_calibrated(self) -> bool:
        """Whether the card gives a temperature."""
        return "temperature" in self.model_fields_set

    @property
    def augmented_by_flips(self) -> bool:
        """Whether it was trained with turned and mirrored views; others are taken to be."""
        augment = (self.recipe or {}).get("augment") or {}
        return bool(augment.get("flips", True))


# files -------------------------------------------------------------------------------------------


def read_card(path: Path | None = None) -> ModelCard:
    """Read the card of a model file.

    Parameters
    ----------
    path : Path, optional
        A .safetensors file; the shipped model without it.

    Returns
    -------
    ModelCard

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a model file of this package; the message names it and what is wrong.
    """
    path = DEFAULT if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such model file")
    header = _header(path)
    try:
        text = json.loads(header.get("__metadata__", {})["card"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise refused(path, "it has no card") from None
    if not isinstance(text, dict) or text.pop("format", None) != FORMAT:
        raise refused(path, f"its card does not say {FORMAT!r}")
    card = make_card(text, path)
    shapes = [value.get("shape") for value in header.values() if isinstance(value, dict)]
    if card.task == CLASSIFICATION and not any(
        isinstance(s, list) and s[:1] == [len(card.classes)] for s in shapes
    ):
        raise unfitting(card, path)
    return card


def make_card(values: Mapping[str, Any], path: Path | str = "card") -> ModelCard:
    """Validate the values of a card.

    Raises
    ------
    ValueError
        One sentence: the file, and the first value that is wrong.
    """
    try:
        return ModelCard.model_validate(dict(values))
    except ValidationError as error:
        raise refused(path, _reason(error)) from None


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    key, inner = first["loc"][0], first["loc"][1:2]
    if key == "normalisation" and inner and inner[0] in ("low", "high", "limits"):
        return _LIMITS
    if key == "classes" and inner:
        return _CLASSES
    if key in ("input_px", "window_px") and first["type"].endswith("_equal"):
        return "its card gives an impossible size"
    return f"its card has no usable {key!r}"


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_LONGEST_HEADER, path.stat().st_size - 8):
            raise refused(path, "it is not a safetensors file")
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise refused(path, "it is not a safetensors file")
    return header


def refused(path: Path | str, reason: str) -> ValueError:
    """Give the error for a file that is not a model of this package."""
    return ValueError(
        f"{path}: not a model of napari-visual-ccc ({reason}); choose a .safetensors file of its "
        "own"
    )


def unfitting(card: ModelCard, path: Path) -> ValueError:
    """Give the error for weights of other shapes than the card says."""
    classes = f" with {len(card.classes)} classes" if card.classes else ""
    return ValueError(
        f"{path}: the weights do not fit {card.architecture}{classes}; get an intact copy of it"
    )


def file_hash(path: Path | None = None) -> str:
    """Give the SHA-256 of a model file, which results carry."""
    return hashlib.sha256((DEFAULT if path is None else Path(path)).read_bytes()).hexdigest()
