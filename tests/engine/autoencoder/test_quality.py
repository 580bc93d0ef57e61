from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.autoencoder.known import MARGIN
from napari_visual_ccc.engine.autoencoder.quality import (
    Pairs,
    examples,
    image_table,
    reconstructed,
    summary_table,
)

SIDE = 16 + 2 * MARGIN


def pairs(errors) -> Pairs:
    rng = np.random.default_rng(0)
    windows = rng.random((len(errors), SIDE, SIDE)).astype(np.float32)
    made = windows + np.array(errors, np.float32)[:, None, None]
    return Pairs(windows, made, np.ones(windows.shape, bool))


def test_psnr_of_a_known_error_with_intervals():
    images = pd.DataFrame({"name": ["a", "b"]})
    table = image_table(pairs([0.1] * 4 + [0.01, 0.1]), np.array([0] * 4 + [1] * 2), images, 0)
    assert table["tiles"].tolist() == [4, 2]
    assert table["psnr"].tolist() == pytest.approx([20, 30], abs=1e-3)
    assert table["psnr_low"][0] == pytest.approx(20, abs=1e-3)
    assert np.isnan(table["psnr_low"][1])
    summary = summary_table(table, 0)
    assert summary["value"][0] == pytest.approx(25, abs=1e-3)


def test_one_image_has_the_interval_of_its_tiles():
    table = image_table(
        pairs([0.1, 0.2, 0.05]), np.zeros(3, int), pd.DataFrame({"name": "a"}, [0]), 0
    )
    row = summary_table(table, 0).iloc[0]
    assert row["low"] < row["value"] < row["high"]


def test_reconstructions_are_those_of_the_network_in_grey_levels():
    tiles = np.random.default_rng(0).random((3, 8, 8)).astype(np.float16)
    known = np.ones(tiles.shape, bool)
    found = run(reconstructed(lambda x: x * 0.5, tiles, known, torch.device("cpu")))
    np.testing.assert_allclose(found.made, (found.windows - 0.5) * 0.5 + 0.5, atol=1e-6)


def test_examples_show_tile_reconstruction_and_residual():
    shown = examples(pairs([0.0, 0.2]))
    assert shown.shape == (2, 3, 16, 16)
    assert (shown[0, 2] == 128).all()
    assert shown[1, 2].mean() < 100


def test_filled_pixels_do_not_count():
    known = pairs([0.1, 0.1, 0.1])
    made, there = known.made.copy(), known.known.copy()
    part = np.s_[:, MARGIN : MARGIN + 5, MARGIN : MARGIN + 9]
    made[part], there[part] = 7, False
    names = pd.DataFrame({"name": ["a"]})
    index = np.zeros(3, int)
    right = image_table(known, index, names, 0).iloc[0]
    found = image_table(Pairs(known.windows, made, there), index, names, 0).iloc[0]
    assert found["psnr"] == pytest.approx(right["psnr"], abs=1e-3)
    assert found["ssim"] == pytest.approx(right["ssim"], abs=0.02)
    wrong = image_table(known._replace(made=made), index, names, 0).iloc[0]
    assert wrong["psnr"] < 10


def test_parts_are_summarised_apart():
    tables = [
        image_table(pairs([error] * 3), np.zeros(3, int), pd.DataFrame({"name": ["a"]}), 0, part)
        for part, error in (("test", 0.1), ("validation", 0.01))
    ]
    summary = summary_table(pd.concat(tables, ignore_index=True), 0)
    assert summary["part"].tolist() == ["test", "test", "validation", "validation"]
    assert summary["value"].tolist()[::2] == pytest.approx([20, 40], abs=1e-2)
