from __future__ import annotations

import numpy as np
import pytest
import tifffile


@pytest.fixture
def discs_of():
    """Write an image of dark discs of a radius, 2 nm a pixel."""

    def write(path, count=3, radius=8, pixel="2 nm"):
        size, unit = pixel.split()
        y, x = np.mgrid[:64, :96]
        image = np.full((64, 96), 200.0)
        for k in range(count):
            image[(y - 20) ** 2 + (x - 16 - 30 * k) ** 2 <= radius**2] = 60.0
        image += np.random.default_rng(count).normal(0, 4, image.shape)
        path.parent.mkdir(parents=True, exist_ok=True)
        per_unit = 1 / float(size)
        tifffile.imwrite(
            path,
            image.clip(0, 255).astype(np.uint8),
            imagej=True,
            resolution=(per_unit, per_unit),
            metadata={"unit": unit},
        )
        return path

    return write


@pytest.fixture
def folder(tmp_path, discs_of):
    """Four images, one of them in a folder below, and one that is damaged."""
    place = tmp_path / "images"
    for number, name in enumerate(("a.tif", "b.tif", "below/a.tif", "c.tif"), 1):
        discs_of(place / name, count=1 + number % 3)
    (place / "d.png").write_bytes(b"no image")
    return place
