"""Sample micrographs that come with the package; README.md lists their sources and licences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..core.micrograph import Micrograph

FOLDER = Path(__file__).parent

NAMES = ("superalloy", "coating", "nanoparticles", "powder", "nanocomposite")


def facts(name: str) -> dict[str, Any]:
    """Source, licence, pixel size and masks of a sample.

    Raises
    ------
    ValueError
        If there is no such sample.
    """
    if name not in NAMES:
        raise ValueError(f"no sample {name!r}; there are {', '.join(NAMES)}")
    return json.loads((FOLDER / "samples.json").read_text(encoding="utf-8"))[name]


def load(name: str) -> Micrograph:
    """Open a sample micrograph.

    Parameters
    ----------
    name : {'superalloy', 'coating', 'nanoparticles', 'powder', 'nanocomposite'}
        Which one.

    Returns
    -------
    Micrograph
        (Y, X) uint8, with pixel size where the source states it.
    """
    about = facts(name)
    spacing = about.get("spacing")
    return Micrograph(
        _pixels(name),
        tuple(spacing) if spacing else None,
        about.get("unit", "px"),
        name=name,
        path=FOLDER / f"{name}.png",
        metadata={key: about[key] for key in ("shows", "source", "licence")},
    )


def masks(name: str) -> dict[str, np.ndarray]:
    """Masks drawn by hand on a sample, by name: (Y, X) integers, 0 is background."""
    return {mask: _pixels(f"{name}_{mask}") for mask in facts(name)["masks"]}


def _pixels(stem: str) -> np.ndarray:
    from PIL import Image

    return np.array(Image.open(FOLDER / f"{stem}.png"))
