"""What a run needs: memory, regions and time, from the number of prompts and the batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .grid import crops, points_of, tiles
from .presets import Settings, settings

# measured on 2026-11-26 with a random model of the size of SAM 2.1 tiny, on one core, in seconds of
# the reference machine of `workflow.cost`: embedding, a prompt, its refinement, a mask of a
# megapixel
_EMBED_S, _PROMPT_S, _REFINE_S, _MASK_S = 2.4, 0.081, 0.27, 0.002

# bytes: the pass of the encoder, a prompt or mask in the decoder, weights of SAM 2.1 tiny
_ENCODER, _DECODER, _WEIGHTS = 650e6, 41e6, 156e6

# bytes a pixel: of the image, as floats, as RGB and as labels; of the mask of a region that is
# enlarged; of a mask of each prompt that is kept, of a bit a pixel, on a quarter of the region
_IMAGE, _ENLARGED, _KEPT = 16, 8, 1 / 32

# prompts of labels or of an automatic threshold, whose number is not known
_USUAL = 100

# as in `nets.sam.decode`, which loads torch
CPU_BATCH = 4


class Forecast(NamedTuple):
    """Estimated needs of a run.

    Parameters
    ----------
    bytes : int
        Memory without that of the image.
    regions : int
        Images, tiles and crops that are embedded.
    seconds : float
        On one core of the reference machine; NaN where the number of prompts is not known.
    """

    bytes: int
    regions: int
    seconds: float


def forecast(shape: tuple[int, int], choices: Mapping[str, Any], *, gpu: bool = False) -> Forecast:
    """Estimate what `sam_masks` needs.

    Parameters
    ----------
    shape : (rows, columns)
        Of the image.
    choices : mapping
        Its parameters, and ``prompts`` if there are some.
    gpu : bool
        Whether the network runs on a graphics processor, where the batch is not divided.
    """
    given = {name: choices.get(name) for name in Settings._fields}
    values = settings(choices.get("preset", "window"), given)
    pieces = tiles(shape, values.tile_size)
    regions = [one for piece in pieces for one in crops(piece, values.crop_n_layers)]
    downscale = values.crop_n_points_downscale_factor
    prompts: float = sum(len(points_of(one, values.points_per_side, downscale)) for one in regions)
    known = _count(choices.get("prompts"))
    if known is not None or choices.get("prompts_from", "grid") != "grid":
        regions, prompts = pieces, math.nan if known is None else known
    weights = _size(choices.get("model"))
    seconds = len(regions) * _EMBED_S * weights / _WEIGHTS
    megapixels = np.prod(regions[-1].size) / 1e6
    seconds += prompts * (_PROMPT_S + values.use_m2m * _REFINE_S + 3 * _MASK_S * megapixels)
    batch = values.points_per_batch if gpu else min(values.points_per_batch, CPU_BATCH)
    needs = weights + _ENCODER + batch * _DECODER * (3 if values.use_m2m else 1)
    needs += _IMAGE * float(np.prod(shape)) + _ENLARGED * max(np.prod(one.size) for one in regions)
    # how many objects there are may not be known
    count = _USUAL if math.isnan(prompts) else prompts
    needs += _KEPT * count * np.prod(regions[-1].size)
    return Forecast(int(needs), len(regions), float(seconds))


def _count(prompts: Any) -> float | None:
    """Number of objects that points, shapes or labels show; None without prompts."""
    # the data of an array are its buffer
    data = prompts if hasattr(prompts, "dtype") else getattr(prompts, "data", prompts)
    if data is None:
        return None
    is_labels = getattr(data, "ndim", 0) > 1 and np.issubdtype(data.dtype, np.integer)
    return math.nan if is_labels else len(data)


def _size(model: Any) -> float:
    """Bytes of the weights, in a folder or the cache of the hub; else those of SAM 2.1 tiny."""
    folder = Path(model) if model else None
    if folder is not None and not folder.is_dir():
        from ...nets.sam.hub import cached

        try:
            folder = cached(folder.as_posix())
        except ImportError:
            folder = None
    files = list(folder.glob("*.safetensors")) if folder else []
    return float(sum(path.stat().st_size for path in files)) or _WEIGHTS
