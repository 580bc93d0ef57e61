"""What a training selects on images that it holds out; parts of the model card."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CardPart(BaseModel):
    """Keys that this version does not know are kept, and written back."""

    model_config = ConfigDict(
        extra="allow", strict=True, allow_inf_nan=False, populate_by_name=True,
        protected_namespaces=(),
    )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Give the keys that were set, as a model file holds them."""
        return self.model_dump(by_alias=True, exclude_unset=True, warnings=False)


class KeptEpoch(CardPart):
    """The epoch of a checkpoint.

    Parameters
    ----------
    epoch : int
        Number of the epoch, from 1.
    monitor : str
        Value that early stopping compares, a column of the history.
    value : float
        That value after this epoch.
    rank : int
        1 for the best epoch, 2 for the second; 0 for one that is kept because it is the last.
    last : bool
        Whether training ended with this epoch.
    """

    epoch: Annotated[int, Field(ge=1)]
    monitor: str
    value: float
    rank: Annotated[int, Field(ge=0)]
    last: bool = False


class OperatingPoint(CardPart):
    """Thresholds on the probability of each class.

    Parameters
    ----------
    thresholds : dict
        Class → threshold, 0 to 1.
    chosen_on : str
        Images that the thresholds were chosen on.
    rates_of : str, optional
        Images of the rates that the training reported; without a test part they may be the same.
    method : str
        How they were chosen.
    """

    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]]
    chosen_on: str
    rates_of: str | None = None
    method: str = "Youden's J"


class AnomalyScale(CardPart):
    """Which scores of anomaly are usual for the images that an autoencoder was trained on.

    Parameters
    ----------
    peaks : dict
        Score → its largest values in held-out tiles, ascending; of many tiles, evenly spaced ones.
    tiles, tile_px : int
        Number of these tiles, and the side of the part of them that was scored, in pixels.
    level : float
        Largest median score of an image that the tiles are of.
    chosen_on : str
        What the tiles are of.
    """

    peaks: dict[str, Annotated[list[Annotated[float, Field(ge=0, le=1e12)]], Field(min_length=1)]]
    tiles: Annotated[int, Field(ge=1)]
    tile_px: Annotated[int, Field(ge=1)]
    level: Annotated[float, Field(ge=0)]
    chosen_on: str

    @model_validator(mode="after")
    def _ascend(self) -> AnomalyScale:
        if not self.peaks or any(one != sorted(one) for one in self.peaks.values()):
            raise ValueError("its card has no usable 'anomaly'")
        return self

    @property
    def supports(self) -> float:
        """Largest share of usual tiles that a threshold from so many tiles can have."""
        return self.tiles / (self.tiles + 1)


class KnnThreshold(CardPart):
    """Distance to the training images beyond which an image is out of distribution.

    Parameters
    ----------
    threshold : float
        Mean cosine distance to the nearest training images.
    share : float
        Share of the validation images within it.
    """

    threshold: Annotated[float, Field(ge=0, le=2)]
    share: Annotated[float, Field(ge=0, le=1)]
