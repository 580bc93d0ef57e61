"""Images of two channels: the class says which of them has stripes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

CHANNELS = ("SE", "BSE")


def image(label: str, rng: np.random.Generator, side: int = 40) -> np.ndarray:
    """Stripes in the first channel (class a) or in the second (class b), noise in the other."""
    wave = 60 * np.sin(np.arange(side) * 1.3 + rng.uniform(0, 6))[:, None]
    striped, plain = wave + rng.normal(0, 20, (side, side)), rng.normal(0, 20, (side, side))
    planes = (striped, plain) if label == "a" else (plain, striped)
    return (128 + np.stack(planes)).clip(0, 255).astype(np.uint8)


def write_files(folder: Path, pixels: np.ndarray, name: str) -> Path:
    """Write one file for each channel; the first is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for channel, plane in zip(CHANNELS, pixels, strict=True):
        tifffile.imwrite(folder / f"{name}_{channel}.tif", plane)
    return folder / f"{name}_{CHANNELS[0]}.tif"


def write_ome(path: Path, pixels: np.ndarray, names: tuple[str, ...]) -> Path:
    """Write channels as one OME-TIFF, in the order of the names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = [CHANNELS.index(name) for name in names]
    described = {"axes": "CYX", "Channel": {"Name": list(names)}}
    tifffile.imwrite(path, pixels[order], metadata=described)
    return path
