"""Properties of image files that tell classes apart without the specimen: size, pixel size, format.

A network learns such a property instead of the specimen where it can. Each is tested by itself: a
small decision tree predicts the class of held-out images from that property alone, and
permutations of the classes say how often chance does as well. The size of a file in bytes is not
among them: compression makes it a measure of what the image shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...core.micrograph import has_colours
from .separation import ALPHA, corrected_p

if TYPE_CHECKING:
    import pandas as pd

    from ...core.micrograph import Micrograph

HEIGHT, WIDTH, ASPECT = "height", "width", "aspect ratio"

PIXEL_SIZE, BAR = "pixel size", "info bar"

FORMAT, TYPE, COLOUR = "file format", "pixel type", "number of colours"

DATE = "date"

GEOMETRY, FILE = (HEIGHT, WIDTH, ASPECT), (FORMAT, TYPE, COLOUR)

# properties of one origin: a bar that is left out makes an image lower
_FAMILIES = ((*GEOMETRY, BAR), FILE)

# least gain over chance
_GAIN = 0.1

_FOLDS = 5

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})?")

_COLUMNS = ("property", "accuracy", "chance", "p_corrected", "tells_apart")


class ImageProperties(NamedTuple):
    """What of an image is no specimen.

    Parameters
    ----------
    height, width : int
        In pixels, as the network is shown the image.
    size_nm : float or None
        Pixel size.
    format, type : str
        Of the file, and of its pixels.
    colours : int
        1 for a grey image.
    has_bar : bool
        Whether an info bar was found.
    date : str
        When it was taken, as the file states it; empty if it does not.
    """

    height: int
    width: int
    size_nm: float | None
    format: str
    type: str
    colours: int
    has_bar: bool
    date: str = ""

    def values(self) -> dict[str, float | str]:
        """Value of each property."""
        return {
            HEIGHT: self.height, WIDTH: self.width, ASPECT: round(self.width / self.height, 3),
            # an unknown size is a value too
            PIXEL_SIZE: -1.0 if self.size_nm is None else self.size_nm,
            FORMAT: self.format, TYPE: self.type, COLOUR: self.colours, BAR: self.has_bar,
            DATE: _day(self.date),
        }  # fmt: skip


def properties_of(
    micrograph: Micrograph, shown: tuple[int, ...], size_nm: float | None, path: Path | None
) -> ImageProperties:
    """List the properties of an image.

    Parameters
    ----------
    micrograph : Micrograph
        As it was read.
    shown : (Y, X)
        Rows and columns without the info bar, if that is left out.
    size_nm : float or None
        Pixel size.
    path : Path or None
        File of the image.
    """
    pixels = micrograph.data
    colours = pixels.shape[-1] if has_colours(micrograph) else 1
    size = tuple(n for n in pixels.shape[: pixels.ndim - (colours > 1)] if n > 1)[-2:]
    stated, (height, width) = micrograph.info_bar, shown[-2:]
    return ImageProperties(
        height, width, size_nm, format_of(path), str(pixels.dtype), colours,
        size != tuple(n for n in shown[-2:] if n > 1) or bool(stated),
        str(micrograph.metadata.get("facts", {}).get("date") or ""),
    )  # fmt: skip


def _day(date: str) -> str:
    """Day of a date: year, month and day in this order where it begins with a year."""
    found = re.search(r"(\d{4})\D(\d{1,2})\D(\d{1,2})", date)
    if found:
        year, month, day = map(int, found.groups())
        return f"{year}-{month:02d}-{day:02d}"
    return re.split(r"[T\s]", date.strip())[0]


def format_of(path: Path | None) -> str:
    """Name of a file format."""
    return "array" if path is None else path.suffix[1:].upper()


def telling_properties(
    images: Sequence[ImageProperties],
    labels: Sequence[str],
    groups: Sequence[str],
    *,
    seed: int = 0,
    among: Sequence[str] = (),
) -> pd.DataFrame:
    """Test which properties tell the classes apart by themselves.

    A decision tree predicts the class from one property, in a stratified cross-validation that does
    not divide groups. How likely chance does as well is found by permuting the classes of the
    groups, see `separation.corrected_p`. In simulated sets of 2 to 12 images in each of 2 to 4
    classes, with properties that have nothing to do with the classes, 0.3 to 5 % of the audits
    name a property (400 sets of each size). Images of two sessions that differ in all properties
    at once are no such sets: with three images a class, the classes happen to be the sessions in
    10 % of them, and that is reported.

    Parameters
    ----------
    images : sequence of ImageProperties
        One for each image.
    labels, groups : sequences of str
        Class and group of each image.
    seed : int
        Seed of the folds.
    among : sequence of str, optional
        Names of the tested properties; by default all.

    Returns
    -------
    DataFrame
        One row for each property that differs between images, the most telling first:
        ``property``, ``accuracy`` (mean over groups), ``chance``, ``p_corrected`` and
        ``tells_apart``: p of at most 0.05, and an accuracy of 0.1 more than by chance.
    """
    import pandas as pd

    empty = pd.DataFrame(columns=list(_COLUMNS))
    targets = np.unique(np.asarray(labels, str), return_inverse=True)[1]
    member = _independent(targets, np.asarray(groups, str))
    kept = _in_two_groups(targets, member)
    if len(np.unique(targets[kept])) < 2:
        return empty
    values = [one.values() for one in images]
    tested = [
        name
        for name in values[0]
        if (not among or name in among) and len({one[name] for one in values}) > 1
    ]
    columns = {name: _column([one[name] for one in values])[kept] for name in tested}
    if not columns:
        return empty
    p = corrected_p(columns, targets[kept], member[kept], _FAMILIES, seed)
    rows = []
    for name, column in columns.items():
        right, usual = _predicted(column, targets[kept], member[kept], seed)
        rows.append((name, *_compared(right, usual, member[kept], p[name])))
    found = pd.DataFrame(rows, columns=list(_COLUMNS))
    return found.sort_values("accuracy", ascending=False, ignore_index=True, kind="stable")


def _column(values: Sequence[float | str]) -> np.ndarray:
    if not any(isinstance(one, str) for one in values):
        return np.array(values, float)
    # days in the order of time, which one cut can divide
    if any(values) and all(_DAY.fullmatch(str(one)) for one in values):
        return np.unique(values, return_inverse=True)[1].astype(float)
    return np.array(values, str)


def _independent(targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Number of the group of each image; of the image, where a class has one group only."""
    _, member = np.unique(groups, return_inverse=True)
    single = any(len(np.unique(member[targets == k])) < 2 for k in np.unique(targets))
    return np.arange(len(targets)) if single else member


def _in_two_groups(targets: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Indices of the images of classes that can be held out and learnt from."""
    enough = [k for k in np.unique(targets) if len(np.unique(member[targets == k])) > 1]
    return np.flatnonzero(np.isin(targets, enough))


def _predicted(
    column: np.ndarray, targets: np.ndarray, member: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Whether the class of each image is predicted from a property, and without any."""
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.tree import DecisionTreeClassifier

    if column.dtype.kind not in "biuf":
        column = np.unique(column, return_inverse=True)[1]
    classes = np.unique(targets)
    least = min(len(np.unique(member[targets == k])) for k in classes)
    splitter = StratifiedGroupKFold(min(_FOLDS, least), shuffle=True, random_state=seed)
    right = np.zeros(len(targets))
    for chosen, held_out in splitter.split(column, targets, member):
        tree = DecisionTreeClassifier(max_leaf_nodes=max(4, 2 * len(classes)), random_state=0)
        tree.fit(column[chosen, None], targets[chosen])
        right[held_out] = tree.predict(column[held_out, None]) == targets[held_out]
    shares = [(targets == k).astype(float) for k in classes]
    groups = np.bincount(member)
    usual = max(shares, key=lambda share: (share / groups[member]).sum())
    return right, usual


def _compared(
    right: np.ndarray, usual: np.ndarray, member: np.ndarray, p: float
) -> tuple[float, float, float, bool]:
    """Accuracy, chance, corrected p, and whether the property tells the classes apart."""
    _, member = np.unique(member, return_inverse=True)
    count = np.bincount(member)
    accuracy, chance = (float((np.bincount(member, one) / count).mean()) for one in (right, usual))
    return accuracy, chance, p, p <= ALPHA and accuracy >= chance + _GAIN


def property_notes(table: pd.DataFrame, *, bar_is_shown: bool | None = None) -> tuple[str, ...]:
    """Say which properties tell the classes apart, and what to do.

    Parameters
    ----------
    table : DataFrame
        From `telling_properties`.
    bar_is_shown : bool, optional
        Whether the network is shown the info bar; None before a training.
    """
    found = table[table["tells_apart"].astype(bool)] if len(table) else table
    notes = []
    for names, advice in _advice(bar_is_shown):
        mine = found[found["property"].isin(names)]
        if len(mine):
            listed = ", ".join(
                f"{name} {accuracy:.0%}"
                for name, accuracy in zip(mine["property"], mine["accuracy"], strict=True)
            )
            chance = mine["chance"].max()
            notes.append(
                f"what is no specimen tells the classes apart: {listed} of held-out images are "
                f"classified correctly by it alone (by chance {chance:.0%}); {advice}"
            )
    return tuple(notes)


def _advice(bar_is_shown: bool | None) -> list[tuple[tuple[str, ...], str]]:
    bars = (
        "the network is shown the bars: leave them out (info_bar='leave out')"
        if bar_is_shown
        else "bars are left out by default, but the images without theirs are lower: cut all "
        "images to one size"
    )
    advice = [
        (
            GEOMETRY,
            "a network sees how large an image was: cut the images of all classes to one size, or "
            "set a window of less than two thirds of the smallest side",
        ),
        (
            (PIXEL_SIZE,),
            "a network sees the magnification: take images of all classes at the same ones, or "
            "set a window in nm",
        ),
        (FILE, "compression and depth leave traces in the pixels: save all images alike"),
        (
            (DATE,),
            "settings and state of the microscope leave traces: take images of all classes in each "
            "session, or test on another session",
        ),
    ]
    return advice if bar_is_shown is False else [*advice, ((BAR,), bars)]
