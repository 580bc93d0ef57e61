"""Real, licensed micrographs that come with the package; README.md here says where from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..micrograph import Micrograph

FOLDER = Path(__file__).parent
NAMES = ("superalloy", "coating", "nanoparticles", "powder", "nanocomposite")

LayerData = tuple[Any, dict[str, Any], str]


def facts(name: str) -> dict[str, Any]:
    """Tell where a sample comes from: source, licence, pixel size, masks.

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
    """Give the masks people drew on a sample, by name: (Y, X) integers, 0 is background."""
    return {mask: _pixels(f"{name}_{mask}") for mask in facts(name)["masks"]}


def _pixels(stem: str) -> np.ndarray:
    from PIL import Image

    return np.array(Image.open(FOLDER / f"{stem}.png"))


def layers(name: str) -> list[LayerData]:
    """Give a sample and its masks as napari layer data."""
    micrograph, about = load(name), facts(name)
    place: dict[str, Any] = {}
    if micrograph.spacing is not None:
        place = {"scale": micrograph.spacing, "units": micrograph.unit}
    common = {**place, "metadata": dict(micrograph.metadata)}
    low, high = np.percentile(micrograph.data, (0.1, 99.9))
    look = {"name": name, "contrast_limits": (float(low), float(high))}
    found: list[LayerData] = [(micrograph.data, {**common, **look}, "image")]
    for mask, labels in masks(name).items():
        options = {**common, "name": f"{name} {mask}", "opacity": 0.5, "visible": False}
        if mask in about["classes"]:
            names = about["classes"][mask]
            options["features"] = {"index": list(range(len(names))), "name": names}
        found.append((labels, options, "labels"))
    return found


def superalloy() -> list[LayerData]:
    """Nickel superalloy, SEM."""
    return layers("superalloy")


def coating() -> list[LayerData]:
    """Environmental barrier coating in cross-section, SEM."""
    return layers("coating")


def nanoparticles() -> list[LayerData]:
    """Copper nanoparticles, TEM."""
    return layers("nanoparticles")


def powder() -> list[LayerData]:
    """Metal powder, SEM."""
    return layers("powder")


def nanocomposite() -> list[LayerData]:
    """Polymer nanocomposite with agglomerates, SEM."""
    return layers("nanocomposite")
