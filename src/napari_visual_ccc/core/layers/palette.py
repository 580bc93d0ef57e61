"""Colours of labels: of classes and phases in their order, of particles that lie beside each other.

Colours stay apart for people with normal sight, protanopia, deuteranopia and tritanopia, as
simulated by Machado, Oliveira and Fernandes (2009). The first four are of Okabe and Ito (2008);
each of the others is the one that is farthest from all before it, for the kind of sight that tells
it worst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..settings.current import current

if TYPE_CHECKING:
    import pandas as pd

# smallest distance (CIEDE2000, worst sight): of two colours 52, 4: 19, 8: 15, 12: 13, all 31: 7
_FARTHEST = (
    "D55E00 56B4E9 F0E442 0072B2 782D4B C3F0C3 A50000 789669 D287A5 3C00D2 00FFFF 965A78 B4C378 "
    "8778FF 004B78 B42D4B FFB4D2 B4B400 E1F096 870F2D 780FFF A578A5 D20F2D D200B4 87B487 96A55A "
    "C36987 00785A FF69D2 96D2FF 785AF0"
)

# the same colours; labels whose numbers differ by at most five are at least 10 apart
_BESIDE = (
    "782D4B C3F0C3 FF69D2 789669 FFB4D2 965A78 B42D4B B4B400 56B4E9 F0E442 780FFF A578A5 87B487 "
    "8778FF 870F2D 96D2FF 00785A D55E00 D200B4 96A55A A50000 D287A5 004B78 785AF0 00FFFF E1F096 "
    "B4C378 C36987 D20F2D 3C00D2 0072B2"
)


# name of what is like no class: the last label, and grey beside the colours of the classes
UNKNOWN = "unknown"
_GREY = "8C8C8C"

# of matplotlib, dark to bright; cividis looks alike with and without colour blindness
_ORDERED = {
    "viridis": "440154 472D7B 3B528B 2C728E 21918C 28AE80 5EC962 ADDC30 FDE725",
    "cividis": "00224E 1A386F 434E6C 61656F 7D7C78 9B9476 BCAE6C DEC958 FEE838",
}


def _rgb(colours: str) -> np.ndarray:
    return np.array([list(bytes.fromhex(one)) for one in colours.split()], float) / 255


def class_colours(count: int) -> np.ndarray:
    """Colours of classes or phases, dark to bright, of the palette of the settings.

    Parameters
    ----------
    count : int
        How many there are. The fewer, the farther apart.

    Returns
    -------
    (31, 3) array of float
        Red, green and blue from 0 to 1. The first `count` are theirs; others, in no order, are for
        labels that are drawn later. Above 31, colours repeat.
    """
    colours = _rgb(_FARTHEST)
    used = _along(_ORDERED.get(current().palette, ""), min(count, len(colours)), colours)
    return np.concatenate([used[np.argsort(luminance(used), kind="stable")], colours[count:]])


def _along(scale: str, count: int, otherwise: np.ndarray) -> np.ndarray:
    """Evenly spaced colours of a scale; without one, the first of the others."""
    if not scale:
        return otherwise[:count]
    anchors = _rgb(scale)
    # a single class would have the darkest, which is hard to see on an image
    places = np.linspace(0, 1, count) if count > 1 else np.full(count, 0.7)
    at = np.linspace(0, 1, len(anchors))
    return np.stack([np.interp(places, at, one) for one in anchors.T], axis=1)


def particle_colours() -> np.ndarray:
    """Colours of particles: labels whose numbers lie close together have unlike ones.

    Returns
    -------
    (31, 3) array of float
        Red, green and blue from 0 to 1, of the labels from 1 on. They repeat.
    """
    return _rgb(_BESIDE)


def label_colours(table: pd.DataFrame | None) -> np.ndarray:
    """Colours of the labels of a layer, by its table.

    Parameters
    ----------
    table : DataFrame or None
        Where each label has a name of its own (columns ``name`` and ``label`` or ``index``), labels
        are classes or phases; otherwise they are particles. A last label named ``unknown`` is grey,
        and the others have the colours that they have without it.

    Returns
    -------
    (31, 3) array of float
        Of the labels from 1 on. They repeat.
    """
    if table is None or not are_classes(table):
        return particle_colours()
    numbers = _numbers(table)
    last = int(numbers.max())
    name = str(table["name"].iloc[int(np.argmax(numbers))])
    if last < 2 or not name.startswith(UNKNOWN):
        return class_colours(last)
    colours = class_colours(last - 1)
    colours[(last - 1) % len(colours)] = _rgb(_GREY)
    return colours


def are_classes(table: pd.DataFrame) -> bool:
    """Whether each label of a table has a name of its own: classes or phases, not particles."""
    numbers = _numbers(table)
    if numbers is None or not len(numbers) or "name" not in table:
        return False
    named = table.assign(_number=numbers).groupby("name")["_number"].nunique()
    return bool(named.max() <= 1)


def _numbers(table: pd.DataFrame) -> Any:
    return table.get("label", table.get("index"))


def of_labels(colours: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Colour of each label: (..., 3) of integer labels of any shape, of which 0 has none."""
    found: np.ndarray = colours[(np.asarray(labels).astype(np.int64) - 1) % len(colours)]
    return found


def hexadecimal(colour: np.ndarray) -> str:
    """Write a colour as ``#rrggbb``."""
    return "#" + bytes(np.round(255 * np.asarray(colour)).astype(np.uint8)).hex()


def luminance(colours: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB colours (..., 3), from 0 to 1 (IEC 61966-2-1)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ (0.2126, 0.7152, 0.0722))
