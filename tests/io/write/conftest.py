"""Small pyramids."""

from __future__ import annotations

import pytest

from napari_visual_ccc.io.write import pyramid

zarr = pytest.importorskip("zarr", minversion="3")


@pytest.fixture
def small_pyramids(monkeypatch):
    monkeypatch.setattr(pyramid, "PYRAMID_ABOVE", 600)
    monkeypatch.setattr(pyramid, "TOP", 200)
