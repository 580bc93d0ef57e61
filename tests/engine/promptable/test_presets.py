from __future__ import annotations

import pytest

from napari_visual_ccc.engine.promptable.presets import PRESETS, settings

NAMES = (
    "points_per_side", "points_per_batch", "pred_iou_thresh", "stability_score_thresh",
    "stability_score_offset", "mask_threshold", "crop_n_layers", "box_nms_thresh",
    "crop_n_points_downscale_factor", "min_mask_region_area", "use_m2m",
)  # fmt: skip


def test_the_presets_are_those_of_visual_ccc():
    window, batch = settings("window", {}), settings("batch", {})
    assert window[:11] == (32, 64, 0.8, 0.95, 1, 0, 0, 0.7, 1, 0, False)
    assert batch[:11] == (32, 128, 0.7, 0.92, 0.7, 0, 1, 0.7, 2, 0, True)
    assert window._fields[:11] == NAMES
    assert settings("custom", {}) == window
    assert list(PRESETS) == ["window", "batch", "custom"]


def test_a_value_goes_before_that_of_the_preset():
    found = settings("batch", {"points_per_side": 8, "use_m2m": False, "crop_n_layers": None})
    assert (found.points_per_side, found.use_m2m, found.crop_n_layers) == (8, False, 1)


@pytest.mark.parametrize(
    ("preset", "given", "words"),
    [
        ("large", {}, "choose window, batch, custom"),
        ("window", {"points_per_side": 0}, "points_per_side is 0; it must be at least 1"),
        ("window", {"tile_size": 10}, "tile_size is 10"),
    ],
)
def test_what_makes_no_sense_is_refused(preset, given, words):
    with pytest.raises(ValueError, match=words):
        settings(preset, given)
