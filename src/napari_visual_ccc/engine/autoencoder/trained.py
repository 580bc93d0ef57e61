"""The result of the training of an autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.result import Result
from .known import MARGIN

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TrainedAutoencoder(Result):
    """A trained autoencoder.

    Tables are ``"summary"``, ``"images"``, ``"split"`` and ``"skipped"``.

    Parameters
    ----------
    model : checkpoint.Model
        Network and card; `save_model` writes it.
    summary : DataFrame
        ``metric`` (psnr, ssim), ``value``, the limits of its 95 % interval over images, ``low`` and
        ``high``, and the ``part`` of the images: test, validation, or train if none is held out.
    images : DataFrame
        ``name``, ``part``, ``tiles``, ``psnr`` in dB and ``ssim`` of each image, with their limits.
    split : DataFrame
        ``name``, ``group`` and ``part`` of every image.
    history : DataFrame
        Loss and PSNR by epoch.
    skipped : DataFrame
        ``name`` and ``reason`` of the images that could not be used.
    examples : (n, 3, side, side) uint8 array
        Held-out tiles, their reconstructions and residuals (128: none).
    architecture : DataFrame
        Layers of the network, from `nets.layers`.
    """

    model: Any
    summary: pd.DataFrame
    images: pd.DataFrame
    split: pd.DataFrame
    history: pd.DataFrame
    skipped: pd.DataFrame
    examples: np.ndarray
    architecture: pd.DataFrame

    def _all_tables(self) -> dict[str, pd.DataFrame]:
        return {
            "summary": self.summary, "images": self.images, "split": self.split,
            "skipped": self.skipped,
        }  # fmt: skip


def forecast(choices: Mapping[str, Any]) -> tuple[int, float]:
    """Bytes and seconds that a training needs, on the processor.

    Measured with tiles of 96 and 192 pixels, batches of 32 and 128 and up to 1000 tiles, within
    25 %. All epochs count, so that early stopping makes it shorter; reading the images is not in
    it.

    Parameters
    ----------
    choices : mapping
        ``tile``, ``tiles``, ``batch_size``, ``epochs`` and ``validation`` of `train_autoencoder`.
    """
    inner, window = choices["tile"] ** 2, (choices["tile"] + 2 * MARGIN) ** 2
    tiles, held_out = choices["tiles"], choices["tiles"] * choices["validation"]
    needed = 1e9 + 3 * tiles * window + 550 * choices["batch_size"] * inner
    # an epoch, and the features of the tiles that the threshold is made of
    seconds = 620e-9 * (tiles - held_out) * inner * choices["epochs"]
    if held_out:
        seconds += 3 + 500e-9 * (min(tiles, 100) + 2 * held_out) * window
    return int(needed), seconds
