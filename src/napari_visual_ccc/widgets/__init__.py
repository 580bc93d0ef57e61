"""The part that knows napari and Qt. It holds no science."""

from __future__ import annotations
