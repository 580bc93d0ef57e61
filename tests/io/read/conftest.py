"""Small images that count as large."""

from __future__ import annotations

import pytest

from napari_visual_ccc.io.read import checks, lazy


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    monkeypatch.setattr(lazy, "_CHUNK_BYTES", 1000)
    monkeypatch.setattr(lazy, "CHUNK_SIDE", 40)
