"""A tiny classifier, and an image with a pattern that is planted several times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lens_images import SPOTS, planted
from tests.models import saved


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A random VisualCNN, whose window is 32 pixels."""
    return saved(tmp_path_factory.mktemp("lens"), "visualcnn")


@pytest.fixture(scope="session")
def image() -> np.ndarray:
    return planted(SPOTS)
