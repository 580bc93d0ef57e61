"""Images in chunks of random sizes, for property tests."""

from __future__ import annotations

import dask.array as da
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from scipy import ndimage

SOME = settings(
    max_examples=settings.default.max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def chunked(draw, min_size=30, largest=90):
    """A textured image, and the same as dask in chunks of random sizes."""
    shape = [draw(st.integers(min_size, largest)) for _ in range(2)]
    kind = draw(st.sampled_from([np.uint8, np.uint16, np.int32, np.float32]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    image = ndimage.gaussian_filter(rng.normal(size=shape), 1.5) * 300
    image = (image + rng.normal(size=shape) * 8 + 120).clip(0, 255).astype(kind)
    if kind == np.float32 and draw(st.booleans()):
        image[rng.random(shape) < 0.01] = np.nan
    return image, da.from_array(image, chunks=tuple(draw(_sizes(n)) for n in shape))


@st.composite
def _sizes(draw, length):
    sizes = []
    while sum(sizes) < length:
        sizes.append(draw(st.integers(1, length - sum(sizes))))
    return tuple(sizes)
