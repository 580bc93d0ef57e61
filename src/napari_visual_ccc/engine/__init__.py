"""The science: arrays in, results out. Nothing here knows a viewer."""

from __future__ import annotations
