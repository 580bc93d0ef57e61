"""A picture with a drawn info bar that is so faint that it is proposed and not left out."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.bar_layouts import jeol
from napari_visual_ccc import samples
from napari_visual_ccc.engine.acquisition.bar_detector import find_info_bar


@cache
def doubtful_picture() -> np.ndarray:
    """Fade a bar until it is doubtful: on the way from certain to none it must be."""
    image = samples.load("nanoparticles").data[:256, :256]
    under, strip = image[-24:], jeol(np.random.default_rng(0), 24, 256, "sans").pixels
    for share in np.linspace(1, 0, 41):
        faded = np.round(share * strip + (1 - share) * under).astype(np.uint8)
        made = np.vstack([image[:-24], faded])
        found = find_info_bar(made)
        if not found and found.doubtful:
            return made
    raise AssertionError("no bar on the way from certain to none is doubtful")
