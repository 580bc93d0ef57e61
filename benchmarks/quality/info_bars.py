"""How well info bars are found: drawn bars and pictures without one, spoilt as figures are."""

from __future__ import annotations

from pathlib import Path

from benchmarks import info_bars


def main(data: Path, step: int = 1) -> None:
    """Measure the detector on the half of the micrographs that it was not trained on."""
    info_bars.main(data, tune=False, count=info_bars.COUNT // step)
