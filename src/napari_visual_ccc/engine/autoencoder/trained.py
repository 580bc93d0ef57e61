"""The result of the training of an autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.result import Result

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
