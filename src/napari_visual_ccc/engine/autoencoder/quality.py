"""How well held-out tiles are reconstructed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...core.progress import Steps
from .known import MARGIN

if TYPE_CHECKING:
    import pandas as pd
    import torch

# resamplings of the 95 % intervals, as for the metrics of a classifier
_DRAWS = 2000

_LIMITS = (2.5, 97.5)

# tiles that the report shows, evenly spread over all
_SHOWN = 6

# of numbers per tile
METRICS = ("psnr", "ssim")


class Pairs(NamedTuple):
    """Windows and their reconstructions, (n, side, side) float32 each, 0 to 1; known pixels."""

    windows: np.ndarray
    made: np.ndarray
    known: np.ndarray

    @property
    def inner(self) -> Pairs:
        """The tiles within the windows, and their reconstructions."""
        part = slice(MARGIN, -MARGIN)
        return Pairs(*(one[:, part, part] for one in self))


def reconstructed(
    net: Any, windows: np.ndarray, known: np.ndarray, device: torch.device
) -> Steps[Pairs]:
    """Reconstruct windows.

    Parameters
    ----------
    net : nn.Module
        Frozen autoencoder of inputs ``(x - 0.5) / 0.5``.
    windows : (n, side, side) array
        Values 0 to 1.
    known : (n, side, side) bool array
        Pixels that are not filled.
    device : torch.device
        Of the network.
    """
    from ...nets.predict import batched

    def apply(x: torch.Tensor) -> torch.Tensor:
        return net(((x - 0.5) / 0.5)[:, None])[:, 0] * 0.5 + 0.5

    def read(start: int, stop: int) -> np.ndarray:
        return windows[start:stop].astype(np.float32)

    made = yield from batched(apply, read, len(windows), device, "reconstructing")
    return Pairs(windows.astype(np.float32), made, known)


def image_table(
    pairs: Pairs, image_index: np.ndarray, images: pd.DataFrame, seed: int, part: str = ""
) -> pd.DataFrame:
    """Peak signal-to-noise ratio and structural similarity of each image, over its tiles.

    Filled pixels do not count. The peak is the grey range of the image (from its 0.5 to its 99.5
    percentile). The intervals are bootstrapped over the tiles of an image; of fewer than three
    tiles there is none.
    """
    import pandas as pd

    values = _of_tiles(pairs.inner)
    rows = []
    for number in np.unique(image_index):
        mine = image_index == number
        name, tiles = images["name"].iloc[number], int(mine.sum())
        row: dict[str, Any] = {"name": name, "part": part, "tiles": tiles}
        for metric in METRICS:
            row |= _with_interval(metric, values[metric][mine], seed)
        rows.append(row)
    return pd.DataFrame(rows)


def summary_table(images: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Means over the images of each part, with intervals bootstrapped over images.

    Of one image it is that over its tiles.
    """
    import pandas as pd

    rows = []
    for part, mine in images.groupby("part", sort=False):
        for name in METRICS:
            if len(mine) > 1:
                found = _with_interval(name, mine[name].to_numpy(), seed)
            else:
                found = {key: mine[key].iloc[0] for key in (name, f"{name}_low", f"{name}_high")}
            rows.append((name, found[name], found[f"{name}_low"], found[f"{name}_high"], part))
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "part"])


def examples(pairs: Pairs) -> np.ndarray:
    """Some tiles beside their reconstructions and residuals, as (n, 3, side, side) uint8."""
    chosen = np.unique(np.linspace(0, len(pairs.made) - 1, _SHOWN).round().astype(int))
    tiles, made, known = (one[chosen] for one in pairs.inner)
    made = np.clip(made, 0, 1)
    residual = np.clip(0.5 + np.where(known, tiles - made, 0), 0, 1)
    return (np.stack([tiles, made, residual], axis=1) * 255).round().astype(np.uint8)


def _of_tiles(tiles: Pairs) -> dict[str, np.ndarray]:
    import torch

    from ...nets.training.reconstruction import similarity

    squares = np.where(tiles.known, (tiles.windows - tiles.made) ** 2, 0)
    squares = squares.sum(axis=(1, 2)) / np.maximum(tiles.known.sum(axis=(1, 2)), 1)
    wanted, made, known = (
        torch.from_numpy(np.ascontiguousarray(one, dtype=np.float32))[:, None] for one in tiles
    )
    return {
        "psnr": -10 * np.log10(np.maximum(squares, 1e-10)),
        "ssim": similarity(made, wanted, known).numpy(),
    }


def _with_interval(name: str, values: np.ndarray, seed: int) -> dict[str, float]:
    low = high = np.nan
    if len(values) > 2:
        rng = np.random.default_rng(seed)
        drawn = values[rng.integers(0, len(values), (_DRAWS, len(values)))].mean(axis=1)
        low, high = np.percentile(drawn, _LIMITS)
    return {name: float(values.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
