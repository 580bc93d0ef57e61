"""A folder that no user can look into."""

from __future__ import annotations

import os
from pathlib import Path


def put_into(place: Path) -> None:
    """Make folders within a folder whose path is too long for the system."""
    inside = os.open(place, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=inside)
        further = os.open("x" * 250, os.O_RDONLY, dir_fd=inside)
        os.close(inside)
        inside = further
    os.close(inside)
