"""Presets of the mask generator, and the values that a run uses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Settings(NamedTuple):
    """Values of a run, under the names of Segment Anything; see `sam_masks`."""

    points_per_side: int
    points_per_batch: int
    pred_iou_thresh: float
    stability_score_thresh: float
    stability_score_offset: float
    mask_threshold: float
    crop_n_layers: int
    box_nms_thresh: float
    crop_n_points_downscale_factor: int
    min_mask_region_area: int
    use_m2m: bool
    tile_size: int


# the window and the batch script of Visual-CCC 4.0; tiles are ours
_WINDOW = Settings(32, 64, 0.8, 0.95, 1.0, 0.0, 0, 0.7, 1, 0, False, 0)

_BATCH = Settings(32, 128, 0.7, 0.92, 0.7, 0.0, 1, 0.7, 2, 0, True, 0)

# "custom" begins with the values of the window
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "window": MappingProxyType(_WINDOW._asdict()),
        "batch": MappingProxyType(_BATCH._asdict()),
        "custom": MappingProxyType(_WINDOW._asdict()),
    }
)


def settings(preset: str, given: Mapping[str, Any]) -> Settings:
    """Values of a preset, except for those that are given.

    Parameters
    ----------
    preset : {'window', 'batch', 'custom'}
        Where values come from that are None.
    given : mapping
        By name; None takes the value of the preset.

    Raises
    ------
    ValueError
        If there is no such preset, or a value makes no sense.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset is {preset!r}; choose {', '.join(PRESETS)}")
    own = {name: value for name, value in given.items() if value is not None}
    found = Settings(**{**PRESETS[preset], **own})
    for name in ("points_per_side", "points_per_batch", "crop_n_points_downscale_factor"):
        if getattr(found, name) < 1:
            raise ValueError(f"{name} is {getattr(found, name)}; it must be at least 1")
    if 0 < found.tile_size < 64:
        raise ValueError(f"tile_size is {found.tile_size}; take 0 (no tiles) or at least 64 pixels")
    return found
