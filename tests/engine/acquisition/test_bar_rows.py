from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.acquisition.bar_rows import Rows, first_of_paper, sharpest


@pytest.fixture
def specimen(rng):
    return rng.normal(120, 25, (160, 320)).astype(np.float32)


def test_paper_has_one_grey_level_and_ends_at_one_row(specimen):
    specimen[:30] = 250
    rows = Rows.of(specimen)
    assert 30 in rows.edges(12, 60)
    found = rows.evidence(0, 30)
    assert found["paper"] == found["clean"] == found["sign"] == 1
    assert found["beyond"] < 0.05
    assert found["fall"] > 0.9
    assert found["stripes"] < 0.2
    assert abs(found["through"]) < 0.2
    assert rows.evidence(0, 40)["edge"] < 0 < found["edge"]


def test_paper_of_the_grey_level_of_the_specimen_ends_where_plain_rows_end(specimen):
    specimen[:30] = 120
    rows = Rows.of(specimen)
    assert 30 in rows.edges(12, 60)
    assert rows.evidence(0, 30)["fall"] > 0.5


def test_the_specimen_is_seen_through_glass(rng):
    shapes = np.repeat(rng.uniform(60, 220, (1, 32)), 10, axis=1) + rng.normal(0, 2, (160, 320))
    shapes[:30] *= 0.4
    found = Rows.of(shapes.astype(np.float32)).evidence(0, 30)
    assert found["through"] > 0.9
    assert found["sign"] > 0.9
    assert found["clean"] < 0.7


def test_a_line_at_the_edge_belongs_to_the_bar(specimen):
    specimen[:30] = 0
    specimen[30:33] = 255
    rows = Rows.of(specimen)
    assert rows.after_line(30) == 33
    assert rows.after_line(33) == 33
    assert Rows.of(np.full_like(specimen, 9)).after_line(30) == 30


def test_a_band_with_specimen_beyond_has_two_edges(specimen):
    specimen[20:60] = 250
    rows = Rows.of(specimen)
    assert {20, 60} <= set(rows.edges(6, 80))
    found = rows.evidence(20, 60)
    assert found["inside"] == 1
    assert found["start"] > 1
    assert found["clean"] == 1


def test_a_step_is_found_to_the_row(specimen):
    specimen[70:] += 200
    assert sharpest(specimen, 4).argmax() == 70
    np.testing.assert_array_equal(sharpest(specimen, 4)[:4], 0)


def test_paper_begins_where_specimen_beneath_it_ends(specimen):
    band = specimen[:80].clip(0, 254)
    assert first_of_paper(band) == 0
    band[30:] = 255
    assert first_of_paper(band) == 30
    # another paper, as of a bar of two parts, is no specimen
    band[:30] = 0
    assert first_of_paper(band) == 0
    assert first_of_paper(np.full_like(band, 7)) == 0


def test_an_edge_that_is_drawn_is_straight(rng):
    x = np.arange(320)
    wave = np.round(6 * np.sin(x / 40)).astype(int)
    image = rng.normal(0, 8, (160, 320))
    drawn = image + 60 * (np.arange(160)[:, None] < 30)
    layer = image + 60 * (np.arange(160)[:, None] < 30 + wave)
    assert Rows.of(drawn.astype(np.float32)).straight(30) == 1
    assert Rows.of(layer.astype(np.float32)).straight(30) < 0.7
    assert Rows.of(image.astype(np.float32)).straight(30) < 0.7


@pytest.mark.parametrize("kind", ["cells", "ramp"])
def test_paper_may_differ_from_cell_to_cell_and_from_row_to_row(kind, specimen):
    cells = np.where(np.arange(320) // 80 % 2, 10, 245)[None].astype(np.float32)
    specimen[:40] = cells if kind == "cells" else np.linspace(20, 110, 40)[:, None]
    specimen[15:25, 20:300:28] = 128
    rows = Rows.of(specimen)
    bar = rows.evidence(0, 40)
    bar |= rows.own_paper(0, 40, bar["levels"])
    assert bar["paper"] < 0.6
    assert bar["own clean"] > 0.9
    assert bar["own beyond"] < 0.2
